"""Money, rates and rounding: exact in, exact out."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.kernel.currencies import DIGITS
from schemas.kernel.money import Money, amount, digits, exact_minor, minor
from schemas.kernel.rates import decimal_text, percent, rate, six_digits
from schemas.kernel.rounding import round_half_even, round_half_up, rounded

currencies = st.sampled_from(sorted(DIGITS))
fractions = st.fractions(max_denominator=10_000)


@given(st.integers(-(10**17) + 1, 10**17 - 1), currencies)
def test_an_amount_survives_the_round_trip(units: int, currency: str) -> None:
    text = amount(units, currency)
    assert minor(text, currency) == units
    assert len(text.partition(".")[2]) == digits(currency)
    assert Money.of(units, currency).minor == units


@pytest.mark.parametrize(
    ("units", "currency", "text"),
    [
        (-5, "USD", "-0.05"),
        (0, "USD", "0.00"),
        (125_000_000_000, "USD", "1250000000.00"),
        (-7, "JPY", "-7"),
        (1, "BHD", "0.001"),
        (12345, "CLF", "1.2345"),
    ],
)
def test_amounts_are_told_with_all_digits(units: int, currency: str, text: str) -> None:
    assert amount(units, currency) == text


def test_an_amount_may_have_fewer_digits_and_no_negative_zero() -> None:
    assert minor("5", "USD") == 500
    assert minor("5.1", "KWD") == 5100
    assert minor("-0.00", "USD") == 0


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("5.000", "USD"),
        ("5.0", "JPY"),
        ("+5", "USD"),
        ("1e3", "USD"),
        ("1_000", "USD"),
        (".5", "USD"),
        ("5.", "USD"),
        ("\u0665", "USD"),
        ("5\n", "USD"),
        ("NaN", "USD"),
        ("", "USD"),
        ("1234567890123456789", "USD"),
        ("5.00", "XXX"),
        ("5.00", "usd"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError):
        minor(text, currency)


@given(fractions)
def test_rounding_is_to_the_nearest_and_symmetric(x: Fraction) -> None:
    up, even = round_half_up(x), round_half_even(x)
    assert abs(up - x) <= Fraction(1, 2)
    assert abs(even - x) <= Fraction(1, 2)
    assert round_half_up(-x) == -up
    assert round_half_even(-x) == -even
    if abs(up - x) == Fraction(1, 2):
        assert abs(up) > abs(x)
        assert even % 2 == 0


def test_each_mode_has_its_way_with_a_half() -> None:
    assert [rounded(Fraction(n, 2), "half_up") for n in (-3, -1, 1, 3, 5)] == [-2, -1, 1, 2, 3]
    assert [rounded(Fraction(n, 2), "half_even") for n in (-3, -1, 1, 3, 5)] == [-2, 0, 0, 2, 2]


@given(st.integers(0, 10**12 - 1), st.integers(0, 10**12 - 1))
def test_a_rate_is_exact(whole: int, fraction: int) -> None:
    x = rate(f"{whole}.{fraction:012d}")
    assert x == Fraction(whole * 10**12 + fraction, 10**12)
    assert rate(decimal_text(x)) == x


def test_a_percent_is_a_hundredth() -> None:
    assert percent("25") == Fraction(1, 4)
    assert percent("99.95") == Fraction(1999, 2000)


@pytest.mark.parametrize("text", ["-1", "1e5", ".5", "1.", "1_0", "1234567890123", "\u0661", "1\n", "inf"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        rate(text)


@pytest.mark.parametrize(
    ("x", "places", "text"),
    [
        (Fraction(768), 12, "768"),
        (Fraction(100), 0, "100"),
        (Fraction(3, 2), 12, "1.5"),
        (Fraction(-3, 2), 12, "-1.5"),
        (Fraction(1, 3600), 6, "0.000278"),
        (Fraction(2, 3), 3, "0.667"),
        (Fraction(0), 12, "0"),
        (Fraction(-1, 10**9), 3, "0"),
    ],
)
def test_a_decimal_is_as_short_as_it_is_exact(x: Fraction, places: int, text: str) -> None:
    assert decimal_text(x, places) == text


def test_a_ratio_has_six_digits_half_up() -> None:
    assert six_digits(Fraction(192585, 636864)) == "0.302396"
    assert six_digits(Fraction(1, 2_000_000)) == "0.000001"
    assert six_digits(Fraction(1)) == "1.000000"


def test_a_rate_times_a_quantity_becomes_exact_minor_units() -> None:
    assert exact_minor(rate("2.135") * 3, "USD") == Fraction(6405, 10)
    assert exact_minor(rate("2.135") * 3, "JPY") == Fraction(6405, 1000)
