"""`settlement.journal`: the posting groups of a tenant's books, and their trial balance."""

from typing import Any

from infra.event_store import Recorded
from infra.past import Past
from infra.service import View
from schemas.decision import Refused
from schemas.kernel.money import amount
from schemas.settlement import JournalQuestion, SettlementRejection
from services.settlement.aggregates import BOOK
from services.settlement.domain.book import Book
from services.settlement.domain.journal import GPU_SECOND, Group, Ledger, RateMissingError, trial
from services.settlement.reads.access import UNKNOWN


async def journal(question: JournalQuestion, view: View) -> Any | Refused:  # noqa: ANN401 JSON
    """Answer with the groups booked in [from, to) and the balances just before `to`."""
    if question.tenant != view.actor:
        return UNKNOWN
    try:
        groups = await groups_of(view.past, question.tenant)
    except RateMissingError as error:
        details = {"currency": error.currency, "date": f"{error.at:%Y-%m-%d}"}
        return Refused(SettlementRejection.RATE_MISSING, details)
    inside = [group for group in groups if question.start <= group.at < question.end]
    balances = trial(group for group in groups if group.at < question.end)
    return {
        "groups": [_group(group) for group in inside],
        "trial": [
            {"account": account, "currency": currency, "balance": _shown(value, currency)}
            for (account, currency), value in balances.items()
        ],
    }


async def groups_of(past: Past, tenant: str) -> list[Group]:
    """Return all groups of a tenant's books, in the order recorded.

    Raises:
        RateMissingError: something cannot be booked for want of a rate.
    """
    book: Book = (await past.fold("settlement", BOOK, tenant, f"book-{tenant}")).state
    ledger = Ledger(book)
    for recorded in await _events(past, tenant):
        ledger.post(recorded.event)  # type: ignore[arg-type] # an account's stream holds its events
    return ledger.groups


async def _events(past: Past, tenant: str) -> list[Recorded]:
    found: list[Recorded] = []
    for name in await past.streams("settlement", tenant, "account"):
        if name.tenant == tenant:
            found += await past.stream("settlement", tenant, name.stream)
    return sorted(found, key=lambda recorded: recorded.position)


def _group(group: Group) -> dict[str, Any]:
    return {
        "at": group.at,
        "contract": group.contract,
        "cause": group.cause,
        "currency": group.currency,
        "postings": [
            {
                "account": posting.account,
                "currency": group.currency,
                "amount": _shown(posting.amount, group.currency),
                "original": None
                if posting.original is None or group.original_currency is None
                else {
                    "amount": _shown(posting.original, group.original_currency),
                    "currency": group.original_currency,
                },
            }
            for posting in group.postings
        ],
    }


def _shown(value: int, currency: str) -> str:
    return str(value) if currency == GPU_SECOND else amount(value, currency)
