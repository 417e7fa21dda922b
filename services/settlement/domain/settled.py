"""What need not be computed again: the first intervals, where f is known to say what was billed for them.

A statement issued in its turn bills whatever differs in all intervals before it. So from then on what is
billed of them is f at its basis, and as long as nothing that f reads of them has changed it is f now.
Make-up, prepayments and revenue go on from the billed amounts.
"""

from collections.abc import Sequence
from datetime import datetime

from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule
from services.settlement.domain.account import Account
from services.settlement.domain.intervals import Slot
from services.settlement.domain.rating.cuts import period_bounds
from services.settlement.domain.rating.facts import Chapter, Deal, Holding, NovationShare
from services.settlement.domain.rating.line import Line


def run_of(found: Sequence[Slot], state: Account, deal: Deal, interval: Interval) -> int:
    """How many of the first intervals were issued in their turn, and so may be settled for a later one.

    Only where all are billed in one currency, and where no period of a minimum parts one of them.
    """
    wanted = next((slot for slot in found if slot.interval == interval), None)
    if wanted is None:
        return 0
    bounds = period_bounds(deal)
    run = 0
    for slot in found:
        start, end = seconds(slot.interval.start), seconds(slot.interval.end)
        if (
            slot.interval.start not in state.reached
            or slot.interval.end > interval.start
            or slot.currency != wanted.currency
            or any(start < bound < end for bound in bounds)
        ):
            break
        run += 1
    return run


def as_billed(state: Account, slot: Slot) -> list[Line]:
    """The lines of an interval as billed: one for each kind and charge."""
    return [
        Line(
            kind=kind,
            charge=charge,
            service=slot.interval,
            amount=billed.amount,
            formula="as billed",
            category=billed.category,
            rate_percent=billed.rate_percent,
        )
        for (kind, charge), billed in state.billed.get(slot.interval.start, {}).items()
    ]


def alike(then: Deal, now: Deal, until: datetime) -> bool:
    """Whether two deals are the same in all that f reads of intervals up to an instant, use apart."""
    lines = {*then.committed, *now.committed}
    pools = {*then.unsold, *now.unsold}
    return (
        _chapters(then, until) == _chapters(now, until)
        and _end(then, until) == _end(now, until)
        and _exit(then, until) == _exit(now, until)
        and _novation(then.novation, until) == _novation(now.novation, until)
        and _elections(then, until) == _elections(now, until)
        and all(_same(then.committed.get(x), now.committed.get(x), until) for x in lines)
        and all(_same(then.unsold.get(x), now.unsold.get(x), until) for x in pools)
        and all(_held_alike(then.holding(line), now.holding(line), until) for line in lines)
    )


def _same(then: Schedule | None, now: Schedule | None, until: datetime) -> bool:
    nothing = Schedule.EMPTY
    return (then or nothing).clip(None, until) == (now or nothing).clip(None, until)


def _held_alike(then: Holding, now: Holding, until: datetime) -> bool:
    names: tuple[str, ...] = Holding.__struct_fields__
    return all(_same(getattr(then, name), getattr(now, name), until) for name in names)


def _chapters(deal: Deal, until: datetime) -> list[Chapter]:
    return [
        Chapter(Interval(c.interval.start, min(c.interval.end, until)), c.terms, c.version)
        for c in deal.chapters
        if c.interval.start < until
    ]


def _end(deal: Deal, until: datetime) -> datetime | None:
    return deal.end if deal.end <= until else None


def _exit(deal: Deal, until: datetime) -> object:
    return None if deal.exit is None or deal.exit.ends_at > until else deal.exit


def _elections(deal: Deal, until: datetime) -> dict[str, datetime]:
    return {line: at for line, at in deal.elections.items() if at < until}


def _novation(share: NovationShare | None, until: datetime) -> object:
    if share is None:
        return None
    changed = share.changed_at
    return (
        share.effective_at,
        share.undivided,
        share.old,
        None if changed is None or changed >= until else changed,
    )
