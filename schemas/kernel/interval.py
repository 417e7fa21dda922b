"""Intervals: half-open stretches of time `[start, end)`."""

from datetime import UTC, datetime
from typing import Annotated, Self

import msgspec

from schemas.kernel.instants import as_utc, iso, seconds

_Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two instants in the order in which they were said; a reversed one is for a rule to judge."""

    start: _Time
    end: _Time

    def __post_init__(self) -> None:
        """Bring both ends to UTC.

        Raises:
            ValueError: an end without offset or with a fraction of a second.
        """
        if self.start.tzinfo is not UTC or self.start.microsecond:
            msgspec.structs.force_setattr(self, "start", as_utc(self.start))
        if self.end.tzinfo is not UTC or self.end.microsecond:
            msgspec.structs.force_setattr(self, "end", as_utc(self.end))


class Interval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Half-open stretch of time, `[start, end)`, never empty."""

    start: _Time
    end: _Time

    def __post_init__(self) -> None:
        """Bring both ends to UTC and refuse an empty stretch.

        Raises:
            ValueError: `end` is not after `start`, or an end is no whole second with an offset.
        """
        if self.start.tzinfo is not UTC or self.start.microsecond:
            msgspec.structs.force_setattr(self, "start", as_utc(self.start))
        if self.end.tzinfo is not UTC or self.end.microsecond:
            msgspec.structs.force_setattr(self, "end", as_utc(self.end))
        if not self.start < self.end:
            raise ValueError(f"an interval ends after it starts: {iso(self.start)} .. {iso(self.end)}")

    @property
    def seconds(self) -> int:
        """Its length in seconds."""
        return seconds(self.end) - seconds(self.start)

    def contains(self, t: datetime) -> bool:
        """Whether `t` lies in it; the end does not."""
        return self.start <= t < self.end

    def covers(self, other: Self) -> bool:
        """Whether all of `other` lies in it."""
        return self.start <= other.start and other.end <= self.end

    def overlap(self, other: "Interval") -> "Interval | None":
        """What both have in common, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None
