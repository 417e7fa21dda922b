"""What f takes: the terms and facts of one contract as known at K, and the intervals to rate."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import TypeVar

import msgspec

from schemas.contracts import Charge, Terms
from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule
from services.settlement.domain.rating.usage_spread import Meters

C = TypeVar("C")


class Chapter(msgspec.Struct, frozen=True):
    """Terms that hold over an interval; `version` is the event of the contract's stream that brought them."""

    interval: Interval
    terms: Terms
    version: int


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What a line's reservation, or what it received by a sublease, came to. All in GPUs over time.

    `reserved` is what is left after recalls; `passed_on` what its holder gave to others. `carried` is what
    the old holder still had when a novation off the pool's grid was in force already.
    """

    reserved: Schedule = Schedule.EMPTY
    carried: Schedule = Schedule.EMPTY
    recalled: Schedule = Schedule.EMPTY
    passed_on: Schedule = Schedule.EMPTY
    delivery_cut: Schedule = Schedule.EMPTY
    maintenance_cut: Schedule = Schedule.EMPTY
    outage_cut: Schedule = Schedule.EMPTY


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """The right by which a contract ends early: its fee in minor units, and how it was reckoned."""

    ends_at: datetime
    fee: int
    currency: str
    formula: str
    version: int


class NovationShare(msgspec.Struct, frozen=True, kw_only=True):
    """What a contract made by a novation needs so that no unit is lost.

    Attributes:
        effective_at: from when on it holds.
        undivided: the old contract's terms as if it had not been novated.
        old: the old contract's terms: undivided before the novation, what it kept after.
        changed_at: from its first later change of terms on it is rounded by itself; None if there is none.
        origin: where the old contract itself came from, if from a novation: with what that needs.
    """

    effective_at: datetime
    undivided: tuple[Chapter, ...]
    old: tuple[Chapter, ...]
    changed_at: datetime | None = None
    origin: "NovationShare | None" = None


class Deal(msgspec.Struct, frozen=True, kw_only=True):
    """One contract with all that is known of it at one cut.

    Attributes:
        chapters: the terms timeline up to the contract's end, ascending, known fees filled in.
        committed: the GPUs of each line ever in the terms, along the whole timeline.
        elections: when the customer chose a lower fee, by line.
        holdings: by line. A line without one has had nothing delivered.
        meters: what was metered, by line.
        unsold: by pool (qualified), for the residual charges.
        end: where the contract ends, as known.
        exit: how it ends before its term, if it does.
        novation: where it comes from, if from a novation.
    """

    contract: str
    chapters: tuple[Chapter, ...]
    committed: Mapping[str, Schedule]
    meters: Meters
    end: datetime
    elections: Mapping[str, datetime] = {}
    holdings: Mapping[str, Holding] = {}
    unsold: Mapping[str, Schedule] = {}
    exit: Exit | None = None
    novation: NovationShare | None = None

    def holding(self, line: str) -> Holding:
        """What is held for a line; nothing where there is no reservation."""
        return self.holdings.get(line, _NOTHING)

    def chapters_in(self, part: Interval) -> tuple[Chapter, ...]:
        """The terms timeline within a part of time."""
        found: list[Chapter] = []
        for chapter in self.chapters:
            inside = chapter.interval.overlap(part)
            if inside is not None:
                found.append(Chapter(inside, chapter.terms, chapter.version))
        return tuple(found)


_NOTHING = Holding()


def charge_in(terms: Terms, name: str, kind: type[C]) -> C | None:
    """The charge of that name and kind in the terms, if it is there."""
    for charge in terms.charges:
        if charge.charge == name and isinstance(charge, kind):
            return charge
    return None


def charge_names(chapters: tuple[Chapter, ...]) -> dict[str, int]:
    """Every charge of the chapters, with its place: by the first chapter, then what later ones add."""
    places: dict[str, int] = {}
    for chapter in chapters:
        for charge in chapter.terms.charges:
            places.setdefault(charge.charge, len(places))
    return places


def charges_named(chapters: tuple[Chapter, ...], name: str) -> Iterator[tuple[Chapter, Charge]]:
    """The chapters that have a charge of that name, with it."""
    for chapter in chapters:
        for charge in chapter.terms.charges:
            if charge.charge == name:
                yield chapter, charge


def shown(x: Fraction) -> str:
    """An exact number for a formula: `3`, `-7/2`."""
    return str(x.numerator) if x.denominator == 1 else f"{x.numerator}/{x.denominator}"
