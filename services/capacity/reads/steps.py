"""Steps of a window: the hours, days, weeks (from Monday) or months of UTC in it, the outer ones cut."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from schemas.capacity.questions import StepLength
from schemas.kernel.calendar import add_months
from schemas.kernel.instants import seconds


class Step(msgspec.Struct, frozen=True):
    """One step, half-open."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> tuple[int, int]:
        """Its ends in epoch seconds."""
        return seconds(self.start), seconds(self.end)


def steps(start: datetime, end: datetime, length: StepLength) -> Iterator[Step]:
    """Yield the steps of [start, end)."""
    begin = start
    while begin < end:
        until = min(_next(begin, length), end)
        yield Step(begin, until)
        begin = until


def _next(t: datetime, length: StepLength) -> datetime:
    """Return the first border of a step after an instant."""
    hour = t.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    match length:
        case "hour":
            return hour + timedelta(hours=1)
        case "day":
            return day + timedelta(days=1)
        case "week":
            return day + timedelta(days=7 - day.weekday())
        case "month":
            return add_months("UTC", day.replace(day=1), 1)
