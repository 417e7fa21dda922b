"""Many changes as few rows: the worst of each hour, day, week or month."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cli.boards.drawing import Stretch


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _week(at: datetime) -> datetime:
    return _day(at) - timedelta(days=at.weekday())


def _month(at: datetime) -> datetime:
    return _day(at).replace(day=1)


def _next_month(at: datetime) -> datetime:
    return _month(at + timedelta(days=32))


PERIODS: Mapping[str, tuple[Callable[[datetime], datetime], Callable[[datetime], datetime]]] = {
    "hour": (_hour, lambda at: at + timedelta(hours=1)),
    "day": (_day, lambda at: at + timedelta(days=1)),
    "week": (_week, lambda at: at + timedelta(days=7)),
    "month": (_month, _next_month),
}
"""The beginning of the period that holds an instant, and of the next, by the name of the length; UTC."""


def worst_by_period(
    stretches: Sequence[Stretch], lowest: Sequence[bool], rows_max: int
) -> tuple[list[Stretch], str]:
    """Return a row for each period of the shortest length that gives at most `rows_max`, and that length.

    Args:
        stretches: in order, with at least one.
        lowest: for each quantity, whether the least is the worst, otherwise the most.
        rows_max: how many rows there may be; a length of months may give more.
    """
    first, last = stretches[0].start.astimezone(UTC), stretches[-1].end or stretches[-1].start
    for length in PERIODS:
        edges = _edges(length, first, last.astimezone(UTC), rows_max)
        if edges or length == "month":
            return [_worst(stretches, lowest, start, end) for start, end in edges], length
    raise AssertionError("the last length is always taken")


def _edges(length: str, first: datetime, last: datetime, rows_max: int) -> list[tuple[datetime, datetime]]:
    """Return the periods from `first` to `last`; none if they are too many, unless they are months."""
    begin, following = PERIODS[length]
    found: list[tuple[datetime, datetime]] = []
    start = begin(first)
    while start < last or not found:
        found.append((start, following(start)))
        start = following(start)
        if len(found) > rows_max and length != "month":
            return []
    return found


def _worst(stretches: Sequence[Stretch], lowest: Sequence[bool], start: datetime, end: datetime) -> Stretch:
    """Return the worst of each quantity in a period; where no stretch lies there is nothing."""
    inside = [one for one in stretches if one.start < end and (one.end is None or start < one.end)]
    covered = _covers(inside, start, end, stretches)
    gap = () if covered else (0,)
    worst = (
        (min if least else max)([one.quantities[i] for one in inside] + [*gap], default=0)
        for i, least in enumerate(lowest)
    )
    return Stretch(start, end, tuple(worst))


def _covers(inside: Sequence[Stretch], start: datetime, end: datetime, stretches: Sequence[Stretch]) -> bool:
    """Say whether the stretches leave no gap in a period, as far as it lies within all of them."""
    until = max(start, stretches[0].start)
    limit = end if stretches[-1].end is None else min(end, stretches[-1].end)
    for one in inside:
        if one.start > until:
            return False
        until = end if one.end is None else max(until, one.end)
    return until >= limit
