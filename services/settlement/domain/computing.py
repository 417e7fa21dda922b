"""f(K) for one statement: the intervals up to its own, rated; what was earned and measured to date."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from schemas.kernel.agreement import Agreement
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.settlement import BasisEntry, Measured
from services.settlement.domain.account import Account
from services.settlement.domain.intervals import Slot, bounds_of, slots
from services.settlement.domain.rating import NEWEST, Rating, rate_deal
from services.settlement.domain.rating.facts import Deal
from services.settlement.domain.revenue import Earnings, Version
from services.settlement.domain.standing import Computed
from services.settlement.domain.statement import Earned


def computed(
    agreement: Agreement,
    deal: Deal,
    versions: Sequence[Version],
    state: Account,
    interval: Interval,
    *,
    basis: tuple[BasisEntry, ...],
    provisional: bool,
) -> Computed:
    """Rate all intervals for the statement of one; `slot` None where it is none of the contract's.

    All, so that what is decided does not hang on what was issued between finding and deciding.
    """
    last = max([interval.end, agreement.end, *(issued.interval.end for issued in state.issued.values())])
    found = slots(agreement, last, state.issued)
    slot = next((slot for slot in found if slot.interval == interval), None)
    rating = rated(deal, found, state, last)
    earnings = Earnings(rating, versions, [slot.scope(deal) for slot in found])
    return Computed(
        slot=slot,
        rating=rating,
        basis=basis,
        provisional=provisional,
        earned=tuple(
            Earned(end=end, recognised=earnings.to_date(end), measured=measured(rating, end))
            for end in (slot.interval.end for slot in found)
        ),
    )


def rated(deal: Deal, found: Sequence[Slot], state: Account, until: datetime) -> Rating:
    """Rate the intervals that begin before an instant, each by the rulebook it is bound to."""
    spread = msgspec.structs.replace(deal, meters=deal.meters.with_bounds(bounds_of(found)))
    wanted = [slot for slot in found if slot.interval.start < until]
    return rate_deal(
        spread,
        [slot.scope(spread) for slot in wanted],
        [rulebook_of(state, slot.interval.start) for slot in wanted],
    )


def rulebook_of(state: Account, start: datetime) -> int:
    """The rulebook an interval is bound to: moved to, or that of its first statement, or the newest."""
    issued = state.issued.get(start)
    return state.rulebooks.get(start, NEWEST if issued is None else issued.rulebook)


def measured(rating: Rating, until: datetime) -> Measured:
    """The GPU-seconds of all intervals that end by an instant."""
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
    used = sum(_used(rating, interval) for interval in inside)
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
