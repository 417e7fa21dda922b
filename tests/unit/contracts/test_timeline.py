"""The timeline of a section, against a naive one with a value for every day."""

import itertools
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.kernel import timeline
from schemas.kernel.timeline import Timeline
from tests.unit.contracts.book import START

DAYS = 12
Layer = tuple[int, int | None, str]

layers = st.lists(
    st.tuples(st.integers(0, DAYS), st.none() | st.integers(1, DAYS), st.sampled_from("abc")), max_size=6
)


def on(number: int) -> datetime:
    return START + timedelta(days=number)


def ends(start: int, length: int | None) -> datetime | None:
    return None if length is None else on(start + length)


def laid(all_layers: list[Layer]) -> Timeline:
    made = timeline.opened(START, "base", 1)
    for number, (start, length, value) in enumerate(all_layers, start=2):
        made = timeline.laid(made, on(start), ends(start, length), value, number)
    return made


@settings(max_examples=150)
@given(layers)
def test_the_last_layer_that_covers_a_day_holds_on_it(all_layers: list[Layer]) -> None:
    made = laid(all_layers)
    for number in range(2 * DAYS + 2):
        value, begin = "base", 0
        for start, length, laid_value in all_layers:
            if start <= number and (length is None or number < start + length):
                value, begin = laid_value, start
        found = next(s for s in reversed(made) if s.start <= on(number))
        assert (found.value, found.begin) == (value, on(begin))


@settings(max_examples=150)
@given(layers)
def test_the_stretches_follow_each_other_without_gaps(all_layers: list[Layer]) -> None:
    made = laid(all_layers)
    assert made[0].start == START
    assert made[-1].end is None
    assert all(a.end == b.start for a, b in itertools.pairwise(made))


@settings(max_examples=150)
@given(layers, st.integers(0, DAYS), st.none() | st.integers(1, DAYS))
def test_covered_is_what_begins_later_than_the_change(
    all_layers: list[Layer], start: int, length: int | None
) -> None:
    made = laid(all_layers)
    covered = timeline.covered(made, on(start), ends(start, length))
    for number in range(2 * DAYS + 2):
        inside = start <= number and (length is None or number < start + length)
        holds = next(s for s in reversed(made) if s.start <= on(number))
        told = any(s.start <= on(number) and (s.end is None or on(number) < s.end) for s in covered)
        assert told == (inside and holds.begin > on(start))


def test_older_terms_that_return_at_an_until_are_not_covered() -> None:
    made = timeline.laid(timeline.opened(START, "base", 1), on(2), on(4), "rebate", 2)
    assert [s.value for s in timeline.covered(made, on(1), None)] == ["rebate"]


def test_what_is_laid_again_as_it_is_keeps_its_number() -> None:
    made = timeline.laid(timeline.opened(START, "base", 1), on(2), on(4), "rebate", 2)
    assert timeline.laid(made, on(2), on(4), "rebate", 3) == made
