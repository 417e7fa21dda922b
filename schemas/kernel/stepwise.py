"""The arithmetic under Schedule, on plain tuples: steps and the points where a step function changes.

A *step* is `(start, end, quantity)` in epoch seconds, end None = without end. *Points* are
`(second, quantity from then on)`, ascending; before the first the function is 0.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Final

RawStep = tuple[int, int | None, int]
Raw = tuple[RawStep, ...]
Point = tuple[int, int]

FOREVER: Final = 1 << 62  # later than every instant; the place of "without end" in comparisons


def points_of(raw: Iterable[RawStep]) -> list[Point]:
    """The changes of canonical steps, one per second at which the value changes."""
    points: list[Point] = []
    until: int | None = None
    for start, end, quantity in raw:
        if until is not None and until != start:
            points.append((until, 0))
        points.append((start, quantity))
        until = end
    if until is not None:
        points.append((until, 0))
    return points


def signed_steps(points: Iterable[Point]) -> list[RawStep]:
    """The steps between ascending points: neighbours with one value merged, zeros left out."""
    steps: list[RawStep] = []
    since, value = 0, 0
    for t, quantity in points:
        if quantity != value:
            if value:
                steps.append((since, t, value))
            since, value = t, quantity
    if value:
        steps.append((since, None, value))
    return steps


def summed(raws: Iterable[tuple[Raw, int]]) -> list[RawStep]:
    """The sum of many step functions, each times its sign (+1 or -1): one sort, one sweep."""
    changes: dict[int, int] = {}
    for raw, sign in raws:
        for start, end, quantity in raw:
            signed = sign * quantity
            changes[start] = changes.get(start, 0) + signed
            if end is not None:
                changes[end] = changes.get(end, 0) - signed
    times = sorted(changes)
    return signed_steps(zip(times, accumulate(changes[t] for t in times), strict=True))


def pointwise(fn: Callable[..., int], raws: Sequence[Raw]) -> list[RawStep]:
    """`fn` of the values of all functions at every instant.

    Raises:
        ValueError: `fn` of zeros is not zero, so that the result would have no beginning.
    """
    values = [0] * len(raws)
    if fn(*values) != 0:
        raise ValueError("the function gives a quantity where there is none")
    changes = [(t, index, quantity) for index, raw in enumerate(raws) for t, quantity in points_of(raw)]
    changes.sort(key=itemgetter(0))
    points: list[Point] = []
    for position, (t, index, quantity) in enumerate(changes):
        values[index] = quantity
        if position + 1 == len(changes) or changes[position + 1][0] != t:
            points.append((t, fn(*values)))
    return signed_steps(points)


def clipped(raw: Raw, start: int, end: int) -> Raw:
    """What lies in [start, end); `end` may be FOREVER."""
    kept: list[RawStep] = []
    for begin, until, quantity in raw:
        low, high = max(begin, start), end if until is None else min(until, end)
        if low < high:
            kept.append((low, None if high == FOREVER else high, quantity))
    return tuple(kept)


def canonical(steps: Iterable[RawStep]) -> Raw:
    """Sort, check and merge steps.

    Raises:
        ValueError: a step is empty, reversed or negative, or two overlap.
    """
    ordered = sorted(steps, key=itemgetter(0))
    merged: list[RawStep] = []
    free_from = ordered[0][0] if ordered else 0
    for start, end, quantity in ordered:
        if end is not None and end <= start:
            raise ValueError("a step ends after it starts")
        if quantity < 0:
            raise ValueError("a quantity is never negative")
        if start < free_from:
            raise ValueError("steps overlap")
        free_from = FOREVER if end is None else end
        if not quantity:
            continue
        if merged and merged[-1][1] == start and merged[-1][2] == quantity:
            merged[-1] = (merged[-1][0], end, quantity)
        else:
            merged.append((start, end, quantity))
    return tuple(merged)
