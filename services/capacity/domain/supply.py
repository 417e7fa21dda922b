"""What a pool has: phases accepted or expected, less what is out of service. Times in epoch seconds."""

from collections.abc import Callable, Iterable

import msgspec

from schemas.capacity import Sell
from schemas.kernel.schedule import Schedule, combine, sum_of


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a site's energisation. `quantity` is the planned one until `accepted_at` is known."""

    phase: str
    quantity: int
    megawatts: str
    planned: int
    planned_at: int
    forecast_at: int | None = None
    accepted_at: int | None = None
    overdue: bool = False
    cancelled: bool = False
    milestones: dict[str, int] = {}

    @property
    def latest(self) -> int:
        """Its latest date: accepted, forecast or planned."""
        if self.accepted_at is not None:
            return self.accepted_at
        return self.planned_at if self.forecast_at is None else self.forecast_at

    def counts(self, sell: Sell) -> bool:
        """Whether it may be sold under a policy."""
        if self.accepted_at is not None:
            return True
        if self.overdue or self.cancelled:
            return False
        return sell == "planned" or (sell == "forecast" and self.forecast_at is not None)


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """GPUs out of service. `lost`: on the grid, in lots; the other fields are what was declared."""

    outage: str
    quantity: int
    start: int
    end: int | None
    planned: bool
    lost: Schedule
    ended_at: int | None = None


class Supply(msgspec.Struct, frozen=True):
    """What there is over time.

    Attributes:
        accepted: accepted phases.
        expected: accepted phases, and those that the pool's policy counts on at their latest date.
        maintained: expected less planned outages.
        capacity: expected less all outages.
    """

    accepted: Schedule
    expected: Schedule
    maintained: Schedule
    capacity: Schedule

    def changes(self) -> list[int]:
        """Return the instants at which anything of it changes."""
        parts = (self.accepted, self.expected, self.maintained, self.capacity)
        return sorted({at for part in parts for at in part.boundaries()})


def supply(sell: Sell, phases: Iterable[Phase], outages: Iterable[Outage]) -> Supply:
    """Return what phases and outages come to."""
    there = [phase for phase in phases if phase.counts(sell)]
    accepted = sum_of(_from(phase) for phase in there if phase.accepted_at is not None)
    expected = sum_of(_from(phase) for phase in there)
    known = list(outages)
    planned = sum_of(outage.lost for outage in known if outage.planned)
    lost = sum_of(outage.lost for outage in known)
    return Supply(accepted, expected, expected.minus(planned), expected.minus(lost))


def _from(phase: Phase) -> Schedule:
    return Schedule.constant(phase.latest, None, phase.quantity)


def widened(start: int, end: int | None, quantity: int, quantum: int, lot: int) -> Schedule:
    """Return what a pool loses by an outage: widened to its grid, rounded up to lots."""
    begin = start // quantum * quantum
    until = None if end is None else -(-end // quantum) * quantum
    if until is not None and until <= begin:
        return Schedule.EMPTY
    return Schedule.constant(begin, until, -(-quantity // lot) * lot)


def on_grid(schedule: Schedule, quantum: int) -> Schedule:
    """Return the least schedule on the grid that covers one which is not on it.

    An end off the grid so frees the pool from the next grid instant.
    """
    if all(at % quantum == 0 for at in schedule.boundaries()):
        return schedule
    cells: dict[int, int] = {}
    inner: list[Schedule] = []
    for start, end, quantity in schedule.raw:
        begin, until = -(-start // quantum) * quantum, None if end is None else end // quantum * quantum
        if until is None or begin < until:
            inner.append(Schedule.constant(begin, until, quantity))
        edges = [start] if end is None else [start, end - 1]
        for at in edges:
            cell = at // quantum * quantum
            if cell < begin or (until is not None and cell >= until):
                cells[cell] = max(cells.get(cell, 0), quantity)
    edge = Schedule.from_raw((cell, cell + quantum, quantity) for cell, quantity in cells.items())
    return sum_of(inner).max(edge)


def limited(capacity: Schedule, limit: Callable[[int], int]) -> Schedule:
    """Return a limit that depends on capacity alone, 0 where there is none."""
    return combine(limit, capacity)
