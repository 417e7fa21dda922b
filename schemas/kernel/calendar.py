"""Calendar months, quarters and years on the wall clock of an IANA zone.

A wall time that a clock change skips is taken with the offset before the change (02:30 becomes 03:30); one
that occurs twice is the first of both. So every wall time names one instant, as RFC 5545 has it.
A local day runs from its 00:00 to that of the next date; a date that a zone skipped wholly is no day.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib import resources
from typing import Final, Literal, assert_never
from zoneinfo import ZoneInfo

from schemas.kernel.interval import Interval

Unit = Literal["month", "quarter", "year"]

_DAY: Final = timedelta(days=1)
_MONTHS_PER_YEAR: Final = 12


@cache
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name, from the pinned tzdata package alone: what a machine has does not count.

    Raises:
        ValueError: no such zone.
    """
    parts = name.split("/")
    if not all(part and part.replace("_", "").replace("-", "").replace("+", "").isalnum() for part in parts):
        raise ValueError(f"not an IANA time zone: {name!r}")
    file = resources.files("tzdata").joinpath("zoneinfo", *parts)
    if not name.isascii() or not file.is_file():
        raise ValueError(f"not an IANA time zone: {name!r}")
    with file.open("rb") as data:
        if data.read(4) != b"TZif":
            raise ValueError(f"not an IANA time zone: {name!r}")
        data.seek(0)
        return ZoneInfo.from_file(data, key=name)


@cache
def tzdata_version() -> str:
    """The release of the IANA database in use, such as `2026a`; a rulebook covers it."""
    with resources.files("tzdata").joinpath("zoneinfo", "tzdata.zi").open(encoding="ascii") as data:
        return data.readline().removeprefix("# version").strip()


def wall_instant(zone: str, wall: datetime) -> datetime:
    """The UTC instant of a wall time (naive) in a zone."""
    return wall.replace(tzinfo=zone_of(zone), fold=0).astimezone(UTC)


def day_start(zone: str, day: date) -> datetime:
    """The instant at which a local date begins."""
    return wall_instant(zone, datetime.combine(day, time()))


def local_date(zone: str, t: datetime) -> date:
    """The local day in which an instant lies.

    A clock set back over midnight shows an old date again for a while; the day that has begun stays.
    """
    shown = t.astimezone(zone_of(zone)).date()
    return shown + _DAY if t >= day_start(zone, shown + _DAY) else shown


def interval_of(zone: str, unit: Unit, t: datetime) -> Interval:
    """The calendar interval in which an instant lies."""
    first = _first_month(unit, local_date(zone, t))
    return _interval_at(zone, unit, first)


def intervals(zone: str, unit: Unit, start: datetime, end: datetime) -> list[Interval]:
    """The whole calendar intervals that touch [start, end), ascending; none where that is empty."""
    if not start < end:
        return []
    found: list[Interval] = []
    first = _first_month(unit, local_date(zone, start))
    while not found or found[-1].end < end:
        found.append(_interval_at(zone, unit, first))
        first += months_of(unit)
    return found


def label(zone: str, unit: Unit, interval: Interval) -> str:
    """The name of the calendar interval that holds its start: `2026-10`, `2026-q4`, `2026`."""
    day = local_date(zone, interval.start)
    match unit:
        case "month":
            return f"{day.year:04d}-{day.month:02d}"
        case "quarter":
            return f"{day.year:04d}-q{(day.month + 2) // 3}"
        case "year":
            return f"{day.year:04d}"
        case _:
            assert_never(unit)


def add_months(zone: str, t: datetime, months: int) -> datetime:
    """The same wall clock so many months later (or earlier), the day cut to the month's last; UTC."""
    if months == 0:
        return t.astimezone(UTC)
    wall = t.astimezone(zone_of(zone)).replace(tzinfo=None)
    year, month = divmod(wall.year * _MONTHS_PER_YEAR + wall.month - 1 + months, _MONTHS_PER_YEAR)
    day = min(wall.day, monthrange(year, month + 1)[1])
    return wall_instant(zone, wall.replace(year=year, month=month + 1, day=day))


def local_days(zone: str, interval: Interval) -> list[Interval]:
    """The whole local days that touch an interval, ascending."""
    days: list[Interval] = []
    day = local_date(zone, interval.start)
    begin = day_start(zone, day)
    while begin < interval.end:
        day += _DAY
        end = day_start(zone, day)
        if begin < end:
            days.append(Interval(begin, end))
        begin = end
    return days


def months_of(unit: Unit) -> int:
    """How many calendar months the unit has."""
    match unit:
        case "month":
            return 1
        case "quarter":
            return 3
        case "year":
            return _MONTHS_PER_YEAR
        case _:
            assert_never(unit)


def _first_month(unit: Unit, day: date) -> int:
    """The first month, counted from year 0, of the calendar interval that holds a date."""
    month = day.year * _MONTHS_PER_YEAR + day.month - 1
    return month - month % months_of(unit)


@lru_cache(maxsize=4096)
def _interval_at(zone: str, unit: Unit, first: int) -> Interval:
    return Interval(_month_start(zone, first), _month_start(zone, first + months_of(unit)))


def _month_start(zone: str, month: int) -> datetime:
    year, index = divmod(month, _MONTHS_PER_YEAR)
    return day_start(zone, date(year, index + 1, 1))
