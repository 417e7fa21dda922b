"""Blocks: committed GPUs hour by hour, nothing carried between hours; what exceeds is overage."""

from fractions import Fraction

import msgspec

from schemas.contracts import BlockCharge
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.rates import rate
from schemas.kernel.schedule import Schedule
from services.settlement.domain.rating.facts import Chapter, Deal, charge_in
from services.settlement.domain.rating.line import Line
from services.settlement.domain.rating.scope import Scope

SECONDS_PER_HOUR = 3600
GPU_METER = "gpu"


class Hours(msgspec.Struct, frozen=True):
    """GPU-seconds over a stretch of one pair of rates, summed hour by hour."""

    part: Interval
    charge: BlockCharge
    within: int
    unused: int
    overage: int
    versions: tuple[int, ...]


def block(deal: Deal, scope: Scope) -> list[Line]:
    """Three lines: used within the commitment, unused, overage; again for each pair of rates."""
    lines: list[Line] = []
    for name in scope.places:
        for hours in _merged([_of(deal, scope, c, b) for c, b in _chapters(scope, name)]):
            lines += _lines(scope, hours)
    return lines


def _chapters(scope: Scope, name: str) -> list[tuple[Chapter, BlockCharge]]:
    found = [(chapter, charge_in(chapter.terms, name, BlockCharge)) for chapter in scope.chapters]
    return [(chapter, charge) for chapter, charge in found if charge is not None]


def _of(deal: Deal, scope: Scope, chapter: Chapter, charge: BlockCharge) -> Hours:
    """The hours of a chapter; an hour across its bounds is looked at only within it.

    Use outside the term counts with the first and the last chapter of the interval, as overage.
    """
    part = _reach(scope, chapter)
    cuts = hour_cuts(scope.interval, part)
    used = deal.meters.parts(charge.line, GPU_METER, cuts)
    held = deal.committed.get(charge.line, Schedule.EMPTY).clip(chapter.interval.start, chapter.interval.end)
    committed = integrals(held, cuts)
    within = sum(min(u, c) for u, c in zip(used, committed, strict=True))
    return Hours(
        chapter.interval, charge, within, sum(committed) - within, sum(used) - within, (chapter.version,)
    )


def _reach(scope: Scope, chapter: Chapter) -> Interval:
    first, last = scope.chapters[0], scope.chapters[-1]
    start = scope.interval.start if chapter is first else chapter.interval.start
    end = scope.interval.end if chapter is last else chapter.interval.end
    return Interval(start, end)


def hour_cuts(interval: Interval, part: Interval) -> list[int]:
    """The bounds of the hours of a part, counted from the interval's start."""
    origin, start, end = seconds(interval.start), seconds(part.start), seconds(part.end)
    first = origin + (start - origin) // SECONDS_PER_HOUR * SECONDS_PER_HOUR + SECONDS_PER_HOUR
    return [start, *range(first, end, SECONDS_PER_HOUR), end]


def integrals(schedule: Schedule, cuts: list[int]) -> list[int]:
    """GPU-seconds between neighbouring cuts, in one pass."""
    sums = [0] * (len(cuts) - 1)
    index = 0
    for start, end, quantity in schedule.clip(cuts[0], cuts[-1]).raw:
        assert end is not None, "clipped"
        while cuts[index + 1] <= start:
            index += 1
        at = start
        while at < end:
            until = min(end, cuts[index + 1])
            sums[index] += (until - at) * quantity
            at = until
            if at == cuts[index + 1] and at < end:
                index += 1
    return sums


def _merged(found: list[Hours]) -> list[Hours]:
    merged: list[Hours] = []
    for hours in found:
        last = merged[-1] if merged else None
        if last is not None and last.part.end == hours.part.start and _alike(last.charge, hours.charge):
            merged[-1] = Hours(
                Interval(last.part.start, hours.part.end),
                last.charge,
                last.within + hours.within,
                last.unused + hours.unused,
                last.overage + hours.overage,
                tuple(dict.fromkeys((*last.versions, *hours.versions))),
            )
        else:
            merged.append(hours)
    return merged


def _alike(a: BlockCharge, b: BlockCharge) -> bool:
    return (
        a.line == b.line
        and rate(a.committed_rate) == rate(b.committed_rate)
        and rate(a.overage_rate) == rate(b.overage_rate)
    )


def _lines(scope: Scope, hours: Hours) -> list[Line]:
    charge = hours.charge
    parts = (
        ("used within the commitment", hours.within, charge.committed_rate),
        ("committed, not used", hours.unused, charge.committed_rate),
        ("used beyond the commitment", hours.overage, charge.overage_rate),
    )
    return [
        Line(
            kind="block",
            charge=charge.charge,
            service=hours.part,
            amount=scope.round(scope.exact(Fraction(quantity, SECONDS_PER_HOUR) * rate(price))),
            quantity=quantity,
            unit="GPU-second",
            rate=price,
            formula=f"{quantity} GPU-seconds {what}, hour by hour, / 3600 x {price}",
            order=scope.order(charge.charge, hours.part, tier),
            versions=hours.versions,
            holdings=(charge.line,),
        )
        for tier, (what, quantity, price) in enumerate(parts)
    ]
