"""The algebra of Schedules against a model of one number a second."""

import copy
import pickle
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.kernel.instants import instant
from schemas.kernel.schedule import RawStep, Schedule, Step, combine, deltas, sum_of
from tests.unit.kernel.models import HORIZON, Model, models, schedule_of, schedules, seconds_near, value

windows = st.tuples(seconds_near, seconds_near)


def of_models(fn: Callable[[int, int], int], a: Model, b: Model) -> Schedule:
    return schedule_of(tuple(fn(p, q) for p, q in zip(a, b, strict=True)))


def assert_canonical(schedule: Schedule) -> None:
    for (_, end, quantity), (start, _, following) in pairwise(schedule.raw):
        assert end is not None
        assert end < start or (end == start and quantity != following)
    assert all(quantity > 0 and (end is None or start < end) for start, end, quantity in schedule.raw)


@given(models, models)
def test_the_algebra_is_that_of_the_values_at_every_instant(a: Model, b: Model) -> None:
    x, y = schedule_of(a), schedule_of(b)
    assert x + y == of_models(lambda p, q: p + q, a, b)
    assert x.minus(y) == of_models(lambda p, q: max(0, p - q), a, b)
    assert x.min(y) == of_models(min, a, b)
    assert x.max(y) == of_models(max, a, b)
    assert combine(lambda p, q: p * q, x, y) == of_models(lambda p, q: p * q, a, b)
    for result in (x + y, x.minus(y), x.min(y), x.max(y)):
        assert_canonical(result)


@given(schedules, schedules, schedules)
def test_a_sum_has_no_order_and_can_be_taken_back(a: Schedule, b: Schedule, c: Schedule) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c) == sum_of([c, a, b])
    assert (a + b) - b == a
    assert a - a == Schedule.EMPTY == sum_of([])


@given(models, models)
def test_a_difference_below_zero_is_refused(a: Model, b: Model) -> None:
    x, y = schedule_of(a), schedule_of(b)
    if all(p >= q for p, q in zip(a, b, strict=True)):
        assert x - y == x.minus(y)
    else:
        with pytest.raises(ValueError, match="would fall to -"):
            _ = x - y


@given(models, models)
def test_signed_differences_say_where_and_by_how_much(a: Model, b: Model) -> None:
    told = deltas(schedule_of(a), schedule_of(b))
    for t in range(-1, HORIZON + 3):
        found = [q for start, end, q in told if start <= t and (end is None or t < end)]
        assert sum(found) == value(a, t) - value(b, t)


@given(models, windows)
def test_a_clip_keeps_the_window_and_nothing_else(a: Model, window: tuple[int, int]) -> None:
    start, end = window
    clipped = schedule_of(a).clip(start, end)
    assert_canonical(clipped)
    for t in range(-4, HORIZON + 8):
        assert clipped.at(t) == (value(a, t) if start <= t < end else 0)
    assert schedule_of(a).clip(start, None) + schedule_of(a).clip(None, start) == schedule_of(a)


@given(models, windows)
def test_integral_peak_and_lowest_are_those_of_the_window(a: Model, window: tuple[int, int]) -> None:
    schedule, (start, end) = schedule_of(a), window
    inside = [value(a, t) for t in range(start, end)]
    assert schedule.integral(start, end) == sum(inside)
    assert schedule.peak(start, end) == max(inside, default=0)
    if inside:
        assert schedule.lowest(start, end) == min(inside)
    assert schedule.lowest(start, None) == min(value(a, t) for t in range(start, HORIZON + 6))


@given(models)
def test_a_bounded_schedule_has_a_total_and_an_endless_one_has_none(a: Model) -> None:
    schedule = schedule_of(a)
    assert schedule.clip(None, HORIZON).total() == sum(a[:HORIZON])
    assert schedule.is_bounded == (a[HORIZON] == 0)
    if not schedule.is_bounded:
        with pytest.raises(ValueError, match="without end"):
            schedule.total()


@given(schedules, st.integers(-50, 50))
def test_a_shift_moves_the_shape(a: Schedule, by: int) -> None:
    assert all(a.shift(by).at(t + by) == a.at(t) for t in range(-2, HORIZON + 2))
    assert a.shift(by).shift(-by) == a


@given(schedules)
def test_the_value_changes_at_boundaries_and_nowhere_else(a: Schedule) -> None:
    changes = [t for t in range(-1, HORIZON + 2) if a.at(t) != a.at(t - 1)]
    assert list(a.boundaries()) == changes


@given(schedules)
def test_steps_raw_copies_and_hashes_keep_the_value(a: Schedule) -> None:
    assert Schedule.of(reversed(a.steps)) == a == Schedule.from_raw(a.raw)
    assert hash(Schedule.of(a.steps)) == hash(a)
    assert copy.deepcopy(a) == a == pickle.loads(pickle.dumps(a))  # noqa: S301  our own bytes
    assert a.is_empty == (a == Schedule.EMPTY)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(0, 5, 1), (4, 6, 1)], id="overlap"),
        pytest.param([(0, None, 1), (4, 6, 1)], id="something after no end"),
        pytest.param([(0, 5, 0), (4, 6, 1)], id="overlap of a zero step"),
        pytest.param([(5, 5, 1)], id="empty"),
        pytest.param([(5, 4, 1)], id="reversed"),
        pytest.param([(0, 5, -1)], id="negative"),
    ],
)
def test_steps_that_make_no_function_are_refused(steps: list[RawStep]) -> None:
    with pytest.raises(ValueError):
        Schedule.from_raw(steps)


def test_a_function_that_gives_something_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="where there is none"):
        combine(lambda q: q + 1, Schedule.constant(0, 1, 1))


def test_a_schedule_does_not_change() -> None:
    with pytest.raises(AttributeError):
        setattr(Schedule.EMPTY, "_raw", ((0, 1, 1),))  # noqa: B010  past the type checker


def test_windows_that_meet_at_noon_never_overlap() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    morning = Schedule.constant(noon - timedelta(hours=12), noon, 8)
    evening = Schedule.constant(noon, noon + timedelta(hours=12), 8)
    assert (morning + evening).peak() == 8
    assert len((morning + evening).raw) == 1


def test_steps_are_in_utc_and_whole_seconds() -> None:
    berlin = timezone(timedelta(hours=2))
    step = Step(datetime(2026, 6, 1, 2, tzinfo=berlin), None, 1)
    assert step.start.tzinfo is UTC
    assert Schedule.of([step]).steps[0].start == instant(1780272000)
    with pytest.raises(ValueError, match="whole seconds"):
        Step(datetime(2026, 6, 1, 2, 0, 0, 1, tzinfo=UTC), None, 1)
    with pytest.raises(ValueError, match="offset"):
        Step(datetime(2026, 6, 1, 2), None, 1)  # noqa: DTZ001  the fault under test


def test_it_reads_as_its_steps() -> None:
    assert repr(Schedule.constant(0, 3600, 4)) == "Schedule[1970-01-01T00:00:00Z .. 1970-01-01T01:00:00Z: 4]"


def test_work_grows_with_the_number_of_steps_and_not_with_its_square() -> None:
    def lines_run(steps: int) -> int:
        a = Schedule.from_raw((i * 10, i * 10 + 10, 1 + i % 7) for i in range(steps))
        b = a.shift(5)
        count = 0

        def trace(_: FrameType, event: str, __: object) -> Any:
            nonlocal count
            count += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            _ = a + b
        finally:
            sys.settrace(before)
        return count

    assert lines_run(800) < 12 * lines_run(100)  # 8 times the steps: linear is 8, quadratic 64


def test_there_is_one_empty_schedule_so_that_a_default_can_be_left_out_of_the_bytes() -> None:
    one = Schedule.constant(0, 1, 1)
    assert one - one is Schedule.EMPTY
    assert Schedule.of([]) is Schedule.EMPTY
