from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cli.boards import timeline
from cli.boards.capacity import ROWS_MAX
from cli.boards.drawing import Stretch, amount_of, minor, money, percent, side_by_side, when
from cli.boards.periods import worst_by_period
from cli.boards.printing import text_of
from cli.boards.sheet import Bar, Sheet

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.integers(-(10**18), 10**18), st.sampled_from(["0", "0.00", "0.000"]))
def test_minor_units_become_the_amount_that_they_came_from(units: int, like: str) -> None:
    assert minor(amount_of(units, like)) == units


def test_thousands_stand_apart_whatever_the_sign() -> None:
    told = [money(text) for text in ("-1250000.00", "0.05", "-0.50", "999", "1000.125")]
    assert told == ["-1,250,000.00", "0.05", "-0.50", "999", "1,000.125"]


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_a_share_is_rounded_half_up_to_one_digit(part: int, whole: int) -> None:
    told = Fraction(percent(part, whole).removesuffix(" %"))
    error = Fraction(100 * part, whole) - told
    assert -Fraction(1, 20) <= error < Fraction(1, 20) + Fraction(1, 10**9)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=5))
def test_a_bar_is_as_long_as_its_whole_and_hides_no_part(parts: list[int]) -> None:
    glyphs = "abcde"
    bar = Bar([(part, (glyph, "")) for part, glyph in zip(parts, glyphs, strict=False)], sum(parts))
    drawn = bar.drawn(30).plain
    assert all((glyph in drawn) == (part > 0) for part, glyph in zip(parts, glyphs, strict=False))
    assert len(drawn) == (30 if sum(parts) else 0)


def test_an_instant_is_a_day_unless_it_has_a_time() -> None:
    told = [
        when(text) for text in ("2026-10-09T00:00:00Z", "2026-10-09T04:00:00Z", "2026-10-09T04:00:07+02:00")
    ]
    assert [*told, when(None)] == ["2026-10-09", "2026-10-09 04:00", "2026-10-09 02:00:07", "no end"]


def step(start: int, end: int | None, quantity: int) -> dict[str, object]:
    ends = None if end is None else (START + end * DAY).isoformat()
    return {"start": (START + start * DAY).isoformat(), "end": ends, "quantity": quantity}


def test_schedules_side_by_side_change_where_one_of_them_does() -> None:
    found = side_by_side([[step(0, 10, 5)], [step(5, None, 2)]])
    assert found == [
        Stretch(START, START + 5 * DAY, (5, 0)),
        Stretch(START + 5 * DAY, START + 10 * DAY, (5, 2)),
        Stretch(START + 10 * DAY, None, (0, 2)),
    ]


def test_a_period_tells_the_least_capacity_and_the_most_committed_in_it() -> None:
    hours = [
        Stretch(START + timedelta(hours=h), START + timedelta(hours=h + 1), (100 - h % 24, h % 24))
        for h in range(72)
    ]
    rows, length = worst_by_period(hours, (True, False), 10)
    assert length == "day"
    assert rows == [Stretch(START + d * DAY, START + (d + 1) * DAY, (77, 23)) for d in range(3)]


def test_a_gap_in_a_period_is_the_least_of_it() -> None:
    parts = [Stretch(START, START + DAY, (100, 0)), Stretch(START + 3 * DAY, START + 20 * DAY, (90, 0))]
    rows, length = worst_by_period(parts, (True, False), 4)
    assert length == "week"
    assert [row.quantities[0] for row in rows] == [0, 90, 90, 90]


def test_many_changes_are_told_by_period_and_no_shortfall_is_lost() -> None:
    pieces = [step(n, n + 1, 100 - n % 7) for n in range(200)]
    answer: dict[str, Any] = {
        "capacity": pieces,
        "committed": {"firm": [step(0, 200, 94)], "recallable": [], "interruptible": []},
        "held": [],
        "free": {"firm": [], "recallable": [], "interruptible": []},
        "shortfall": {"delivery": [], "maintenance": [], "outage": [step(150, 151, 3)]},
    }
    told = text_of(timeline("pool", answer)).splitlines()
    assert "the worst of each week" in told[0]
    assert len(told) <= ROWS_MAX + 4
    (short,) = [line for line in told if "▒" in line and line[0].isdigit()]
    assert short.split()[:2] == ["2026-05-25", "2026-06-01"]


def amounts() -> Sheet:
    found = Sheet("contract", ">headline", ">firm", "")
    found.row("spacex/anthropic", "43,750,000,000.00", "3,669,354,838.71", Bar([(1, ("█", ""))], 2))
    return found


def test_a_bar_gives_way_before_a_number_does() -> None:
    told = [text_of(amounts(), width) for width in (100, 66, 60)]
    assert [text.count("█") for text in told] == [15, 4, 0]
    assert all("43,750,000,000.00" in text and "3,669,354,838.71" in text for text in told)


def test_where_numbers_do_not_fit_side_by_side_each_row_is_a_block() -> None:
    assert text_of(amounts(), 36).splitlines() == [
        "contract  spacex/anthropic",
        "headline  43,750,000,000.00",
        "firm      3,669,354,838.71",
        "          ███████████████",
    ]
