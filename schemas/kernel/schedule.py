"""Schedule: a step function of whole GPUs over half-open time, the one value type for capacity."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, ClassVar, Final, NoReturn, final, overload

import msgspec

from schemas.kernel.instants import as_utc, instant, iso, seconds
from schemas.kernel.stepwise import (
    FOREVER,
    Raw,
    RawStep,
    canonical,
    clipped,
    pointwise,
    summed,
)

__all__ = ["QUANTITY_MAX", "Moment", "Raw", "RawStep", "Schedule", "Step", "combine", "deltas", "sum_of"]

Moment = datetime | int
"""An instant, or its epoch seconds: the algebra takes either."""

QUANTITY_MAX: Final = 2**53 - 1
"""What every JSON reader holds exactly."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step as it is written: `quantity` GPUs over `[start, end)`; end null = without end."""

    start: Annotated[datetime, msgspec.Meta(tz=True)]
    end: Annotated[datetime, msgspec.Meta(tz=True)] | None
    quantity: Annotated[int, msgspec.Meta(ge=0, le=QUANTITY_MAX)]

    def __post_init__(self) -> None:
        """Bring both ends to UTC.

        Raises:
            ValueError: an end without offset or with a fraction of a second.
        """
        if self.start.tzinfo is not UTC or self.start.microsecond:
            msgspec.structs.force_setattr(self, "start", as_utc(self.start))
        if self.end is not None and (self.end.tzinfo is not UTC or self.end.microsecond):
            msgspec.structs.force_setattr(self, "end", as_utc(self.end))


@final
class Schedule:
    """A step function of whole GPUs >= 0 over half-open time, immutable, in canonical form.

    Canonical: steps sorted, disjoint, neighbours of one quantity merged, no zero steps; only the last may be
    without end. So equal functions are equal values. Instants are given as datetimes or as epoch seconds.
    Every operation is linear in the number of steps, but for sorting runs that are sorted already.
    """

    __slots__ = ("_raw",)
    _raw: Raw
    EMPTY: ClassVar["Schedule"]

    def __init__(self) -> None:
        object.__setattr__(self, "_raw", ())

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Schedule does not change: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Schedule does not change: {name}")

    # -- making ---------------------------------------------------------------------------------------

    @classmethod
    def from_canonical(cls, raw: Raw) -> "Schedule":
        """The function of raw steps that are known to be canonical (another's `raw`); nothing is checked."""
        if not raw:
            return cls.EMPTY  # one object, so that msgspec can leave out the default
        made = cls.__new__(cls)
        object.__setattr__(made, "_raw", raw)
        return made

    @classmethod
    def of(cls, steps: Iterable[Step]) -> "Schedule":
        """The function that steps in any order describe.

        Raises:
            ValueError: a step is empty, reversed or negative, or two overlap.
        """
        return cls.from_raw(
            (seconds(s.start), None if s.end is None else seconds(s.end), s.quantity) for s in steps
        )

    @classmethod
    def from_raw(cls, steps: Iterable[RawStep]) -> "Schedule":
        """The function of `(start, end | None, quantity)` in epoch seconds; checks as `of` does.

        Raises:
            ValueError: a step is empty, reversed or negative, or two overlap.
        """
        return cls.from_canonical(canonical(steps))

    @classmethod
    def constant(cls, start: Moment, end: Moment | None, quantity: int) -> "Schedule":
        """`quantity` over [start, end), end None = without end; 0 gives the empty one.

        Raises:
            ValueError: empty, reversed or negative.
        """
        return cls.from_raw([(_second(start), None if end is None else _second(end), quantity)])

    # -- looking --------------------------------------------------------------------------------------

    @property
    def raw(self) -> Raw:
        """The steps as `(start, end | None, quantity)` in epoch seconds."""
        return self._raw

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps as they are written."""
        return tuple(Step(instant(s), None if e is None else instant(e), q) for s, e, q in self._raw)

    @property
    def is_empty(self) -> bool:
        """Whether it is 0 everywhere."""
        return not self._raw

    @property
    def is_bounded(self) -> bool:
        """Whether it comes to an end."""
        return not self._raw or self._raw[-1][1] is not None

    def at(self, t: Moment) -> int:
        """The quantity at an instant."""
        second = _second(t)
        index = bisect_right(self._raw, second, key=itemgetter(0)) - 1
        if index < 0:
            return 0
        _, end, quantity = self._raw[index]
        return quantity if end is None or second < end else 0

    def boundaries(self) -> tuple[int, ...]:
        """The epoch seconds at which the quantity changes, ascending."""
        return tuple(sorted({t for start, end, _ in self._raw for t in (start, end) if t is not None}))

    def integral(self, start: Moment, end: Moment) -> int:
        """GPU-seconds in [start, end); 0 where that is empty."""
        low, high = _second(start), _second(end)
        area = 0
        for begin, until, quantity in self._raw:
            if begin >= high:
                break
            stop = high if until is None or until > high else until
            if stop > low:
                area += (stop - max(begin, low)) * quantity
        return area

    def total(self) -> int:
        """All its GPU-seconds.

        Raises:
            ValueError: it has no end.
        """
        area = 0
        for start, end, quantity in self._raw:
            if end is None:
                raise ValueError("a schedule without end has no total")
            area += (end - start) * quantity
        return area

    def peak(self, start: Moment | None = None, end: Moment | None = None) -> int:
        """The largest quantity in [start, end), each side open when None; 0 where that is empty."""
        inside = self._raw if start is None and end is None else self.clip(start, end).raw
        return max((quantity for _, _, quantity in inside), default=0)

    def lowest(self, start: Moment, end: Moment | None) -> int:
        """The smallest quantity in [start, end), gaps count as 0.

        Raises:
            ValueError: the window is empty.
        """
        reached, high = _second(start), FOREVER if end is None else _second(end)
        if high <= reached:
            raise ValueError("a window ends after it starts")
        least: int | None = None
        for begin, until, quantity in clipped(self._raw, reached, high):
            if begin != reached:
                return 0
            least = quantity if least is None else min(least, quantity)
            reached = FOREVER if until is None else until
        return 0 if least is None or reached != high else least

    # -- algebra --------------------------------------------------------------------------------------

    def __add__(self, other: "Schedule") -> "Schedule":
        if not self._raw or not other.raw:
            return self if self._raw else other
        return _trusted(summed(((self._raw, 1), (other.raw, 1))))

    def __sub__(self, other: "Schedule") -> "Schedule":
        """The difference.

        Raises:
            ValueError: it is below zero somewhere; `minus` cuts it off there.
        """
        steps = summed(((self._raw, 1), (other.raw, -1))) if other.raw else list(self._raw)
        return _trusted(_not_negative(steps))

    def minus(self, other: "Schedule") -> "Schedule":
        """The difference, 0 where it would be below."""
        if not other.raw:
            return self
        return _trusted([step for step in summed(((self._raw, 1), (other.raw, -1))) if step[2] > 0])

    def min(self, other: "Schedule") -> "Schedule":
        """The smaller of both at every instant."""
        return combine(min, self, other)

    def max(self, other: "Schedule") -> "Schedule":
        """The larger of both at every instant."""
        return combine(max, self, other)

    def clip(self, start: Moment | None, end: Moment | None) -> "Schedule":
        """What lies in [start, end), each side open when None; empty where that is empty."""
        low = -FOREVER if start is None else _second(start)
        high = FOREVER if end is None else _second(end)
        return Schedule.from_canonical(clipped(self._raw, low, high))

    def shift(self, seconds: int) -> "Schedule":
        """The same shape, so many seconds later."""
        return Schedule.from_canonical(
            tuple((s + seconds, None if e is None else e + seconds, q) for s, e, q in self._raw)
        )

    # -- as a value -----------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return self._raw == other.raw if isinstance(other, Schedule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._raw)

    def __reduce__(self) -> tuple[Callable[..., "Schedule"], tuple[Raw]]:
        return Schedule.from_raw, (self._raw,)

    def __repr__(self) -> str:
        told = ", ".join(
            f"{iso(instant(start))} .. {'' if end is None else iso(instant(end))}: {quantity}"
            for start, end, quantity in self._raw
        )
        return f"Schedule[{told}]"


Schedule.EMPTY = Schedule()


@overload
def combine(fn: Callable[[int], int], a: Schedule, /) -> Schedule: ...
@overload
def combine(fn: Callable[[int, int], int], a: Schedule, b: Schedule, /) -> Schedule: ...
@overload
def combine(fn: Callable[[int, int, int], int], a: Schedule, b: Schedule, c: Schedule, /) -> Schedule: ...
@overload
def combine(fn: Callable[..., int], /, *schedules: Schedule) -> Schedule: ...
def combine(fn: Callable[..., int], /, *schedules: Schedule) -> Schedule:
    """`fn` of the quantities of all schedules, at every instant; `fn` takes one int for each of them.

    Raises:
        ValueError: the result is negative somewhere, or `fn` of zeros is not zero.
    """
    return _trusted(_not_negative(pointwise(fn, [schedule.raw for schedule in schedules])))


def sum_of(schedules: Iterable[Schedule]) -> Schedule:
    """The sum of many, in one sweep."""
    return _trusted(summed((schedule.raw, 1) for schedule in schedules))


def deltas(a: Schedule, b: Schedule) -> list[RawStep]:
    """Where and by how much `a` exceeds `b` (negative: falls short), as canonical signed raw steps."""
    return summed(((a.raw, 1), (b.raw, -1)))


def _trusted(steps: list[RawStep]) -> Schedule:
    return Schedule.from_canonical(tuple(steps))


def _not_negative(steps: list[RawStep]) -> list[RawStep]:
    for start, _, quantity in steps:
        if quantity < 0:
            raise ValueError(f"a quantity would fall to {quantity} at {iso(instant(start))}")
    return steps


def _second(t: Moment) -> int:
    return t if isinstance(t, int) else seconds(t)
