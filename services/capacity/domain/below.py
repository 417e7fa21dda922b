"""What comes down from a reservation to those to whom it was passed on, at any depth.

A loss falls first on the holder's own unpassed part, then on its takers: pro rata by largest remainder in
lots, ties by name, and so on down.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from schemas.capacity import ByCause
from schemas.kernel.schedule import Schedule, sum_of
from services.capacity.domain.causes import CAUSES, NOTHING, by, by_cause
from services.capacity.domain.cuts import Pieces, Shares
from services.capacity.domain.pool import Pool
from services.capacity.domain.sharing import pro_rata


class CutsBelow:
    """Finds the cuts of holdings from the cuts of the reservations at the top."""

    def __init__(self, pool: Pool, top: Callable[[str], ByCause]) -> None:
        """Take the pool as it is now, and the cut of each reservation."""
        self._pool, self._top = pool, top
        self._given: dict[str, Mapping[str, ByCause]] = {}

    def of(self, name: str) -> ByCause:
        """Return the cut of a reservation or holding."""
        holding = self._pool.holdings[name]
        if holding.is_reservation:
            return self._top(name)
        parts = [self._from(source.name).get(name, NOTHING) for source in holding.sources]
        if len(parts) == 1:
            return parts[0]
        return by_cause({cause: sum_of(by(part, cause) for part in parts) for cause in CAUSES})

    def _from(self, giver: str) -> Mapping[str, ByCause]:
        """Return what comes down from one giver, by taker."""
        if giver not in self._given:
            self._given[giver] = self._shared(giver)
        return self._given[giver]

    def _shared(self, giver: str) -> Mapping[str, ByCause]:
        holding, cuts = self._pool.holdings[giver], self.of(giver)
        given = {taker: self._pool.holdings[taker].given_by(giver) for taker in holding.takers}
        pieces, lot = Pieces(), self._pool.info.lot
        edges = [holding.quantity, *given.values(), *(by(cuts, cause) for cause in CAUSES)]
        for start, end in spans(edges):
            cut = [by(cuts, cause).at(start) for cause in CAUSES]
            if any(cut):
                claims = {taker: part.at(start) for taker, part in given.items() if part.at(start)}
                own = max(0, holding.quantity.at(start) - sum(claims.values()))
                pieces.put(start, end, _come_down(own, cut, claims, lot))
        return pieces.schedules()


def _come_down(own: int, cut: list[int], claims: Mapping[str, int], lot: int) -> Shares:
    """Return what of a giver's cuts its takers bear: each cause wholly before the next."""
    left = dict(claims)
    shares: Shares = {}
    for cause, amount in zip(CAUSES, cut, strict=True):
        kept = min(own, amount)
        own -= kept
        found = pro_rata(amount - kept, left, lot)
        for name, quantity in found.items():
            left[name] -= quantity
        if found:
            shares[cause] = found
    return shares


def descendants(pool: Pool, name: str) -> Iterator[str]:
    """Yield all that was ever passed on below a reservation or holding, the nearer before the farther."""
    seen = {name}
    generation = [name]
    while generation:
        generation = [t for each in generation for t in pool.holdings[each].takers if t not in seen]
        for taker in dict.fromkeys(generation):
            seen.add(taker)
            yield taker


def lowered(pool: Pool, name: str, quantity: Schedule) -> Iterator[tuple[str, Schedule]]:
    """Yield what is left of the holdings below `name` when it comes to hold only `quantity`.

    Reckoned on quantities before cuts. The nearer ones come before the farther ones.
    """
    holding = pool.holdings[name]
    given = {taker: pool.holdings[taker].given_by(name) for taker in holding.takers}
    taken: dict[str, list[tuple[int, int | None, int]]] = {}
    for start, end in spans([quantity, *given.values()]):
        claims = {taker: part.at(start) for taker, part in given.items() if part.at(start)}
        excess = sum(claims.values()) - quantity.at(start)
        if excess > 0:
            for taker, share in pro_rata(excess, claims, pool.info.lot).items():
                taken.setdefault(taker, []).append((start, end, share))
    for taker in sorted(taken):
        left = pool.holdings[taker].quantity - Schedule.from_raw(taken[taker])
        yield taker, left
        yield from lowered(pool, taker, left)


def spans(schedules: list[Schedule]) -> Iterator[tuple[int, int | None]]:
    """Yield the stretches between which nothing of all these changes, the last perhaps without end."""
    times = sorted({at for schedule in schedules for at in schedule.boundaries()})
    yield from pairwise(times)
    if times and not all(schedule.is_bounded for schedule in schedules):
        yield times[-1], None
