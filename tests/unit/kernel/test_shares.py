"""Splits lose nothing and favour nobody."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.kernel.shares import largest_remainder

weights_of = st.lists(
    st.one_of(st.integers(0, 1000), st.fractions(0, 50, max_denominator=60)), min_size=1, max_size=9
).filter(any)


@given(st.integers(-(10**9), 10**9), weights_of, st.integers(1, 16))
def test_shares_sum_to_the_whole_in_lots_and_stay_within_one_lot_of_the_quota(
    lots: int, weights: list[int | Fraction], lot: int
) -> None:
    total = lots * lot
    shares = largest_remainder(total, weights, lot)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert share % lot == 0
        assert abs(share - Fraction(total) * weight / sum(weights)) < lot
        assert weight or share == 0


@given(st.integers(0, 10**9), weights_of)
def test_a_negative_total_is_split_like_its_absolute_value(total: int, weights: list[int | Fraction]) -> None:
    assert largest_remainder(-total, weights) == [-share for share in largest_remainder(total, weights)]


@given(st.integers(0, 10**6), weights_of, st.integers(1, 60))
def test_only_proportions_count(total: int, weights: list[int | Fraction], factor: int) -> None:
    scaled = [weight * factor for weight in weights]
    assert largest_remainder(total, scaled) == largest_remainder(total, weights)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8).filter(any), st.data())
def test_nobody_is_cut_by_more_than_its_claim(claims: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(claims)))
    shares = largest_remainder(total, claims)
    assert all(share <= claim for share, claim in zip(shares, claims, strict=True))


def test_ties_go_to_the_lower_index_and_larger_remainders_first() -> None:
    assert largest_remainder(100, [1, 1, 1]) == [34, 33, 33]
    assert largest_remainder(-100, [1, 1, 1]) == [-34, -33, -33]
    assert largest_remainder(10, [Fraction(1, 4), Fraction(3, 4)]) == [3, 7]
    assert largest_remainder(24, [5, 3], lot=8) == [16, 8]


def test_nothing_to_share_by_is_refused_unless_there_is_nothing_to_share() -> None:
    assert largest_remainder(0, [0, 0]) == [0, 0]
    assert largest_remainder(0, []) == []
    for total, weights, lot in ((5, [0, 0], 1), (5, [], 1), (5, [2, -1], 1), (5, [1], 2)):
        with pytest.raises(ValueError):
            largest_remainder(total, weights, lot)
