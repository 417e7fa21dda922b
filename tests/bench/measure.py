"""One row of the table of measurements: a figure of ours beside its limit, taken in the same run."""

import time
from collections.abc import Generator
from contextlib import contextmanager

import msgspec


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One row.

    Attributes:
        what: is measured.
        ours: our figure.
        unit: of both figures, such as `events/s` or `ms`.
        limit: the figure beside it, None if it stands alone.
        beside: what the limit is.
        aim: the ratio ours / limit that is aimed at, in words.
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


class Stopwatch:
    """How long something took, in seconds."""

    seconds = 0.0


@contextmanager
def stopwatch() -> Generator[Stopwatch]:
    """Time what is inside."""
    watch, start = Stopwatch(), time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - start


def median(values: list[float]) -> float:
    """Return the middle one of some figures."""
    return sorted(values)[len(values) // 2]
