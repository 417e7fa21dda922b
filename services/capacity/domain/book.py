"""What is left to sell in a pool at every instant: three timelines, one for each limit.

Limits: firm <= capacity - spare; firm + recallable <= capacity; all <= floor(capacity x (100 + overbook) / 100).
The pool is short exactly where one of the last two is below zero.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from schemas.capacity import Tier
from schemas.kernel.schedule import RawStep, Schedule, deltas
from services.capacity.domain.supply import limited
from services.capacity.domain.timeline import ALWAYS, Timeline


class Free(msgspec.Struct, frozen=True):
    """What one more reservation of a tier could take over `[start, end)` (epoch seconds, end None = for ever)."""

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


LEVELS: Final[dict[Tier, tuple[str, ...]]] = {
    Tier.FIRM: ("firm", "guaranteed", "whole"),
    Tier.RECALLABLE: ("guaranteed", "whole"),
    Tier.INTERRUPTIBLE: ("whole",),
}
"""Which limits a tier counts against."""


class Book:
    """The three timelines. Times are epoch seconds on the pool's grid."""

    __slots__ = ("firm", "guaranteed", "quantum", "whole")

    def __init__(self, quantum: int, firm: Timeline, guaranteed: Timeline, whole: Timeline) -> None:
        """Take the timelines, in quanta."""
        self.quantum, self.firm, self.guaranteed, self.whole = quantum, firm, guaranteed, whole

    @staticmethod
    def of(quantum: int, limits: Limits, committed: Iterable[tuple[Tier, Schedule]]) -> "Book":
        """Build it from scratch."""
        found = list(committed)

        def timeline(level: str, limit: Schedule) -> Timeline:
            loads = [schedule.raw for tier, schedule in found if level in LEVELS[tier]]
            steps = [_quanta(step, quantum, 1) for step in limit.raw]
            steps += [_quanta(step, quantum, -1) for raw in loads for step in raw]
            return Timeline(steps)

        return Book(
            quantum,
            timeline("firm", limits.firm),
            timeline("guaranteed", limits.guaranteed),
            timeline("whole", limits.whole),
        )

    def copy(self) -> "Book":
        """Return another to try things on."""
        return Book(self.quantum, self.firm.copy(), self.guaranteed.copy(), self.whole.copy())

    def levels(self, tier: Tier) -> tuple[Timeline, ...]:
        """Return the timelines that a tier counts against."""
        match tier:
            case Tier.FIRM:
                return (self.firm, self.guaranteed, self.whole)
            case Tier.RECALLABLE:
                return (self.guaranteed, self.whole)
            case Tier.INTERRUPTIBLE:
                return (self.whole,)

    def commit(self, tier: Tier, before: Schedule, after: Schedule) -> None:
        """Change what one reservation takes."""
        steps = after.raw if before.is_empty else deltas(after, before)
        for step in steps:
            start, end, quantity = _quanta(step, self.quantum, -1)
            for level in self.levels(tier):
                level.add(start, end, quantity)

    def supply(self, before: Limits, after: Limits) -> None:
        """Change the limits."""
        for level, old, new in (
            (self.firm, before.firm, after.firm),
            (self.guaranteed, before.guaranteed, after.guaranteed),
            (self.whole, before.whole, after.whole),
        ):
            for step in deltas(new, old):
                level.add(*_quanta(step, self.quantum, 1))

    def fits(self, tier: Tier, quantity: Schedule) -> bool:
        """Say whether one more reservation fits."""
        quantum, levels, guaranteed = self.quantum, self.levels(tier), self.guaranteed
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
        return self.guaranteed.lowest(first, last) < 0 or self.whole.lowest(first, last) < 0

    def free(self, tier: Tier, start: int, end: int | None) -> Iterator[Free]:
        """Yield what is free in [start, end), in steps that follow on one another."""
        first, last = start // self.quantum, ALWAYS if end is None else end // self.quantum
        levels = [level.steps(first, last) for level in (self.firm, self.guaranteed, self.whole)]
        current = [next(level) for level in levels]
        at, counted = first, 3 - len(LEVELS[tier])
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
