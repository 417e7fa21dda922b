"""What is left to sell in a pool at every instant: three timelines, one for each limit.

Limits: firm <= capacity - spare; firm + recallable <= capacity; all <= floor(capacity x (100 + overbook) /
100). The pool is short exactly where one of the last two is below zero.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TypeAlias

import msgspec

from schemas.capacity import Tier
from schemas.kernel.schedule import RawStep, Schedule, deltas
from services.capacity.domain.supply import limited
from services.capacity.domain.timeline import ALWAYS, Step, Timeline


class Free(msgspec.Struct, frozen=True):
    """What one more reservation of a tier could take over `[start, end)`; epoch seconds, None = for ever."""

    start: int
    end: int | None
    free: int
    short: bool


class Limits(msgspec.Struct, frozen=True):
    """What may be sold: firm, firm and recallable together, and all."""

    firm: Schedule
    guaranteed: Schedule
    whole: Schedule

    @staticmethod
    def of(capacity: Schedule, firm: Callable[[int], int], whole: Callable[[int], int]) -> "Limits":
        """Return the limits of a capacity."""
        return Limits(limited(capacity, firm), capacity, limited(capacity, whole))


Timelines: TypeAlias = tuple[Timeline, Timeline, Timeline]
Pending: TypeAlias = Callable[["Book"], None]


class Book:
    """The three timelines. Times are epoch seconds on the pool's grid.

    A fork shares the timelines of its base until somebody asks for more than a bound: most decisions change
    little, and nothing follows from that.
    """

    __slots__ = ("_base", "_drop", "_pending", "_timelines", "quantum")

    def __init__(self, quantum: int, timelines: Timelines | None, base: "Book | None" = None) -> None:
        """Take the timelines (firm, guaranteed, whole; in quanta), or the book that this one is a fork of."""
        self.quantum, self._timelines, self._base = quantum, timelines, base
        self._pending: list[Pending] = []
        self._drop = [0, 0]

    @staticmethod
    def of(quantum: int, limits: Limits, committed: Iterable[tuple[Tier, Schedule]]) -> "Book":
        """Build it from scratch."""
        loads: dict[Tier, list[Step]] = {tier: [] for tier in Tier}
        for tier, schedule in committed:
            loads[tier] += [_quanta(step, quantum, -1) for step in schedule.raw]

        def timeline(limit: Schedule, *tiers: Tier) -> Timeline:
            steps = [_quanta(step, quantum, 1) for step in limit.raw]
            return Timeline(chain(steps, *(loads[tier] for tier in tiers)))

        return Book(
            quantum,
            (
                timeline(limits.firm, Tier.FIRM),
                timeline(limits.guaranteed, Tier.FIRM, Tier.RECALLABLE),
                timeline(limits.whole, *Tier),
            ),
        )

    def fork(self) -> "Book":
        """Return another to try things on; this one must not change meanwhile."""
        return Book(self.quantum, None, self)

    @property
    def timelines(self) -> Timelines:
        """What is left of firm, of firm and recallable, and of all."""
        if self._timelines is None:
            assert self._base is not None, "a book has timelines or a base"
            firm, guaranteed, whole = self._base.timelines
            self._timelines = (firm.copy(), guaranteed.copy(), whole.copy())
            for change in self._pending:
                change(self)
        return self._timelines

    def levels(self, tier: Tier) -> tuple[Timeline, ...]:
        """Return the timelines that a tier counts against."""
        firm, guaranteed, whole = self.timelines
        match tier:
            case Tier.FIRM:
                return (firm, guaranteed, whole)
            case Tier.RECALLABLE:
                return (guaranteed, whole)
            case Tier.INTERRUPTIBLE:
                return (whole,)

    def commit(self, tier: Tier, before: Schedule, after: Schedule) -> None:
        """Change what one reservation takes."""
        steps = after.raw if before.is_empty else deltas(after, before)
        most = max((quantity for _, _, quantity in steps), default=0)
        self._later((0 if tier is Tier.INTERRUPTIBLE else most, most), lambda book: book.take(tier, steps))

    def take(self, tier: Tier, steps: Iterable[RawStep]) -> None:
        """Take what a tier commits more, from every timeline that it counts against."""
        levels = self.levels(tier)
        for step in steps:
            start, end, quantity = _quanta(step, self.quantum, -1)
            for level in levels:
                level.add(start, end, quantity)

    def supply(self, before: Limits, after: Limits) -> None:
        """Change the limits."""
        pairs = (
            deltas(after.firm, before.firm),
            deltas(after.guaranteed, before.guaranteed),
            deltas(after.whole, before.whole),
        )
        most = [max((-quantity for _, _, quantity in pair), default=0) for pair in pairs[1:]]
        self._later((most[0], most[1]), lambda book: book.limit(pairs))

    def limit(self, pairs: Iterable[Iterable[RawStep]]) -> None:
        """Add what each limit has more."""
        for level, steps in zip(self.timelines, pairs, strict=True):
            for step in steps:
                level.add(*_quanta(step, self.quantum, 1))

    def _later(self, drop: tuple[int, int], change: Pending) -> None:
        """Make a change, at once if the timelines are this book's own; `drop`: what it takes at most."""
        if self._timelines is not None:
            change(self)
            return
        self._pending.append(change)
        self._drop = [known + max(0, more) for known, more in zip(self._drop, drop, strict=True)]

    def fits(self, tier: Tier, quantity: Schedule) -> bool:
        """Say whether one more reservation fits."""
        quantum, levels, guaranteed = self.quantum, self.levels(tier), self.timelines[1]
        for start, end, wanted in quantity.raw:
            first, last = start // quantum, ALWAYS if end is None else end // quantum
            if tier is Tier.INTERRUPTIBLE and guaranteed.lowest(first, last) < 0:
                return False
            for level in levels:
                if level.lowest(first, last) < wanted:
                    return False
        return True

    def is_short(self, start: int, end: int | None) -> bool:
        """Say whether the pool is short anywhere in [start, end)."""
        first, last = start // self.quantum, ALWAYS if end is None else end // self.quantum
        if self._timelines is None and self._base is not None:
            _, guaranteed, whole = self._base.timelines
            if guaranteed.lowest(first, last) >= self._drop[0] and whole.lowest(first, last) >= self._drop[1]:
                return False
        _, guaranteed, whole = self.timelines
        return guaranteed.lowest(first, last) < 0 or whole.lowest(first, last) < 0

    def free(self, tier: Tier, start: int, end: int | None) -> Iterator[Free]:
        """Yield what is free in [start, end), in steps that follow on one another."""
        first, last = start // self.quantum, ALWAYS if end is None else end // self.quantum
        levels = [level.steps(first, last) for level in self.timelines]
        current = [next(level) for level in levels]
        at, counted = first, 3 - len(self.levels(tier))
        while True:
            until = min(step[1] for step in current)
            short = current[1][2] < 0 or current[2][2] < 0
            left = 0 if short else max(0, min(step[2] for step in current[counted:]))
            yield Free(at * self.quantum, None if until == ALWAYS else until * self.quantum, left, short)
            if until == last:
                return
            at = until
            current = [
                next(level) if step[1] == until else step for step, level in zip(current, levels, strict=True)
            ]


def _quanta(step: RawStep, quantum: int, sign: int) -> tuple[int, int, int]:
    start, end, quantity = step
    return start // quantum, ALWAYS if end is None else end // quantum, sign * quantity
