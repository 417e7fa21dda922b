"""Rounding of exact rationals to whole numbers; done once, at the line."""

from fractions import Fraction
from typing import Literal, assert_never

Rounding = Literal["half_up", "half_even"]


def round_half_up(x: Fraction) -> int:
    """The nearest whole number; a half goes away from zero."""
    nearest = (2 * abs(x.numerator) + x.denominator) // (2 * x.denominator)
    return nearest if x.numerator >= 0 else -nearest


def round_half_even(x: Fraction) -> int:
    """The nearest whole number; a half goes to the even one."""
    return round(x)


def rounded(x: Fraction, mode: Rounding) -> int:
    """The nearest whole number by the contract's mode."""
    match mode:
        case "half_up":
            return round_half_up(x)
        case "half_even":
            return round_half_even(x)
        case _:
            assert_never(mode)
