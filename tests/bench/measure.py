"""One row of the table of measurements: a figure of ours beside its limit, taken in the same run."""

import re
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import msgspec

_OF_RATIO = re.compile(r"at (least|most) ([0-9.]+)")
_OVER = re.compile(r"at most ([0-9.]+) (\S+) over")
_ABSOLUTE = re.compile(r"([0-9.]+) (\S+) at most")


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One row.

    Attributes:
        what: is measured.
        ours: our figure.
        unit: of both figures, such as `events/s` or `ms`.
        limit: the figure beside it, None if it stands alone.
        beside: what the limit is.
        aim: in words: `at least 0.8` or `at most 1.15` of the ratio ours / limit, `at most 2 ms over` of
            their difference, `0.5 s at most` of our figure alone; empty where the figure is only watched.
    """

    what: str
    ours: float
    unit: str
    limit: float | None = None
    beside: str = ""
    aim: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours divided by the limit."""
        return None if not self.limit else self.ours / self.limit

    @property
    def met(self) -> bool | None:
        """Whether the aim was met; None where there is none.

        Raises:
            ValueError: the aim's words are none of the forms above, or have nothing to be compared with.
        """
        if not self.aim:
            return None
        if found := _ABSOLUTE.fullmatch(self.aim):
            self._require(found[2] == self.unit)
            return self.ours <= float(found[1])
        self._require(self.limit is not None)
        assert self.limit is not None
        if found := _OVER.fullmatch(self.aim):
            self._require(found[2] == self.unit)
            return self.ours - self.limit <= float(found[1])
        found = _OF_RATIO.fullmatch(self.aim)
        self._require(found is not None and self.limit > 0)
        assert found is not None
        ratio, bound = self.ours / self.limit, float(found[2])
        return ratio >= bound if found[1] == "least" else ratio <= bound

    def _require(self, sense: bool) -> None:
        if not sense:
            raise ValueError(f"{self.what}: no such aim: {self.aim!r}")


class Stopwatch:
    """How long something took, in seconds: on the wall, and of this process's processor time."""

    seconds = 0.0
    busy = 0.0


@contextmanager
def stopwatch() -> Generator[Stopwatch]:
    """Time what is inside."""
    watch, start, busy = Stopwatch(), time.perf_counter(), time.process_time()
    yield watch
    watch.seconds, watch.busy = time.perf_counter() - start, time.process_time() - busy


def median(values: Sequence[float]) -> float:
    """Return the middle one of some figures."""
    return quantile(values, 0.5)


def quantile(values: Sequence[float], part: float) -> float:
    """Return the figure below which a part of all lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
