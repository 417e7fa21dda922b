"""What a contract's terms count, exactly: C(x), the running total of committed amounts along the timeline.

Counted are fixed fees, committed capacity, the committed part of blocks, and of a minimum what exceeds the
counted charges that it covers, per its period. Usage is not. A broken interval counts by the second.
Everything is piecewise even: a charge is a set of pieces, each with a rate per second, in minor units.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from math import lcm
from typing import NamedTuple, TypeAlias

from schemas.contracts.charges import BlockCharge, CapacityCharge, FixedCharge, MinimumCharge
from schemas.contracts.values import Terms
from schemas.kernel.agreed import TermSegment
from schemas.kernel.calendar import Unit, intervals
from schemas.kernel.instants import instant, seconds
from schemas.kernel.interval import Interval
from schemas.kernel.money import exact_minor, minor
from schemas.kernel.rates import rate
from schemas.kernel.schedule import Schedule

HOUR_SECONDS = 3600


class Piece(NamedTuple):
    """`per_second` minor units over `[start, end)` (epoch seconds)."""

    start: int
    end: int
    per_second: Fraction


class Accrual:
    """The running total of pieces, exact, from before the first of them.

    Kept as whole numbers over one common denominator: sums of rationals would reduce at every step.
    """

    __slots__ = ("_bounds", "_rates", "_sums", "_unit")

    def __init__(self, pieces: Iterable[Piece]) -> None:
        """Sum up pieces that may overlap."""
        found = list(pieces)
        self._unit = lcm(*{piece.per_second.denominator for piece in found})
        changes: dict[int, int] = defaultdict(int)
        for start, end, per_second in found:
            scaled = per_second.numerator * (self._unit // per_second.denominator)
            changes[start] += scaled
            changes[end] -= scaled
        self._bounds = sorted(changes)
        self._rates: list[int] = []
        self._sums: list[int] = []
        level = total = 0
        for index, bound in enumerate(self._bounds):
            if index:
                total += level * (bound - self._bounds[index - 1])
            level += changes[bound]
            self._sums.append(total)
            self._rates.append(level)

    def to(self, t: datetime) -> Fraction:
        """The total up to an instant, in minor units."""
        second = seconds(t)
        index = bisect_right(self._bounds, second) - 1
        if index < 0:
            return Fraction(0)
        return Fraction(self._sums[index] + self._rates[index] * (second - self._bounds[index]), self._unit)

    def within(self, start: datetime, end: datetime) -> Fraction:
        """The total of `[start, end)`; 0 where that is empty."""
        return self.to(end) - self.to(start) if start < end else Fraction(0)


def counted(segments: Sequence[TermSegment], currency: str) -> Accrual:
    """All that counts along the timeline in one currency."""
    priced = [segment for segment in segments if segment.terms.currency == currency]
    charges = [piece for segment in priced for _, pieces in _committed(segment) for piece in pieces]
    return Accrual([*charges, *_excesses(priced)])


def fixed(segments: Sequence[TermSegment], currency: str) -> Accrual:
    """The fixed fees along the timeline in one currency; steps without an amount count nothing."""
    return Accrual(
        piece
        for segment in segments
        if segment.terms.currency == currency
        for charge in segment.terms.charges
        if isinstance(charge, FixedCharge)
        for piece in fixed_pieces(charge, segment)
    )


def fixed_pieces(charge: FixedCharge, segment: TermSegment) -> Iterator[Piece]:
    """The known amounts of a fixed charge while step and segment hold."""
    terms = segment.terms
    for step in charge.steps:
        stretch = _overlap(segment.interval, step.start, step.end)
        if step.amount is not None and stretch is not None:
            yield from _spread(terms, terms.billing.interval, stretch, minor(step.amount, terms.currency))


def capacity_pieces(charge: CapacityCharge, segment: TermSegment) -> Iterator[Piece]:
    """Committed quantity x rate while the segment holds."""
    terms = segment.terms
    match charge.per:
        case "gpu_hour":
            yield from _hourly(charge.line, charge.rate, segment)
        case "gpu_interval":
            price = exact_minor(rate(charge.rate), terms.currency)
            for start, end, quantity in _quantity(charge.line, segment).raw:
                assert end is not None, "clipped to the segment"
                stretch = Interval(instant(start), instant(end))
                yield from _spread(terms, terms.billing.interval, stretch, quantity * price)


def _committed(segment: TermSegment) -> Iterator[tuple[str, list[Piece]]]:
    """The pieces of each counted charge of a segment but minimums, by the charge's id."""
    for charge in segment.terms.charges:
        if isinstance(charge, FixedCharge):
            yield charge.charge, list(fixed_pieces(charge, segment))
        elif isinstance(charge, CapacityCharge):
            yield charge.charge, list(capacity_pieces(charge, segment))
        elif isinstance(charge, BlockCharge):
            yield charge.charge, list(_hourly(charge.line, charge.committed_rate, segment))


_Period: TypeAlias = tuple[str, Unit, str, Interval]
"""A minimum's id, unit and zone, and one of its calendar periods."""


class _Floor(NamedTuple):
    """The part of a period in which a minimum holds, its floor there, and what it covers there."""

    part: Interval
    amount: Fraction
    covered: Fraction


def _excesses(segments: Sequence[TermSegment]) -> Iterator[Piece]:
    """What minimums exceed the counted charges that they cover, spread evenly over each period."""
    floors: dict[_Period, list[_Floor]] = {}
    for segment in segments:
        accruals = {charge: Accrual(pieces) for charge, pieces in _committed(segment)}
        for charge in segment.terms.charges:
            if isinstance(charge, MinimumCharge):
                for period, floor in _floors(charge, segment, accruals):
                    floors.setdefault(period, []).append(floor)
    for parts in floors.values():
        excess = sum(floor.amount - floor.covered for floor in parts)
        if excess > 0:
            held = sum(floor.part.seconds for floor in parts)
            for floor in parts:
                yield Piece(seconds(floor.part.start), seconds(floor.part.end), Fraction(excess) / held)


def _floors(
    charge: MinimumCharge, segment: TermSegment, accruals: dict[str, Accrual]
) -> Iterator[tuple[_Period, _Floor]]:
    zone, bounds = segment.terms.billing.zone, segment.interval
    whole = minor(charge.amount, segment.terms.currency)
    for period in intervals(zone, charge.per, bounds.start, bounds.end):
        part = _overlap(bounds, period.start, period.end)
        assert part is not None, "only periods that touch the segment"
        covered = sum(accruals[c].within(part.start, part.end) for c in charge.covers if c in accruals)
        floor = _Floor(part, Fraction(whole * part.seconds, period.seconds), Fraction(covered))
        yield (charge.charge, charge.per, zone, period), floor


def _hourly(line: str, price: str, segment: TermSegment) -> Iterator[Piece]:
    per_second = exact_minor(rate(price), segment.terms.currency) / HOUR_SECONDS
    for start, end, quantity in _quantity(line, segment).raw:
        assert end is not None, "clipped to the segment"
        yield Piece(start, end, quantity * per_second)


def _quantity(line: str, segment: TermSegment) -> Schedule:
    for found in segment.terms.lines:
        if found.line == line:
            return found.quantity.clip(segment.interval.start, segment.interval.end)
    return Schedule.EMPTY


def _spread(terms: Terms, unit: Unit, stretch: Interval, amount: int | Fraction) -> Iterator[Piece]:
    """An amount per calendar interval over a stretch of time, by the second."""
    for whole in intervals(terms.billing.zone, unit, stretch.start, stretch.end):
        part = _overlap(stretch, whole.start, whole.end)
        assert part is not None, "only intervals that touch the stretch"
        yield Piece(seconds(part.start), seconds(part.end), Fraction(amount) / whole.seconds)


def _overlap(interval: Interval, start: datetime, end: datetime) -> Interval | None:
    low, high = max(interval.start, start), min(interval.end, end)
    return Interval(low, high) if low < high else None
