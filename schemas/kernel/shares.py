"""Splits that lose nothing: largest remainder."""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm


def largest_remainder(total: int, weights: Sequence[int | Fraction], lot: int = 1) -> list[int]:
    """Split `total` in proportion to `weights`, in multiples of `lot`; the shares sum to `total` exactly.

    Each gets its quota cut down to lots; the lots left over go one each to the largest remainders, ties to
    the lower index. A negative total is split like its absolute value. A share of weight 0 is 0, and no
    share exceeds its weight where the total does not exceed the sum of weights that are whole lots.

    Raises:
        ValueError: a negative weight, a total that is no multiple of `lot`, or nothing to share by.
    """
    lots, rest = divmod(abs(total), lot)
    if rest:
        raise ValueError(f"{total} is no multiple of the lot {lot}")
    scaled = _whole(weights)
    if any(weight < 0 for weight in scaled):
        raise ValueError("a weight is negative")
    whole = sum(scaled)
    if whole == 0:
        if total:
            raise ValueError(f"{total} cannot be shared by weights of zero")
        return [0] * len(scaled)
    quotas = [divmod(lots * weight, whole) for weight in scaled]
    shares = [quota for quota, _ in quotas]
    left = lots - sum(shares)
    for index in sorted(range(len(quotas)), key=lambda i: -quotas[i][1])[:left]:
        shares[index] += 1
    unit = lot if total > 0 else -lot
    return [share * unit for share in shares]


def _whole(weights: Sequence[int | Fraction]) -> list[int]:
    """The weights times their common denominator: the same proportions in whole numbers."""
    unit = lcm(*(weight.denominator for weight in weights))
    return [weight.numerator * (unit // weight.denominator) for weight in weights]
