"""`settlement.journal`: the posting groups of a tenant's books, and their trial balance."""

from datetime import datetime
from typing import Any

from infra.past import Past
from infra.service import View
from infra.sums import Between
from schemas.decision import Refused
from schemas.kernel.money import amount
from schemas.settlement import JournalQuestion, SettlementRejection
from services.settlement import posting
from services.settlement.aggregates import BOOK
from services.settlement.domain.book import Book
from services.settlement.domain.journal import GPU_SECOND, Group, trial
from services.settlement.domain.posting import Booked, Missing, booked
from services.settlement.domain.valuing import RateMissingError
from services.settlement.reads.access import UNKNOWN


async def journal(question: JournalQuestion, view: View) -> Any | Refused:  # noqa: ANN401 JSON
    """Answer with the groups booked in [from, to) and the balances just before `to`."""
    if question.tenant != view.actor:
        return UNKNOWN
    if await posting.is_kept(view.past, question.tenant):
        missing = await posting.missing_rate(view.past, question.tenant)
        if missing is not None:
            return _rate_missing(*missing)
        inside = await posting.posted(view.past, question.tenant, Between("at", question.start, question.end))
        balances = await posting.balances(view.past, question.tenant, question.end)
    else:
        try:
            groups = await groups_of(view.past, question.tenant)
        except RateMissingError as error:
            return _rate_missing(error.currency, error.at)
        inside = [group for group in groups if question.start <= group.at < question.end]
        balances = trial(group for group in groups if group.at < question.end)
    return {
        "groups": [_group(group) for group in inside],
        "trial": [
            {"account": account, "currency": currency, "balance": _shown(value, currency)}
            for (account, currency), value in balances.items()
        ],
    }


def _rate_missing(currency: str, at: datetime) -> Refused:
    return Refused(SettlementRejection.RATE_MISSING, {"currency": currency, "date": f"{at:%Y-%m-%d}"})


async def groups_of(past: Past, tenant: str) -> list[Group]:
    """Return all groups of a tenant's books, in the order recorded, as they follow from the log.

    Raises:
        RateMissingError: something cannot be booked for want of a rate.
    """
    book: Book = (await past.fold("settlement", BOOK, tenant, f"book-{tenant}")).state
    made: list[Booked] = []
    lacking: list[Missing] = []
    for name in await past.streams("settlement", tenant, "account"):
        if name.tenant == tenant:
            found, missing = booked(book, await posting.account_events(past, tenant, name.stream))
            made += found
            lacking += [] if missing is None else [missing]
    if lacking:
        raise min(lacking, key=lambda missing: missing.source).error
    return [one.group for one in sorted(made, key=lambda one: (one.source, one.number))]


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
