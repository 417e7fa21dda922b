"""Who is cut for a shortfall: interruptible first, then recallable, then firm; each cause before the next."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Final, TypeAlias

from schemas.capacity import ByCause, Cause, CutRule, Tier
from schemas.kernel.schedule import RawStep, Schedule
from services.capacity.domain.causes import CAUSES, by_cause
from services.capacity.domain.sharing import in_order, pro_rata, rotating
from services.capacity.domain.shortfall import Claim, Stretch

WEAKEST_FIRST: Final = (Tier.INTERRUPTIBLE, Tier.RECALLABLE, Tier.FIRM)
Carried: TypeAlias = dict[tuple[Cause, Tier], dict[str, Fraction]]
Shares: TypeAlias = dict[Cause, dict[str, int]]
Share: TypeAlias = Callable[[Cause, int, Mapping[str, int], list[Claim]], dict[str, int]]
"""`share(cause, amount, what each has left, claims of the tier)`: how much is cut from whom."""


class Pieces:
    """Quantities by name and cause, gathered stretch by stretch in order of time."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._pieces: dict[str, dict[Cause, list[RawStep]]] = {}

    def put(self, start: int, end: int | None, shares: Shares) -> None:
        """Add what each has over [start, end)."""
        for cause, found in shares.items():
            for name, quantity in found.items():
                parts = self._pieces.setdefault(name, {each: [] for each in CAUSES})
                parts[cause].append((start, end, quantity))

    def schedules(self) -> dict[str, ByCause]:
        """Return them as Schedules."""
        return {
            name: by_cause({cause: Schedule.from_raw(steps) for cause, steps in parts.items()})
            for name, parts in self._pieces.items()
        }


def plain_cuts(found: Iterable[Stretch], rule: CutRule, lot: int) -> dict[str, ByCause]:
    """Return the cuts of stretches where each is shared by itself."""
    pieces = Pieces()
    for stretch in found:
        pieces.put(stretch.start, stretch.end, _shared(stretch, rule, lot))
    return pieces.schedules()


def rotating_cuts(found: Iterable[Stretch], lot: int, block_seconds: int, until: int) -> dict[str, ByCause]:
    """Return the cuts of all stretches there ever were, shared anew in blocks, up to `until`.

    Blocks are counted from a shortfall's first instant, and anew from every change. What exact shares left
    owing is carried from block to block, so that in the long run cuts are exactly proportional.
    """
    pieces, carried = Pieces(), _nothing_carried()
    for stretch in found:
        for start, end in _blocks(stretch, block_seconds, until):
            pieces.put(start, end, _rotated(stretch, carried, lot))
    return pieces.schedules()


def _nothing_carried() -> Carried:
    return {(cause, tier): {} for cause in CAUSES for tier in WEAKEST_FIRST}


def _blocks(stretch: Stretch, block_seconds: int, until: int) -> Iterator[tuple[int, int]]:
    end = until if stretch.end is None else min(stretch.end, until)
    start = stretch.start
    while start < end:
        yield start, min(start + block_seconds, end)
        start += block_seconds


def _shared(stretch: Stretch, rule: CutRule, lot: int) -> Shares:
    def share(_: Cause, amount: int, claims: Mapping[str, int], tier: list[Claim]) -> dict[str, int]:
        if rule == "pro_rata":
            return pro_rata(amount, claims, lot)
        latest = sorted(tier, key=lambda claim: (claim.place, claim.name), reverse=True)
        return in_order(
            amount, [(claim.name, claims[claim.name]) for claim in latest if claim.name in claims]
        )

    return _by_tiers(stretch, share)


def _rotated(stretch: Stretch, carried: Carried, lot: int) -> Shares:
    for owed in carried.values():
        for name in owed.keys() - stretch.claims.keys():
            del owed[name]

    def share(cause: Cause, amount: int, claims: Mapping[str, int], tier: list[Claim]) -> dict[str, int]:
        owed = carried[cause, tier[0].tier]
        shares, left = rotating(amount, claims, owed, lot)
        owed.update(left)
        return shares

    return _by_tiers(stretch, share)


def _by_tiers(stretch: Stretch, share: Share) -> Shares:
    left = {name: claim.quantity for name, claim in stretch.claims.items()}
    tiers = {
        tier: [claim for claim in stretch.claims.values() if claim.tier is tier] for tier in WEAKEST_FIRST
    }
    shares: Shares = {}
    for cause in CAUSES:
        cut: dict[str, int] = dict(stretch.alone) if cause is Cause.DELIVERY else {}
        for name, quantity in cut.items():
            left[name] -= quantity
        amount = stretch.short[cause] - sum(cut.values())
        for tier in WEAKEST_FIRST:
            claims = {claim.name: left[claim.name] for claim in tiers[tier] if left[claim.name]}
            if not amount or not claims:
                continue
            found = share(cause, min(amount, sum(claims.values())), claims, tiers[tier])
            for name, quantity in found.items():
                cut[name] = cut.get(name, 0) + quantity
                left[name] -= quantity
                amount -= quantity
        if cut:
            shares[cause] = cut
    return shares
