"""Calendar intervals on the wall clock of a zone, clock changes included."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.kernel.calendar import (
    Unit,
    add_months,
    day_start,
    interval_of,
    intervals,
    label,
    local_date,
    local_days,
    tzdata_version,
    zone_of,
)
from schemas.kernel.instants import instant, iso, parse, seconds
from schemas.kernel.interval import Interval

# Half-hour, backward over midnight (St John's until 2011), midnight skipped (Havana), a date skipped (Apia).
ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Havana",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Asia/Beirut",
    "Africa/Casablanca",
]
zones = st.sampled_from(ZONES)
units = st.sampled_from(["month", "quarter", "year"])
times = st.integers(seconds(datetime(2001, 1, 1, tzinfo=UTC)), seconds(datetime(2190, 1, 1, tzinfo=UTC))).map(
    instant
)


@given(zones, units, times, st.integers(0, 900))
def test_calendar_intervals_tile_what_they_touch(zone: str, unit: Unit, start: datetime, days: int) -> None:
    end = start + timedelta(days=days, seconds=1)
    found = intervals(zone, unit, start, end)
    assert found[0].contains(start)
    assert found[-1].contains(end - timedelta(seconds=1))
    assert all(a.end == b.start for a, b in pairwise(found))
    assert all(interval_of(zone, unit, each.start) == each for each in found)
    assert len({label(zone, unit, each) for each in found}) == len(found)


@given(zones, units, times)
def test_each_instant_lies_in_its_interval_and_each_interval_in_its_days(
    zone: str, unit: Unit, t: datetime
) -> None:
    found = interval_of(zone, unit, t)
    days = local_days(zone, found)
    assert found.contains(t)
    assert (days[0].start, days[-1].end) == (found.start, found.end)
    assert all(a.end == b.start for a, b in pairwise(days))


@given(zones, times)
def test_the_local_date_of_an_instant_is_the_day_that_has_begun(zone: str, t: datetime) -> None:
    day = local_date(zone, t)
    assert day_start(zone, day) <= t < day_start(zone, day + timedelta(days=1))


@given(zones, times, st.integers(-30, 30))
def test_months_are_added_on_the_wall_clock(zone: str, t: datetime, months: int) -> None:
    moved = add_months(zone, t, months)
    before, after = t.astimezone(zone_of(zone)), moved.astimezone(zone_of(zone))
    assert after.year * 12 + after.month == before.year * 12 + before.month + months
    assert after.day <= before.day or after.date() > before.date()
    assert moved.tzinfo is UTC


def test_a_november_in_new_york_has_an_hour_more() -> None:
    november = interval_of("America/New_York", "month", parse("2026-11-15T05:00:00Z"))
    assert november == Interval(parse("2026-11-01T04:00:00Z"), parse("2026-12-01T05:00:00Z"))
    assert november.seconds == 2_595_600
    assert [day.seconds for day in local_days("America/New_York", november)] == [90_000] + [86_400] * 29


def test_labels_are_those_of_the_local_calendar() -> None:
    t = parse("2026-09-30T22:00:00Z")  # already October in Berlin
    told = [label("Europe/Berlin", unit, interval_of("Europe/Berlin", unit, t)) for unit in UNITS]
    assert told == ["2026-10", "2026-q4", "2026"]


UNITS: tuple[Unit, ...] = ("month", "quarter", "year")


@pytest.mark.parametrize(
    ("zone", "start", "months", "end"),
    [
        pytest.param("UTC", "2026-01-31T10:00:00Z", 1, "2026-02-28T10:00:00Z", id="day cut to the last"),
        pytest.param("UTC", "2028-01-31T10:00:00Z", 1, "2028-02-29T10:00:00Z", id="leap year"),
        pytest.param("UTC", "2026-10-01T00:00:00Z", 3, "2027-01-01T00:00:00Z", id="over the year"),
        pytest.param("UTC", "2026-03-31T00:00:00Z", -13, "2025-02-28T00:00:00Z", id="backwards"),
        pytest.param("Europe/Berlin", "2026-02-28T23:00:00Z", 1, "2026-03-31T22:00:00Z", id="summer begins"),
        pytest.param("America/New_York", "2026-02-08T07:30:00Z", 1, "2026-03-08T07:30:00Z", id="skipped"),
        pytest.param(
            "America/New_York", "2026-10-01T05:30:00Z", 1, "2026-11-01T05:30:00Z", id="occurs twice"
        ),
    ],
)
def test_months_later_by_example(zone: str, start: str, months: int, end: str) -> None:
    assert iso(add_months(zone, parse(start), months)) == end


def test_a_date_that_a_zone_skipped_is_no_day() -> None:
    december = interval_of("Pacific/Apia", "month", parse("2011-12-15T00:00:00Z"))
    days = local_days("Pacific/Apia", december)
    assert len(days) == 30
    assert day_start("Pacific/Apia", date(2011, 12, 30)) == day_start("Pacific/Apia", date(2011, 12, 31))


def test_an_empty_time_touches_no_interval() -> None:
    assert intervals("UTC", "month", parse("2026-05-12T00:00:00Z"), parse("2026-05-12T00:00:00Z")) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "../etc",
        "/etc/localtime",
        "America",
        "localtime",
        "zone.tab",
        "a\x00b",
        "UTC\n",
        "Ü",
    ],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not an IANA time zone"):
        zone_of(name)


def test_the_release_of_the_zones_is_known() -> None:
    assert tzdata_version()[:4].isdigit()


def test_a_clock_set_back_over_midnight_does_not_bring_the_old_day_back() -> None:
    zone, begun = "America/St_Johns", parse("2010-11-07T02:30:00Z")
    shown_again = parse("2010-11-07T02:31:00Z")  # the wall says 23:01 of the 6th
    assert shown_again.astimezone(zone_of(zone)).date() == date(2010, 11, 6)
    assert day_start(zone, date(2010, 11, 7)) == begun
    assert local_date(zone, shown_again) == local_date(zone, begun) == date(2010, 11, 7)
