"""A line that is reserved already follows its contract, whatever the pool has: this is never refused.

What is not covered becomes a shortfall; before the decision it falls on the changed reservation alone. A
holding never holds more than its giver can give.
"""

from schemas.capacity import (
    Fill,
    ReservationAmended,
    ReservationReleased,
    Tier,
    WantedLine,
)
from schemas.kernel.instants import instant
from schemas.kernel.schedule import Schedule, deltas, sum_of
from services.capacity.domain.below import lowered
from services.capacity.domain.book import Book
from services.capacity.domain.draft import Draft
from services.capacity.domain.holding import Holding
from services.capacity.domain.reserve import available
from services.capacity.domain.supply import on_grid


def amend_by_law(draft: Draft, holding: Holding, line: WantedLine, at: int) -> None:
    """Bring what is reserved or held for a line to what its contract wants now.

    `at`: when the event is true in the world: a line that is requested again is filled up from then on.
    """
    pool, quantum = draft.after, draft.before.info.quantum_seconds
    wanted = on_grid(line.quantity, quantum)
    if holding.since is not None:
        wanted = wanted.clip(-(-holding.since // quantum) * quantum, None)
    if holding.came is not None:
        # up to the transfer's instant on the grid it is still the old holder's: never held twice
        wanted = wanted.clip(holding.came.start, None)
    whole = _filled(draft, holding, line, wanted, -(-at // quantum) * quantum)
    quantity = whole.minus(holding.recalled)
    tier = line.tier if holding.is_reservation else holding.tier
    if (quantity, wanted, tier, line.recall) == (
        holding.quantity,
        holding.wanted,
        holding.tier,
        holding.recall,
    ):
        return
    cut_at = _cut_at(holding, quantity)
    same = (tier, line.recall) == (holding.tier, holding.recall)
    if same and cut_at is not None and wanted == quantity + holding.recalled.clip(None, cut_at):
        _end(draft, holding, quantity, cut_at)
        return
    if pool.holdings[holding.name].expired:
        return
    _amend(draft, holding, line, quantity, wanted)


def _filled(draft: Draft, holding: Holding, line: WantedLine, wanted: Schedule, at: int) -> Schedule:
    """Return what of `wanted` is reserved, recalled parts included."""
    pool, has = draft.after, holding.quantity + holding.recalled
    if not holding.is_reservation:
        return (
            wanted.min(_room(draft, holding) + holding.recalled)
            if _fills(holding)
            else _refill(draft, holding, line, wanted, at)
        )
    if _fills(holding):
        return wanted
    more = wanted.minus(has).clip(at, None) if line.asked else wanted.minus(holding.wanted)
    return sum_of((wanted.min(has), available(pool.book, line.tier, more, draft.before.info.lot)))


def _fills(holding: Holding) -> bool:
    return holding.fill is Fill.ALL


def _refill(draft: Draft, holding: Holding, line: WantedLine, wanted: Schedule, at: int) -> Schedule:
    """Return what a holding that takes what there is comes to."""
    has = holding.quantity + holding.recalled
    more = wanted.minus(has).clip(at, None) if line.asked else wanted.minus(holding.wanted)
    left = _room(draft, holding).minus(holding.quantity)
    return sum_of((wanted.min(has), more.min(left)))


def _room(draft: Draft, holding: Holding) -> Schedule:
    """Return what a holding's givers could give it: what they have, less what others have of it."""
    pool = draft.after
    parts: list[Schedule] = []
    for index, source in enumerate(holding.sources):
        giver = pool.holdings[source.name]
        others = pool.passed_on(source.name).minus(holding.given_by(source.name))
        later = holding.sources[index + 1 :]
        parts.append(
            giver.quantity.minus(others).clip(
                source.start if index else None, later[0].start if later else None
            )
        )
    return sum_of(parts)


def _cut_at(holding: Holding, quantity: Schedule) -> int | None:
    """Return the instant at which `quantity` ends what the holding has, None if it is not just ended."""
    changed = deltas(holding.quantity, quantity)
    if not changed:
        return None
    start = changed[0][0]
    return start if quantity == holding.quantity.clip(None, start) else None


def _end(draft: Draft, holding: Holding, quantity: Schedule, start: int) -> None:
    event = ReservationReleased(
        pool=draft.before.name, reservation=holding.name, start=instant(start), quantity=quantity
    )
    draft.add(event, holding.holder)
    draft.tell_givers(holding)
    draft.release_below(holding.name, quantity, start)


def _amend(draft: Draft, holding: Holding, line: WantedLine, quantity: Schedule, wanted: Schedule) -> None:
    tier = line.tier if holding.is_reservation else holding.tier
    uncovered = Schedule.EMPTY
    if holding.is_reservation:
        more = quantity.minus(holding.quantity).clip(None, draft.at)
        uncovered = sum_of((holding.uncovered.min(quantity), _uncovered(draft.after.book, tier, more)))
    event = ReservationAmended(
        pool=draft.before.name,
        reservation=holding.name,
        quantity=quantity,
        tier=tier,
        asked=None if wanted == quantity + holding.recalled else wanted,
        uncovered=None if uncovered.is_empty else uncovered.min(quantity),
        recall=line.recall,
    )
    draft.add(event, holding.holder)
    draft.tell_givers(holding)
    for taker, less in list(lowered(draft.after, holding.name, quantity)):
        below = draft.after.holdings[taker]
        told = ReservationAmended(
            pool=draft.before.name,
            reservation=taker,
            quantity=less,
            tier=below.tier,
            asked=below.wanted,
            recall=below.recall,
            came_from=below.given_at(below.quantity.minus(less)),
        )
        draft.add(told, below.holder)
        draft.tell_givers(below)


def _uncovered(book: Book, tier: Tier, more: Schedule) -> Schedule:
    """Return what of a past addition nothing covers. Spare covers it too: it is there for losses."""
    against = Tier.RECALLABLE if tier is Tier.FIRM else tier
    return more.minus(available(book, against, more, 1))
