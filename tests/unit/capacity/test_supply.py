"""What there is: spare as a confidence, what is off the grid, shapes that fit, snapshots."""

import random
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.codec import decode_as, encode
from schemas.capacity import Tier
from schemas.kernel.instants import seconds
from schemas.kernel.schedule import Schedule
from services.capacity.aggregates import POOL
from services.capacity.domain.fit import demands, earliest_shift, lack
from services.capacity.domain.snapshot import pack, unpack
from services.capacity.domain.spare import nodes_up
from services.capacity.domain.supply import on_grid, widened
from tests.unit.capacity.hall import hall_with, hour, reserve
from tests.unit.capacity.test_any_history import Chance

SHARES = st.fractions(0, 1, max_denominator=50)


@given(st.integers(0, 40), SHARES, SHARES)
def test_nodes_up_is_the_largest_number_with_that_confidence(
    nodes: int, up: Fraction, sure: Fraction
) -> None:
    def together(least: int) -> Fraction:
        counts = range(least, nodes + 1)
        return sum((comb(nodes, k) * up**k * (1 - up) ** (nodes - k) for k in counts), Fraction(0))

    found = nodes_up(nodes, up, sure)
    assert together(found) >= sure
    assert found == nodes or together(found + 1) < sure


@given(st.integers(0, 500), st.integers(1, 300), st.integers(0, 50))
def test_an_outage_is_widened_to_the_grid_and_rounded_up_to_lots(start: int, length: int, gpus: int) -> None:
    lost = widened(start, start + length, gpus, 60, 8)
    assert all(at % 60 == 0 for at in lost.boundaries())
    for at in range(start, start + length):
        assert gpus <= lost.at(at) < gpus + 8
    assert lost.at(start // 60 * 60 - 1) == 0
    assert lost.at(-(-(start + length) // 60) * 60) == 0


STEPS = st.lists(st.tuples(st.integers(1, 200), st.integers(0, 100), st.integers(0, 9)), max_size=5)


@given(STEPS)
def test_what_is_off_the_grid_is_covered_by_the_least_that_is_on_it(
    steps: list[tuple[int, int, int]],
) -> None:
    raw: list[tuple[int, int | None, int]] = []
    at = 0
    for length, gap, quantity in steps:
        raw.append((at + gap, at + gap + length, quantity))
        at += gap + length
    schedule = Schedule.from_raw(raw)
    covered = on_grid(schedule, 60)
    for cell in range(0, at + 120, 60):
        most = max(schedule.at(second) for second in range(cell, cell + 60))
        assert {covered.at(second) for second in range(cell, cell + 60)} == {most}


@pytest.mark.parametrize("seed", range(8))
def test_the_earliest_start_is_the_first_at_which_the_same_shape_fits(seed: int) -> None:
    chance = random.Random(seed)
    hall = hall_with(60, spare=4, overbook_percent="10")
    maker = Chance(hall, seed, 1)
    for number in range(25):
        reserve(hall, f"r-{number}", maker.shape(), chance.choice(list(Tier)))
    book = hall.pool().book
    for _ in range(20):
        shape, tier = maker.shape(), chance.choice(list(Tier))
        shift = earliest_shift(demands(book, [(tier, shape)]))
        found = next((n for n in range(120) if lack(book, tier, shape.shift(n * 3600)) is None), None)
        assert shift == (None if found is None else found * 3600)


@pytest.mark.parametrize("seed", range(6))
def test_a_snapshot_is_the_pool_again(seed: int) -> None:
    hall = hall_with(40, rotation_hours=(None, 2)[seed % 2], spare=2)
    maker = Chance(hall, seed, 1)
    for _ in range(60):
        command, actor = maker.command()
        hall.do(command, actor)
    pool = hall.pool()
    again = unpack(decode_as(POOL.state, encode(pack(pool))))
    assert again == pool
    assert encode(pack(again)) == encode(pack(pool))
    for number in range(100):
        at = seconds(hour(number))
        assert list(again.book.free(Tier.FIRM, at, at + 3600)) == list(
            pool.book.free(Tier.FIRM, at, at + 3600)
        )
