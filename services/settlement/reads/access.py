"""Who may ask about an account: its two parties; for anybody else it does not exist."""

import msgspec

from infra.event_store import Recorded
from infra.past import Past
from infra.service import View
from schemas.decision import Refused
from schemas.kernel.agreement import Agreement
from schemas.kernel.names import owner, qualify
from schemas.settlement import SettlementRejection, StatementIssued
from services.settlement.domain.account import Account
from services.settlement.domain.standing import stream_of
from services.settlement.gathering import account_at
from services.settlement.knowledge import agreement_of
from services.settlement.naming import contract_of

UNKNOWN = Refused(SettlementRejection.ACCOUNT_UNKNOWN)
NO_STATEMENT = Refused(SettlementRejection.STATEMENT_UNKNOWN)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An account that the asker may see."""

    agreement: Agreement
    account: Account


class FoundStatement(msgspec.Struct, frozen=True, kw_only=True):
    """An issued statement that the asker may see, with its event."""

    agreement: Agreement
    event: StatementIssued
    recorded: Recorded


async def account_of(name: str, view: View) -> Found | Refused:
    """Return an account by its contract's name, as known."""
    contract = qualify(name, view.actor)
    agreement, _ = await agreement_of(view.past, contract)
    if agreement is None or agreement.role_of(view.actor) is None:
        return UNKNOWN
    return Found(agreement=agreement, account=await account_at(view.past, contract))


async def statement_of(name: str, view: View) -> FoundStatement | Refused:
    """Return an issued statement by its name, as known; operations may see anybody's."""
    qualified = qualify(name, view.actor)
    contract = contract_of(qualified)
    if contract is None:
        return UNKNOWN
    agreement, _ = await agreement_of(view.past, contract)
    if agreement is None or (agreement.role_of(view.actor) is None and not view.of_operations):
        return UNKNOWN
    recorded = await issued(view.past, contract, qualified)
    if recorded is None:
        return NO_STATEMENT
    event = recorded.event
    assert isinstance(event, StatementIssued), "found as one"
    return FoundStatement(agreement=agreement, event=event, recorded=recorded)


async def issued(past: Past, contract: str, statement: str) -> Recorded | None:
    """Return the event by which a statement was issued."""
    for recorded in await past.stream("settlement", owner(contract), stream_of(contract)):
        event = recorded.event
        if isinstance(event, StatementIssued) and event.statement == statement:
            return recorded
    return None
