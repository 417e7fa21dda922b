"""Spare capacity: what is held back from firm so that failing nodes do not break what is promised."""

from fractions import Fraction
from functools import lru_cache
from typing import assert_never

from schemas.capacity import Spare, SpareByConfidence
from schemas.kernel.rates import rate


def firm_limit(capacity: int, lot: int, spare: Spare) -> int:
    """Return how many GPUs of `capacity` can be sold firm."""
    match spare:
        case int():
            return max(0, capacity - spare)
        case SpareByConfidence():
            nodes = capacity // lot
            return lot * nodes_up(nodes, rate(spare.node_availability), rate(spare.confidence))
        case _:
            assert_never(spare)


@lru_cache(maxsize=4096)
def nodes_up(nodes: int, availability: Fraction, confidence: Fraction) -> int:
    """Return the largest number of nodes that are up together with that confidence.

    The largest k with P(X >= k) >= confidence, X binomial. Exact: with p = a/b, the probabilities of n,
    n-1, … nodes being up are integers over b^n, each from the last by a ratio, summed until they reach the
    confidence.
    """
    up, down = availability.numerator, availability.denominator - availability.numerator
    if up == 0:
        return nodes if confidence == 0 else 0
    weight, whole = up**nodes, availability.denominator**nodes
    needed = -(-confidence.numerator * whole // confidence.denominator)
    reached, count = weight, nodes
    while reached < needed:
        weight = weight * count * down // ((nodes - count + 1) * up)
        reached += weight
        count -= 1
    return count
