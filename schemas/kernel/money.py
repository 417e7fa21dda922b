"""Money: integers of minor units at rest, decimal strings on the wire."""

import re
from fractions import Fraction
from typing import Annotated, Final

import msgspec

from schemas.kernel.currencies import DIGITS
from schemas.kernel.rounding import Rounding, round_half_even, round_half_up, rounded

__all__ = [
    "AMOUNT_PATTERN",
    "Money",
    "Rounding",
    "amount",
    "digits",
    "exact_minor",
    "minor",
    "round_half_even",
    "round_half_up",
    "rounded",
]

AMOUNT_PATTERN: Final = r"^-?[0-9]{1,18}(\.[0-9]{1,4})?$(?!\n)"

_AMOUNT: Final = re.compile(AMOUNT_PATTERN)


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount as it is written where no contract fixes the currency."""

    amount: Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN)]
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)")]

    @classmethod
    def of(cls, minor: int, currency: str) -> "Money":
        """Money of so many minor units.

        Raises:
            ValueError: the currency is unknown.
        """
        return cls(amount(minor, currency), currency)

    @property
    def minor(self) -> int:
        """Its minor units.

        Raises:
            ValueError: the currency is unknown, or has fewer digits than the amount.
        """
        return minor(self.amount, self.currency)


def digits(currency: str) -> int:
    """Digits of the minor unit by ISO 4217: USD 2, JPY 0, BHD 3.

    Raises:
        ValueError: the code is unknown.
    """
    found = DIGITS.get(currency)
    if found is None:
        raise ValueError(f"not an ISO 4217 currency: {currency!r}")
    return found


def minor(amount: str, currency: str) -> int:
    """The minor units of a decimal string.

    Raises:
        ValueError: not an amount, more digits than the currency has (zeros too), or an unknown currency.
    """
    places = digits(currency)
    if _AMOUNT.match(amount) is None:
        raise ValueError(f"not an amount: {amount!r}")
    whole, _, fraction = amount.partition(".")
    if len(fraction) > places:
        raise ValueError(f"{currency} has {places} digits after the point: {amount!r}")
    return int((whole + fraction).ljust(len(whole) + places, "0"))


def amount(minor: int, currency: str) -> str:
    """The decimal string of minor units, always with all digits of the currency.

    Raises:
        ValueError: the currency is unknown.
    """
    places = digits(currency)
    sign = "-" if minor < 0 else ""
    if places == 0:
        return f"{sign}{abs(minor)}"
    whole, fraction = divmod(abs(minor), 10**places)
    return f"{sign}{whole}.{fraction:0{places}d}"


def exact_minor(amount: Fraction, currency: str) -> Fraction:
    """An exact amount in major units (quantity x rate) as exact, unrounded minor units.

    Raises:
        ValueError: the currency is unknown.
    """
    factor: int = 10 ** digits(currency)
    return amount * factor
