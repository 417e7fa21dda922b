"""A value over time, laid in layers: what holds when, and by which change.

The stretches of a timeline follow each other without gaps; the last is without end. A stretch knows when the
change that laid it *began*, which is not always where the stretch starts: an older layer that shows again
after a later one has ended keeps its own beginning.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

Held: TypeAlias = Any
"""What a timeline holds; its owner knows of which type that is."""


class Stretch(msgspec.Struct, frozen=True):
    """`value` holds over `[start, end)`; None = without end.

    Attributes:
        begin: when the change that laid it began.
        version: the number of the event that laid it.
    """

    start: datetime
    end: datetime | None
    value: Held
    begin: datetime
    version: int


Timeline: TypeAlias = tuple[Stretch, ...]


def opened(start: datetime, value: Held, version: int) -> Timeline:
    """A timeline on which `value` holds from `start` on."""
    return (Stretch(start, None, value, start, version),)


def laid(timeline: Timeline, start: datetime, end: datetime | None, value: Held, version: int) -> Timeline:
    """The timeline with `value` over `[start, end)`, by a change that begins at `start`.

    What begins before the timeline does counts from the timeline's start.
    """
    return _spliced(timeline, start, end, version, lambda _: value, lambda _: start)


def changed(
    timeline: Timeline, start: datetime, end: datetime | None, change: Callable[[Held], Held], version: int
) -> Timeline:
    """The timeline with every value in `[start, end)` changed; a layer that began later still does."""
    return _spliced(timeline, start, end, version, change, lambda begin: max(begin, start))


def covered(timeline: Timeline, start: datetime, end: datetime | None) -> list[Stretch]:
    """What a change over `[start, end)` would cover: the stretches laid by a change that begins later."""
    found: list[Stretch] = []
    for stretch in timeline:
        inside = _inside(stretch, start, end)
        if inside is not None and stretch.begin > start:
            found.append(Stretch(*inside, stretch.value, stretch.begin, stretch.version))
    return found


def prolonged(timeline: Timeline, start: datetime) -> Timeline:
    """The timeline with its first value from `start` on, if that is earlier than its start."""
    first = timeline[0]
    if start >= first.start:
        return timeline
    earlier = Stretch(start, first.end, first.value, min(first.begin, start), first.version)
    return (earlier, *timeline[1:])


def _spliced(
    timeline: Timeline,
    start: datetime,
    end: datetime | None,
    version: int,
    change: Callable[[Held], Held],
    begin: Callable[[datetime], datetime],
) -> Timeline:
    made: list[Stretch] = []
    for stretch in timeline:
        inside = _inside(stretch, start, end)
        if inside is None:
            made.append(stretch)
            continue
        low, high = inside
        if stretch.start < low:
            made.append(Stretch(stretch.start, low, stretch.value, stretch.begin, stretch.version))
        value = change(stretch.value)
        same = value == stretch.value and begin(stretch.begin) == stretch.begin
        made.append(Stretch(low, high, value, begin(stretch.begin), stretch.version if same else version))
        if high is not None and (stretch.end is None or high < stretch.end):
            made.append(Stretch(high, stretch.end, stretch.value, stretch.begin, stretch.version))
    return _merged(made)


def _inside(
    stretch: Stretch, start: datetime, end: datetime | None
) -> tuple[datetime, datetime | None] | None:
    low = max(stretch.start, start)
    ends = [t for t in (stretch.end, end) if t is not None]
    high = min(ends) if ends else None
    return (low, high) if high is None or low < high else None


def _merged(stretches: list[Stretch]) -> Timeline:
    made: list[Stretch] = []
    for stretch in stretches:
        last = made[-1] if made else None
        if last is not None and (last.value, last.begin, last.version) == (
            stretch.value,
            stretch.begin,
            stretch.version,
        ):
            made[-1] = Stretch(last.start, stretch.end, last.value, last.begin, last.version)
        else:
            made.append(stretch)
    return tuple(made)
