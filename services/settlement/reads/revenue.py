"""`settlement.revenue`: what was earned by interval, against what was billed, and what is to come."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from infra.service import View
from schemas.decision import Refused
from schemas.kernel.calendar import interval_of
from schemas.kernel.charges import counted, fixed
from schemas.kernel.instants import seconds
from schemas.kernel.money import amount
from schemas.kernel.rounding import round_half_up
from schemas.settlement import RevenueQuestion
from services.settlement.domain.account import Account
from services.settlement.domain.computing import rated
from services.settlement.domain.intervals import Slot, slots
from services.settlement.domain.revenue import Earnings
from services.settlement.knowledge import Known, closed_cut, known_whole
from services.settlement.reads.access import UNKNOWN, account_of
from services.settlement.reads.statement import span


async def revenue(question: RevenueQuestion, view: View) -> Any | Refused:  # noqa: ANN401 JSON
    """Answer for every billing interval in [from, to); balances are as at each interval's end."""
    found = await account_of(question.contract, view)
    if isinstance(found, Refused):
        return found
    cut = await closed_cut(view.past)
    all_known = await known_whole(view.past.at(cut), found.agreement.contract, found.account, question.end)
    if all_known is None:
        return UNKNOWN
    all_slots = slots(all_known.agreement, max(question.end, all_known.agreement.end), found.account.issued)
    rating = rated(all_known.deal, all_slots, found.account, question.end)
    earnings = Earnings(rating, all_known.versions, [slot.scope(all_known.deal) for slot in all_slots])
    wanted = [s for s in all_slots if question.start <= s.interval.start and s.interval.end <= question.end]
    return {
        "contract": found.agreement.contract,
        "intervals": [_interval(slot, earnings, found.account) for slot in wanted],
        "remaining": _remaining(all_known, earnings, question.end),
    }


def _interval(slot: Slot, earnings: Earnings, state: Account) -> dict[str, Any]:
    to_date = sum(earnings.to_date(slot.interval.end).values())
    before = sum(earnings.to_date(slot.interval.start).values())
    ahead = billed_to(state, slot.interval.end) - to_date
    return {
        "interval": span(slot.interval),
        "recognised": amount(to_date - before, slot.currency),
        "deferred": amount(max(0, ahead), slot.currency),
        "unbilled": amount(max(0, -ahead), slot.currency),
    }


def billed_to(state: Account, end: datetime) -> int:
    """What the statements of all intervals up to an end billed, without late interest."""
    return sum(
        statement.net - statement.interest
        for statement in state.statements.values()
        if statement.interval.end <= end
    )


def _remaining(all_known: Known, earnings: Earnings, since: datetime) -> list[dict[str, Any]]:
    """What is agreed and not yet earned, by calendar year: fees as earned, other commitments as they run."""
    agreement = all_known.agreement
    terms = agreement.terms_near(since)
    bands: list[tuple[datetime, datetime]] = []
    at = max(since, agreement.term_start)
    while at < agreement.end:
        end = min(interval_of(terms.billing.zone, "year", at).end, agreement.end)
        bands.append((at, end))
        at = end
    return [
        {"start": start, "end": end, "amount": amount(value, terms.currency)}
        for start, end, value in _amounts(all_known, earnings, bands)
    ]


def _amounts(
    all_known: Known, earnings: Earnings, bands: Sequence[tuple[datetime, datetime]]
) -> list[tuple[datetime, datetime, int]]:
    agreement = all_known.agreement
    currency = agreement.terms_near(agreement.term_start).currency
    running = counted(agreement.term_segments, currency)
    fixed_fees = fixed(agreement.term_segments, currency)
    made: list[tuple[datetime, datetime, int]] = []
    for start, end in bands:
        fees = sum(
            (fee.earned(seconds(end)) - fee.earned(seconds(start)) for fee in earnings.fees.values()),
            Fraction(0),
        )
        other = running.within(start, end) - fixed_fees.within(start, end)
        made.append((start, end, round_half_up(fees + other)))
    return made
