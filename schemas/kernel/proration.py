"""Proration: the share of a calendar interval that a part of it makes, exact.

Additive by construction: each method counts units up to an instant and takes differences, so the shares of
parts that make up the interval sum to exactly 1.
"""

from bisect import bisect_right
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal, assert_never

from schemas.kernel.calendar import local_date, local_days
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval

Proration = Literal["second", "calendar_day", "thirty_360"]

_DAYS_PER_MONTH: Final = 30
_MONTHS_PER_YEAR: Final = 12


def share(interval: Interval, part: Interval, method: Proration, zone: str) -> Fraction:
    """The share of `interval` that lies in `part` (what of it lies outside does not count).

    - `second`: by length.
    - `calendar_day`: a local day belongs to what holds at its last second, over the days of the interval.
    - `thirty_360`: days by 30E/360 between the local dates, over those of the interval (30 a month).

    Raises:
        ValueError: an unknown zone, or an interval in which no local day ends (no month, quarter or year).
    """
    inside = interval.overlap(part)
    if inside is None:
        return Fraction(0)
    match method:
        case "second":
            return Fraction(inside.seconds, interval.seconds)
        case "calendar_day":
            ends = _day_ends(zone, interval)
            return _ratio(_days_ended(ends, inside), len(ends))
        case "thirty_360":
            return _ratio(_days_360(zone, inside), _days_360(zone, interval))
        case _:
            assert_never(method)


def days_30e_360(start: date, end: date) -> int:
    """Days between two dates by 30E/360 (Eurobond basis): each month has 30, a 31st counts as a 30th."""
    return _serial_360(end) - _serial_360(start)


def _ratio(part: int, whole: int) -> Fraction:
    if whole == 0:
        raise ValueError("the interval has no whole local day")
    return Fraction(part, whole)


@lru_cache(maxsize=1024)
def _day_ends(zone: str, interval: Interval) -> tuple[int, ...]:
    """The seconds at which the local days end whose last second lies in the interval."""
    low, high = seconds(interval.start), seconds(interval.end)
    return tuple(end for day in local_days(zone, interval) if low < (end := seconds(day.end)) <= high)


def _days_ended(ends: tuple[int, ...], part: Interval) -> int:
    return bisect_right(ends, seconds(part.end)) - bisect_right(ends, seconds(part.start))


def _days_360(zone: str, part: Interval) -> int:
    return days_30e_360(local_date(zone, part.start), local_date(zone, part.end))


def _serial_360(day: date) -> int:
    return (day.year * _MONTHS_PER_YEAR + day.month) * _DAYS_PER_MONTH + min(day.day, _DAYS_PER_MONTH)
