"""How a loss is shared among those who hold something: exact, in lots, nothing lost."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from schemas.kernel.shares import largest_remainder


def pro_rata(amount: int, claims: Mapping[str, int], lot: int) -> dict[str, int]:
    """Share `amount` in proportion to claims, none above its claim: largest remainder in lots, ties by name.

    Where a claim or the amount is no whole number of lots, single units are shared.
    """
    names = sorted(claims)
    weights = [claims[name] for name in names]
    amount = min(amount, sum(weights))
    if not amount:
        return {}
    unit = lot if all(weight % lot == 0 for weight in (amount, *weights)) else 1
    shares = largest_remainder(amount, weights, unit)
    return {name: share for name, share in zip(names, shares, strict=True) if share}


def in_order(amount: int, claims: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Take `amount` from the first claims, each wholly before the next."""
    shares: dict[str, int] = {}
    for name, claim in claims:
        taken = min(amount, claim)
        if taken:
            shares[name] = taken
            amount -= taken
    return shares


def rotating(
    amount: int, claims: Mapping[str, int], carried: Mapping[str, Fraction], lot: int
) -> tuple[dict[str, int], dict[str, Fraction]]:
    """Share `amount` in proportion to claims, with what earlier shares left owing.

    Args:
        amount: what is to be shared.
        claims: what each has.
        carried: for each, its exact shares so far less what was taken from it; in units.
        lot: shares are whole lots where amount and claims are.

    Returns:
        The shares, and what is carried on: only for those who have a claim.
    """
    names = sorted(claims)
    whole = sum(claims.values())
    amount = min(amount, whole)
    unit = lot if all(each % lot == 0 for each in (amount, *claims.values())) else 1
    quotas = {
        name: carried.get(name, Fraction(0)) + Fraction(amount * claims[name], whole or 1) for name in names
    }
    shares = {name: max(0, min(quotas[name] // unit * unit, claims[name])) for name in names}
    left = amount - sum(shares.values())
    while left > 0:
        open_ = [name for name in names if shares[name] + unit <= claims[name]]
        name = max(open_, key=lambda each: quotas[each] - shares[each])
        shares[name] += unit
        left -= unit
    while left < 0:
        taken = [name for name in names if shares[name] >= unit]
        name = min(taken, key=lambda each: quotas[each] - shares[each])
        shares[name] -= unit
        left += unit
    return {n: s for n, s in shares.items() if s}, {name: quotas[name] - shares[name] for name in names}
