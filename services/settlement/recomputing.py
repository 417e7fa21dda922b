"""An issued statement computed again, from the logs alone, at its basis."""

from collections.abc import Sequence

from infra.codec import encode
from infra.event_store import Recorded
from infra.past import Past
from schemas.kernel.names import owner
from schemas.settlement import AccountEvent, StatementIssued
from services.settlement.domain.account import Account, evolve, initial
from services.settlement.domain.standing import stream_of
from services.settlement.domain.statement import Issue, statement
from services.settlement.gathering import compute
from services.settlement.knowledge import cut_of, known_whole


async def account_before(past: Past, recorded: Recorded) -> Account:
    """Return the account as it was just before one of its events."""
    state = initial()
    for earlier in await past.stream("settlement", recorded.tenant, recorded.stream):
        if earlier.version >= recorded.version:
            break
        state = evolve(state, _account_event(earlier))
    return state


async def recomputed(past: Past, recorded: Recorded) -> StatementIssued | None:
    """Return the statement as f says it at its basis; None where the contract is not known there."""
    event = recorded.event
    assert isinstance(event, StatementIssued), "a statement"
    cut = cut_of(event.basis)
    state = await account_before(past, recorded)
    found = await known_whole(past.at(cut), event.contract, state, event.interval.end)
    if found is None:
        return None
    made = compute(found, state, event.interval, cut)
    if made.slot is None:
        return None
    issue = Issue(
        contract=event.contract,
        rating=made.rating,
        basis=event.basis,
        provisional=made.provisional,
        issued_at=event.issued_at,
        due_at=event.due_at,
        earned=made.earned,
    )
    return statement(issue, state, made.slot)


async def differs(past: Past, recorded: Recorded) -> str | None:
    """Say how a statement differs from what f says at its basis; None where the bytes are the same."""
    event = recorded.event
    assert isinstance(event, StatementIssued), "a statement"
    again = await recomputed(past, recorded)
    if again is None:
        return f"{event.statement}: cannot be computed again at its basis"
    if encode(again) == encode(event):
        return None
    fields: Sequence[str] = event.__struct_fields__
    wrong = [name for name in fields if getattr(again, name) != getattr(event, name)]
    return f"{event.statement}: computed again at its basis it differs in {', '.join(wrong)}"


async def stream_of_account(past: Past, contract: str) -> Sequence[Recorded]:
    """Return the events of a contract's account."""
    return await past.stream("settlement", owner(contract), stream_of(contract))


def _account_event(recorded: Recorded) -> AccountEvent:
    event = recorded.event
    assert isinstance(event, AccountEvent), "an account's stream holds its events"
    return event
