"""Metered use, spread evenly by the second over the parts of time that a report touches."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter

import msgspec

from schemas.kernel.shares import largest_remainder


class Report(msgspec.Struct, frozen=True):
    """What a meter says of [start, end), in epoch seconds: GPU-seconds, or whole units of another meter.

    It counts only within [since, until): where a whole novation moved the reservation, the rest is another's.
    `passed_on`: it was used by somebody to whom the capacity was passed on.
    """

    start: int
    end: int
    quantity: int
    meter: str = "gpu"
    since: int | None = None
    until: int | None = None
    passed_on: bool = False


class Meters:
    """All reports of a contract's lines, with the bounds at which a report is spread."""

    def __init__(self, reports: Mapping[str, Sequence[Report]], bounds: Sequence[int] = ()) -> None:
        """Take the reports by line, and every bound of a billing interval, ascending."""
        self._bounds = tuple(bounds)
        self._reports: dict[tuple[str, str], list[Report]] = {}
        for line, found in reports.items():
            for report in found:
                self._reports.setdefault((line, report.meter), []).append(report)
        for kept in self._reports.values():
            kept.sort(key=attrgetter("start", "end", "quantity"))
        self._longest = {key: max(r.end - r.start for r in kept) for key, kept in self._reports.items()}

    def with_bounds(self, bounds: Sequence[int]) -> "Meters":
        """The same reports, spread at other bounds."""
        made = Meters({}, bounds)
        made._reports, made._longest = self._reports, self._longest
        return made

    def total(self, line: str, meter: str, start: int, end: int) -> int:
        """What falls in [start, end), which lies between two neighbouring bounds or on them."""
        return sum(self.parts(line, meter, (start, end)))

    def own(self, line: str, start: int, end: int) -> int:
        """GPU-seconds in [start, end) that the holder used itself."""
        cuts = (start, end)
        return sum(
            quantity
            for report in self._touching(line, "gpu", start, end)
            if not report.passed_on
            for begin, quantity in _pieces(report, self._bounds, cuts)
            if start <= begin < end
        )

    def parts(self, line: str, meter: str, cuts: Sequence[int]) -> list[int]:
        """What falls between neighbouring cuts, each report split by largest remainder at bounds and cuts."""
        sums = [0] * (len(cuts) - 1)
        for report in self._touching(line, meter, cuts[0], cuts[-1]):
            for begin, quantity in _pieces(report, self._bounds, cuts):
                index = bisect_right(cuts, begin) - 1
                if 0 <= index < len(sums):
                    sums[index] += quantity
        return sums

    def _touching(self, line: str, meter: str, start: int, end: int) -> Iterable[Report]:
        kept = self._reports.get((line, meter), [])
        if not kept:
            return
        first = bisect_left(kept, start - self._longest[line, meter], key=attrgetter("start"))
        for report in kept[first:]:
            if report.start >= end:
                return
            if report.end > start:
                yield report


def _pieces(report: Report, bounds: Sequence[int], cuts: Sequence[int]) -> list[tuple[int, int]]:
    """Where each piece of a report begins, and what falls to it; pieces that are another's are left out."""
    start, end = report.start, report.end
    inner = {t for t in (report.since, report.until) if t is not None and start < t < end}
    for marks in (bounds, cuts):
        low = bisect_right(marks, start)
        if low < len(marks) and marks[low] < end:
            inner.update(marks[low : bisect_left(marks, end)])
    if not inner and report.since is None and report.until is None:
        return [(start, report.quantity)]
    edges = [start, *sorted(inner), end]
    weights = [after - before for before, after in pairwise(edges)]
    shares = largest_remainder(report.quantity, weights) if len(weights) > 1 else [report.quantity]
    return [
        (begin, quantity)
        for begin, quantity in zip(edges, shares, strict=False)
        if (report.since is None or begin >= report.since) and (report.until is None or begin < report.until)
    ]
