"""The segment tree against a deliberately naive array."""

import random

import pytest

from services.capacity.domain import timeline as module
from services.capacity.domain.timeline import ALWAYS, Timeline

SPAN = 4_000
TAIL = SPAN - 1  # the last place of the array stands for everything after it


class Naive:
    def __init__(self) -> None:
        self.values = [0] * SPAN

    def add(self, start: int, end: int, value: int) -> None:
        for at in range(start, min(end, SPAN)):
            self.values[at] += value

    def lowest(self, start: int, end: int) -> int:
        return min(self.values[start : min(end, SPAN)])

    def last_below(self, start: int, end: int, value: int) -> int | None:
        places = [at for at in range(start, min(end, SPAN)) if self.values[at] < value]
        if not places:
            return None
        return end if places[-1] == TAIL else places[-1] + 1


def _window(chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(SPAN - 2)
    if chance.random() < 0.1:
        return start, ALWAYS
    return start, min(start + 1 + int(chance.paretovariate(0.6)), TAIL - 1) if start < TAIL - 2 else TAIL


@pytest.mark.parametrize(("seed", "cells"), [(1, 1 << 17), (2, 1 << 17), (3, 16), (4, 64)])
def test_ten_thousand_random_steps_agree_with_an_array(
    seed: int, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CELLS_LEAST", 8)
    monkeypatch.setattr(module, "CELLS_MOST", cells)
    chance, tree, naive = random.Random(seed), Timeline(), Naive()
    for number in range(2_500):
        start, end = _window(chance)
        value = chance.randrange(-9, 10)
        tree.add(start, end, value)
        naive.add(start, end, value)
        start, end = _window(chance)
        assert tree.lowest(start, end) == naive.lowest(start, end)
        bound = chance.randrange(-20, 20)
        assert tree.last_below(start, end, bound) == naive.last_below(start, end, bound)
        if number % 100 == 0:
            told = [v for s, e, v in tree.steps(0, SPAN) for _ in range(s, e)]
            assert told == naive.values
            assert list(tree.copy().steps(0, SPAN)) == list(tree.steps(0, SPAN))
            rebuilt = Timeline(tree.steps(0, ALWAYS))
            assert [v for s, e, v in rebuilt.steps(0, SPAN) for _ in range(s, e)] == naive.values


def test_before_everything_that_was_added_the_value_is_zero() -> None:
    tree = Timeline()
    tree.add(100, 200, 5)
    assert tree.lowest(-50, 150) == 0
    assert tree.last_below(-50, -10, 1) == -10
    assert tree.last_below(-50, -10, 0) is None


def test_what_reaches_over_a_century_of_minutes_costs_no_century() -> None:
    tree = Timeline()
    tree.add(0, 90_000_000, 7)
    tree.add(30, 31, -2)
    assert tree.lowest(0, 90_000_000) == 5
    assert tree.lowest(31, 90_000_000) == 7
    assert tree.last_below(0, 90_000_000, 6) == 31
