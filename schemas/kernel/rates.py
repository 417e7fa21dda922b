"""Rates: exact rationals read from decimal strings, and decimal strings written from rationals."""

import re
from fractions import Fraction
from typing import Final

from schemas.kernel.rounding import round_half_up

RATE_PATTERN: Final = r"^[0-9]{1,12}(\.[0-9]{1,12})?$(?!\n)"

_RATE: Final = re.compile(RATE_PATTERN)
_HUNDRED: Final = 100


def rate(text: str) -> Fraction:
    """The exact value of a rate.

    Raises:
        ValueError: not a plain decimal of at most 12 digits before and 12 after the point.
    """
    if _RATE.match(text) is None:
        raise ValueError(f"not a rate: {text!r}")
    whole, _, fraction = text.partition(".")
    return Fraction(int(whole + fraction), 10 ** len(fraction))


def percent(text: str) -> Fraction:
    """The exact share that a percentage means: "25" is 1/4.

    Raises:
        ValueError: as for `rate`.
    """
    return rate(text) / _HUNDRED


def decimal_text(x: Fraction, max_digits: int = 12) -> str:
    """The shortest decimal string of `x`: exact where at most `max_digits` places hold it.

    What does not end within them (a GPU-second is 1/3600 GPU-hour) is rounded half up at the last place.
    """
    text = _fixed(x, max_digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def six_digits(x: Fraction) -> str:
    """A ratio with six places, half up."""
    return _fixed(x, 6)


def _fixed(x: Fraction, places: int) -> str:
    scaled = round_half_up(x * 10**places)
    sign = "-" if scaled < 0 else ""
    if places == 0:
        return f"{sign}{abs(scaled)}"
    whole, fraction = divmod(abs(scaled), 10**places)
    return f"{sign}{whole}.{fraction:0{places}d}"
