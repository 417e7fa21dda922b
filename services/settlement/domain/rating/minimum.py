"""Take or pay: a floor per calendar period, trued up at its end; later use above it may make up for that."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

import msgspec

from schemas.contracts import Charge, MinimumCharge, UsageCharge
from schemas.kernel.calendar import interval_of
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.shares import largest_remainder
from services.settlement.domain.rating.block import block
from services.settlement.domain.rating.capacity import capacity
from services.settlement.domain.rating.facts import Chapter, Deal, charge_in, charges_named, shown
from services.settlement.domain.rating.fixed import fixed
from services.settlement.domain.rating.line import BASE, Line, holdings_of, pools_of
from services.settlement.domain.rating.residual import residual
from services.settlement.domain.rating.scope import Scope
from services.settlement.domain.rating.shortfall import not_delivered, recalled


class Rated(msgspec.Struct, frozen=True):
    """An interval with its lines so far; of a settled one they are complete, one a kind and charge."""

    scope: Scope
    lines: list[Line]
    settled: bool = False


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """One period of a minimum.

    Attributes:
        period: the whole calendar period; `held` is the part of it in which the minimum holds.
        floor, covered: in minor units, the floor exact, what counts towards it in rounded amounts.
        true_up: what the period falls short, rounded once.
        made_up: what it gives back of earlier true-ups.
        kept: what of its true-up can still be made up, after the periods rated so far.
        counted: the lines that it covers, wholly or in part.
    """

    charge: str
    period: Interval
    held: Interval
    floor: Fraction
    covered: int
    true_up: int
    made_up: int
    formula: str
    versions: tuple[int, ...]
    counted: tuple[Line, ...]


def minimum(deal: Deal, rated: Sequence[Rated], name: str) -> list[Floor]:
    """Every period of one minimum up to the last interval that is rated, oldest first.

    A period in which the currency changes counts in its last one, for the time that it holds.
    """
    found: list[Floor] = []
    kept: list[int] = []
    for period, chapters in periods(deal, name):
        if not rated or period.start >= rated[-1].scope.interval.end:
            break
        currency = _rounder(rated, period).currency
        held = [chapter for chapter in chapters if chapter.terms.currency == currency]
        if not held:
            continue
        floor = _floor(deal, rated, name, period, held)
        charge = charge_in(held[-1].terms, name, MinimumCharge)
        assert charge is not None, "chapters of the charge"
        reach = range(max(0, len(kept) - charge.make_up_intervals), len(kept))
        above = max(Fraction(0), floor.covered - floor.floor)
        made_up = min(_rounder(rated, period).round(above), sum(kept[i] for i in reach))
        _take(kept, reach, made_up)
        kept.append(floor.true_up)
        found.append(msgspec.structs.replace(floor, made_up=made_up))
    return found


def line_of(scope: Scope, floor: Floor) -> Line:
    """The line that a period makes in the interval in which it ends: a true-up, or what was made up."""
    text = f"the floor {floor.formula} less {floor.covered} covered"
    if floor.made_up:
        text = f"{floor.covered} covered above the floor {floor.formula}, given back of earlier true-ups"
    return Line(
        kind="minimum",
        charge=floor.charge,
        service=floor.held,
        amount=floor.true_up - floor.made_up,
        formula=text,
        order=scope.order(floor.charge, floor.held),
        versions=floor.versions,
        holdings=holdings_of(floor.counted),
        pools=pools_of(floor.counted),
    )


def ends_in(floor: Floor, scope: Scope, *, last: bool) -> bool:
    """Whether a period is trued up in an interval: where it ends, or with the contract's last interval."""
    interval = scope.interval
    if interval.start < floor.period.end <= interval.end:
        return True
    return last and floor.period.start < interval.end < floor.period.end


def _take(kept: list[int], reach: range, amount: int) -> None:
    for index in reach:
        taken = min(kept[index], amount)
        kept[index] -= taken
        amount -= taken


def periods(deal: Deal, name: str) -> Iterator[tuple[Interval, list[Chapter]]]:
    """The calendar periods of a minimum, with the chapters that hold in each, clipped to it."""
    reached: datetime | None = None
    for chapter, charge in charges_named(deal.chapters, name):
        if not isinstance(charge, MinimumCharge):
            continue
        t = chapter.interval.start if reached is None else max(reached, chapter.interval.start)
        while t < chapter.interval.end:
            period = interval_of(chapter.terms.billing.zone, charge.per, t)
            held = [c for c in deal.chapters_in(period) if charge_in(c.terms, name, MinimumCharge)]
            yield period, held
            t = reached = period.end


def _floor(deal: Deal, rated: Sequence[Rated], name: str, period: Interval, chapters: list[Chapter]) -> Floor:
    whole = Fraction(0)
    texts: list[str] = []
    covers: dict[str, None] = {}
    scope = _rounder(rated, period)
    for chapter in chapters:
        charge = charge_in(chapter.terms, name, MinimumCharge)
        assert charge is not None, "chapters of the charge"
        share = Fraction(chapter.interval.seconds, period.seconds)
        whole += scope.minor(charge.amount) * share
        texts.append(charge.amount if share == 1 else f"{charge.amount} x {shown(share)} of the period")
        covers.update(dict.fromkeys(charge.covers))
    missing = _missing(deal, chapters, tuple(covers))
    if missing:
        texts.append(f"x {shown(1 - missing)} delivered")
    whole *= 1 - missing
    counting = [found for found in rated if found.scope.currency == scope.currency]
    covered = sum(_covered(deal, found, period, frozenset(covers)) for found in counting)
    return Floor(
        charge=name,
        period=period,
        held=Interval(chapters[0].interval.start, chapters[-1].interval.end),
        floor=whole,
        covered=covered,
        true_up=scope.round(max(Fraction(0), whole - covered)),
        made_up=0,
        formula=" + ".join(texts[: len(chapters)]) + "".join(f" {text}" for text in texts[len(chapters) :]),
        versions=tuple(dict.fromkeys(chapter.version for chapter in chapters)),
        counted=tuple(
            line
            for found in counting
            if found.scope.interval.overlap(period) is not None
            for line in found.lines
            if line.kind in BASE and line.charge in covers
        ),
    )


def _rounder(rated: Sequence[Rated], period: Interval) -> Scope:
    """The interval whose currency and rounding a period goes by: the last that touches it."""
    touching = [found.scope for found in rated if found.scope.interval.overlap(period) is not None]
    return touching[-1] if touching else rated[-1].scope


def _missing(deal: Deal, chapters: list[Chapter], covers: tuple[str, ...]) -> Fraction:
    """The share of the period's committed GPU-seconds that was not delivered or was recalled."""
    charges: list[tuple[Chapter, Charge]] = [
        found for name in covers for found in charges_named(tuple(chapters), name)
    ]
    short, back = not_delivered(deal, charges), recalled(deal, charges)
    if not short.committed:
        return Fraction(0)
    return min(Fraction(1), Fraction(short.lacking.total() + back.lacking.total(), short.committed))


def _covered(deal: Deal, rated: Rated, period: Interval, covers: frozenset[str]) -> int:
    """The rounded amounts of an interval's covered charges that fall in a period."""
    interval = rated.scope.interval
    part = interval.overlap(period)
    if part is None:
        return 0
    lines = [line for line in rated.lines if line.kind in BASE and line.charge in covers]
    if part == interval:
        return sum(line.amount for line in lines)
    inside = rated.scope.within(part)
    again = [*fixed(deal, inside), *capacity(deal, inside), *block(deal, inside), *residual(deal, inside)]
    metered = sum(_used_in(deal, rated.scope, line, part) for line in lines if line.kind == "usage")
    return sum(line.amount for line in again if line.charge in covers) + metered


def _used_in(deal: Deal, scope: Scope, line: Line, part: Interval) -> int:
    """What of a usage line falls in a part of its interval: in proportion to what was metered there."""
    charge = charge_in(scope.opening, line.charge or "", UsageCharge)
    assert charge is not None, "a usage line has its charge in the opening terms"
    cuts = [seconds(t) for t in (scope.interval.start, part.start, part.end, scope.interval.end)]
    weights = [
        sum(deal.meters.total(held, charge.meter, a, b) for held in charge.lines) if a < b else 0
        for a, b in pairwise(cuts)
    ]
    return largest_remainder(line.amount, weights)[1] if any(weights) else 0
