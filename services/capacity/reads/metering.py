"""What was metered, as known at a cut: the last values of each report, and how they spread over time."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise

import msgspec

from infra.service import View
from schemas.capacity import UsageCorrected, UsageReported
from schemas.kernel.instants import seconds
from schemas.kernel.names import local
from schemas.kernel.rounding import round_half_up
from schemas.kernel.schedule import Schedule, sum_of
from services.capacity.domain.pool import Pool
from services.capacity.domain.usage import meter_stream


class Reading(msgspec.Struct, frozen=True):
    """A report's last values, GPUs alone. Times in epoch seconds."""

    start: int
    end: int
    gpu_seconds: int
    peak: int

    def between(self, start: int, end: int) -> int:
        """Return its GPU-seconds in [start, end): spread evenly by the second, parts summing to the whole."""
        return self._until(end) - self._until(start)

    def _until(self, t: int) -> int:
        inside = min(max(t, self.start), self.end) - self.start
        return round_half_up(Fraction(self.gpu_seconds * inside, self.end - self.start))


class Readings(msgspec.Struct, frozen=True):
    """All reports on one reservation or holding; what its takers used is not among them."""

    found: tuple[Reading, ...]

    def used(self, start: int, end: int) -> int:
        """Return the GPU-seconds used in [start, end)."""
        return sum(each.between(start, end) for each in self.found if each.start < end and each.end > start)

    def within(self, start: int, end: int) -> "Readings":
        """Return the reports that reach into [start, end)."""
        return Readings(tuple(each for each in self.found if each.start < end and each.end > start))

    def covered(self) -> Schedule:
        """Return 1 wherever there is a report."""
        whole = _added((each.start, each.end, 1) for each in self.found)
        return Schedule.from_raw((start, end, 1) for start, end, _ in whole.raw)

    def peak(self) -> Schedule:
        """Return the peak use over time; reports add up."""
        return _added((each.start, each.end, each.peak) for each in self.found)


def _added(steps: Iterable[tuple[int, int, int]]) -> Schedule:
    """Return the sum of steps, most of which follow on one another."""
    ordered = sorted(steps)
    if all(step[1] <= later[0] for step, later in pairwise(ordered)):
        return Schedule.from_raw(ordered)
    return sum_of(Schedule.from_raw([step]) for step in ordered)


async def readings(view: View, pool: Pool, names: Iterable[str]) -> dict[str, Readings]:
    """Return what was reported for reservations and holdings of a pool, those with a report alone."""
    prefix = f"meter-{local(pool.name)}/"
    metered = {
        name.stream.removeprefix(prefix)
        for name in await view.past.streams("usage", pool.operator, "meter")
        if name.tenant == pool.operator and name.stream.startswith(prefix)
    }
    found: dict[str, Readings] = {}
    for name in names:
        if name in metered:
            found[name] = Readings(tuple(await _read(view, pool, name)))
    return found


async def _read(view: View, pool: Pool, name: str) -> Iterator[Reading]:
    last: dict[str, Reading] = {}
    for recorded in await view.past.stream("usage", pool.operator, meter_stream(pool.name, name)):
        event = recorded.event
        if not isinstance(event, UsageReported | UsageCorrected):
            continue
        last.pop(event.report, None)
        if event.gpu_seconds is not None and event.peak_gpus is not None:
            start, end = seconds(event.interval.start), seconds(event.interval.end)
            last[event.report] = Reading(start, end, event.gpu_seconds, event.peak_gpus)
    return iter(last.values())
