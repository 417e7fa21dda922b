"""f(K) for one statement: the intervals up to its own, rated; what was earned and measured to date."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from schemas.kernel.agreement import Agreement
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.settlement import BasisEntry, Measured
from services.settlement.domain.account import Account, Reached
from services.settlement.domain.intervals import Slot, bounds_of, slots
from services.settlement.domain.rating import NEWEST, Rating, rate_deal
from services.settlement.domain.rating.facts import Deal
from services.settlement.domain.revenue import Earnings, Version
from services.settlement.domain.settled import as_billed
from services.settlement.domain.standing import Computed
from services.settlement.domain.statement import Earned


def computed(  # noqa: PLR0913 what f takes, all of it by name
    agreement: Agreement,
    deal: Deal,
    versions: Sequence[Version],
    state: Account,
    interval: Interval,
    *,
    basis: tuple[BasisEntry, ...],
    provisional: bool,
    settled: int = 0,
) -> Computed:
    """Rate the intervals for the statement of one; `slot` None where it is none of the contract's.

    All but the first `settled`, so that what is decided does not hang on what was issued between finding and
    deciding.
    """
    found = all_slots(agreement, state, interval.end)
    slot = next((slot for slot in found if slot.interval == interval), None)
    rating = rated(deal, found, state, max((s.interval.end for s in found), default=interval.end), settled)
    before = None if not settled else state.reached[found[settled - 1].interval.start]
    earnings = Earnings(rating, versions, [slot.scope(deal) for slot in found])
    used = _used_to(rating, before)
    return Computed(
        slot=slot,
        rating=rating,
        basis=basis,
        provisional=provisional,
        earned=tuple(
            Earned(end=end, recognised=earnings.to_date(end), measured=measured(rating, end, used[end]))
            for end in (slot.interval.end for slot in found)
            if before is None or end >= before.end
        ),
    )


def all_slots(agreement: Agreement, state: Account, until: datetime) -> list[Slot]:
    """The intervals that begin before an instant, the contract's end, or the end of the last one issued."""
    last = max([until, agreement.end, *(issued.interval.end for issued in state.issued.values())])
    return slots(agreement, last, state.issued)


def rated(deal: Deal, found: Sequence[Slot], state: Account, until: datetime, settled: int = 0) -> Rating:
    """Rate the intervals that begin before an instant, each by the rulebook it is bound to.

    The first `settled` of them are as billed.
    """
    spread = msgspec.structs.replace(deal, meters=deal.meters.with_bounds(bounds_of(found)))
    wanted = [slot for slot in found if slot.interval.start < until]
    return rate_deal(
        spread,
        [slot.scope(spread) for slot in wanted],
        [rulebook_of(state, slot.interval.start) for slot in wanted],
        [as_billed(state, slot) for slot in found[:settled]],
    )


def rulebook_of(state: Account, start: datetime) -> int:
    """The rulebook an interval is bound to: moved to, or that of its first statement, or the newest."""
    issued = state.issued.get(start)
    return state.rulebooks.get(start, NEWEST if issued is None else issued.rulebook)


def _used_to(rating: Rating, before: Reached | None) -> dict[datetime, int]:
    """The use to the end of each interval, from what was measured of those that are settled."""
    total = 0 if before is None else before.used
    found: dict[datetime, int] = {}
    for interval in (r.scope.interval for r in rating.intervals):
        if before is None or interval.start >= before.end:
            total += _used(rating, interval)
        found[interval.end] = total
    return found


def measured(rating: Rating, until: datetime, used: int) -> Measured:
    """The GPU-seconds of all intervals that end by an instant, given what was used of them."""
    inside = [r.scope.interval for r in rating.intervals if r.scope.interval.end <= until]
    if not inside:
        return Measured()
    whole = Interval(inside[0].start, inside[-1].end)
    committed = sum(s.integral(whole.start, whole.end) for s in rating.deal.committed.values())
    allocated = passed_on = 0
    for line in rating.deal.committed:
        held = rating.deal.holding(line)
        there = held.reserved.minus(held.delivery_cut).minus(held.maintenance_cut).minus(held.outage_cut)
        allocated += there.integral(whole.start, whole.end)
        passed_on += held.passed_on.min(there).integral(whole.start, whole.end)
    return Measured(
        committed=committed,
        allocated=allocated,
        used=used,
        passed_on=passed_on,
        unused=allocated - used - passed_on,
    )


def _used(rating: Rating, interval: Interval) -> int:
    start, end = seconds(interval.start), seconds(interval.end)
    return sum(rating.deal.meters.own(line, start, end) for line in rating.deal.committed)
