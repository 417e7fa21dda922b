"""What a pool is short of, by cause: one stretch of constant values at a time.

S(c) = 0 where firm + recallable <= c and all <= floor(c x (100 + overbook) / 100), otherwise committed - c.
delivery = S(expected); maintenance = S(expected - planned outages) - S(expected); outage = S(capacity) -
the former.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

import msgspec

from schemas.capacity import Cause, Tier
from services.capacity.domain.causes import CAUSES
from services.capacity.domain.holding import Holding
from services.capacity.domain.supply import Supply

Window: TypeAlias = tuple[int, int | None]
"""`[start, end)` in epoch seconds, None = without end."""


class Claim(msgspec.Struct, frozen=True):
    """One reservation in a stretch: what it has, and the part of it that nothing covers."""

    name: str
    tier: Tier
    place: int
    quantity: int
    uncovered: int


class Stretch(msgspec.Struct, frozen=True):
    """A stretch over which nothing changes, in which the pool is short.

    Attributes:
        short: how much, by cause.
        alone: what of `delivery` falls on one claim alone.
        claims: all that is committed, by name.
    """

    start: int
    end: int | None
    short: Mapping[Cause, int]
    alone: Mapping[str, int]
    claims: Mapping[str, Claim]


class _Sums:
    """What is committed at one instant."""

    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}
        self.whole = 0
        self.guaranteed = 0

    def change(self, claim: Claim) -> None:
        before = self.claims.pop(claim.name, None)
        for each, sign in ((before, -1), (claim, 1)):
            if each is not None:
                self.whole += sign * each.quantity
                self.guaranteed += 0 if each.tier is Tier.INTERRUPTIBLE else sign * each.quantity
        if claim.quantity:
            self.claims[claim.name] = claim


def stretches(
    supply: Supply, holdings: Iterable[Holding], whole_limit: Callable[[int], int], window: Window
) -> Iterator[Stretch]:
    """Yield the stretches of a window in which the pool is short, in order, alike neighbours as one."""
    kept: Stretch | None = None
    for found in _stretches(supply, holdings, whole_limit, window):
        if kept is not None and kept.end == found.start and _alike(kept, found):
            kept = msgspec.structs.replace(kept, end=found.end)
            continue
        if kept is not None:
            yield kept
        kept = found
    if kept is not None:
        yield kept


def _alike(one: Stretch, other: Stretch) -> bool:
    return (one.short, one.alone, one.claims) == (other.short, other.alone, other.claims)


def _stretches(
    supply: Supply, holdings: Iterable[Holding], whole_limit: Callable[[int], int], window: Window
) -> Iterator[Stretch]:
    start, end = window
    changes = _changes(supply, holdings, start, end)
    times = sorted(changes)
    levels = (supply.expected, supply.maintained, supply.capacity)
    sums = _Sums()
    for index, at in enumerate(times):
        for claim in changes[at]:
            sums.change(claim)
        capacities = [level.at(at) for level in levels]
        if sums.whole <= capacities[-1]:
            continue
        short, alone = _short(sums, capacities, whole_limit)
        if any(short.values()):
            until = times[index + 1] if index + 1 < len(times) else end
            yield Stretch(at, until, short, alone, dict(sums.claims))


def _changes(
    supply: Supply, holdings: Iterable[Holding], start: int, end: int | None
) -> dict[int, list[Claim]]:
    """Return, for each instant of the window at which anything changes, the claims that do."""
    changes: dict[int, list[Claim]] = {start: []}
    for at in supply.changes():
        if start < at and (end is None or at < end):
            changes.setdefault(at, [])
    for each in holdings:
        for at in {start, *each.quantity.boundaries(), *each.uncovered.boundaries()}:
            if start <= at and (end is None or at < end):
                claim = Claim(each.name, each.tier, each.place, each.quantity.at(at), each.uncovered.at(at))
                changes.setdefault(at, []).append(claim)
    return changes


def _short(
    sums: _Sums, capacities: list[int], whole_limit: Callable[[int], int]
) -> tuple[dict[Cause, int], dict[str, int]]:
    """Return the shortfall of a stretch by cause, and what of it falls on one claim alone."""
    bearing = [claim for claim in sums.claims.values() if claim.uncovered]
    alone: dict[str, int] = {}
    left = _lacking(sums.whole, sums.guaranteed, capacities[-1], whole_limit)
    whole, guaranteed = sums.whole, sums.guaranteed
    for claim in sorted(bearing, key=lambda each: (each.place, each.name)):
        own = min(claim.uncovered, claim.quantity, left)
        if own:
            alone[claim.name] = own
            left -= own
            whole -= own
            guaranteed -= 0 if claim.tier is Tier.INTERRUPTIBLE else own
    so_far = 0
    found: dict[Cause, int] = {}
    for cause, capacity in zip(CAUSES, capacities, strict=True):
        lacking = max(so_far, _lacking(whole, guaranteed, capacity, whole_limit))
        found[cause], so_far = lacking - so_far, lacking
    found[Cause.DELIVERY] += sum(alone.values())
    return found, alone


def _lacking(whole: int, guaranteed: int, capacity: int, whole_limit: Callable[[int], int]) -> int:
    """Return S(capacity)."""
    return 0 if guaranteed <= capacity and whole <= whole_limit(capacity) else max(0, whole - capacity)
