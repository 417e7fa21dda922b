"""Shares of calendar intervals: exact, and 1 for the whole however it is cut."""

from datetime import date, datetime
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.kernel.calendar import Unit, interval_of
from schemas.kernel.instants import instant, parse, seconds
from schemas.kernel.interval import Interval
from schemas.kernel.money import amount, round_half_up
from schemas.kernel.proration import Proration, days_30e_360, share
from tests.unit.kernel.test_calendar import times, units, zones

METHODS: tuple[Proration, ...] = ("second", "calendar_day", "thirty_360")


@given(zones, units, times, st.data())
def test_shares_of_a_partition_sum_to_one(zone: str, unit: Unit, t: datetime, data: st.DataObject) -> None:
    whole = interval_of(zone, unit, t)
    low, high = seconds(whole.start), seconds(whole.end)
    cuts = data.draw(st.lists(st.integers(low + 1, high - 1), unique=True, max_size=6).map(sorted))
    ends = [instant(second) for second in (low, *cuts, high)]
    for method in METHODS:
        shares = [share(whole, Interval(a, b), method, zone) for a, b in pairwise(ends)]
        assert sum(shares) == 1
        assert all(0 <= each <= 1 for each in shares)


@pytest.mark.parametrize(
    ("method", "net"),
    [("second", "792170698.92"), ("calendar_day", "806451612.90"), ("thirty_360", "791666666.67")],
)
def test_a_first_month_from_the_12th_at_half_past_eight(method: Proration, net: str) -> None:
    may = interval_of("UTC", "month", parse("2026-05-12T08:30:00Z"))
    term = Interval(parse("2026-05-12T08:30:00Z"), parse("2029-06-01T00:00:00Z"))
    assert amount(round_half_up(125_000_000_000 * share(may, term, method, "UTC")), "USD") == net


def test_half_a_month_with_a_day_of_25_hours() -> None:
    zone, start = "America/New_York", parse("2026-11-15T05:00:00Z")
    november = interval_of(zone, "month", start)
    part = Interval(start, november.end)
    assert amount(round_half_up(72_000_000 * share(november, part, "second", zone)), "USD") == "383467.41"
    assert share(november, part, "calendar_day", zone) == Fraction(16, 30)
    assert share(november, part, "thirty_360", zone) == Fraction(16, 30)


def test_a_day_belongs_to_what_holds_at_its_last_second() -> None:
    may = interval_of("UTC", "month", parse("2026-05-01T00:00:00Z"))
    until_noon = Interval(may.start, parse("2026-05-12T12:00:00Z"))
    to_the_last_second = Interval(may.start, parse("2026-05-12T23:59:59Z"))
    all_day = Interval(may.start, parse("2026-05-13T00:00:00Z"))
    told = [share(may, part, "calendar_day", "UTC") for part in (until_noon, to_the_last_second, all_day)]
    assert told == [Fraction(11, 31), Fraction(11, 31), Fraction(12, 31)]


def test_what_lies_outside_does_not_count() -> None:
    may = interval_of("UTC", "month", parse("2026-05-01T00:00:00Z"))
    june = interval_of("UTC", "month", parse("2026-06-01T00:00:00Z"))
    assert [share(may, june, method, "UTC") for method in METHODS] == [0, 0, 0]


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2026, 1, 31), date(2026, 2, 28), 28),
        (date(2026, 2, 28), date(2026, 3, 31), 32),
        (date(2026, 5, 30), date(2026, 5, 31), 0),
        (date(2026, 1, 1), date(2027, 1, 1), 360),
        (date(2026, 10, 1), date(2027, 1, 1), 90),
    ],
)
def test_days_by_the_eurobond_basis(start: date, end: date, days: int) -> None:
    assert days_30e_360(start, end) == days


def test_an_hour_has_no_share_by_days() -> None:
    hour = Interval(parse("2026-05-01T00:00:00Z"), parse("2026-05-01T01:00:00Z"))
    for method in ("calendar_day", "thirty_360"):
        with pytest.raises(ValueError, match="no whole local day"):
            share(hour, hour, method, "UTC")
