"""What must be true of every pool whenever the system is at rest."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from infra.past import Past
from schemas.capacity import ByCause
from schemas.kernel.schedule import Schedule, combine, sum_of
from services.capacity.aggregates import POOL
from services.capacity.domain.access import stream_of
from services.capacity.domain.below import CutsBelow
from services.capacity.domain.causes import CAUSES, by, by_cause, total
from services.capacity.domain.pool import Pool
from services.capacity.domain.shortfall import stretches
from services.capacity.projections import LISTED_POOLS


async def pools_are_sound(past: Past, now: datetime) -> Sequence[str]:
    """Return what is wrong in any pool: oversold, short without cuts, passed on without having."""
    del now
    wrong: list[str] = []
    for row in await past.rows(LISTED_POOLS, {}):
        folded = await past.fold("capacity", POOL, row["operator"], stream_of(row["pool"]))
        wrong += [f"{row['pool']}: {what}" for what in faults(folded.state)]
    return wrong


def faults(pool: Pool) -> Iterator[str]:
    """Yield what is wrong with one pool."""
    yield from _shortfalls(pool)
    yield from _passed_on(pool)
    yield from _usable(pool)


def _shortfalls(pool: Pool) -> Iterator[str]:
    """A pool is short exactly where it is told to be, and cuts cover that, as far as they are planned."""
    found = list(stretches(pool.supply, pool.reservations(), pool.whole_limit, (0, None)))
    told = by_cause(
        {cause: sum_of(by(each.quantity, cause) for each in pool.shortfalls.values()) for cause in CAUSES}
    )
    for cause in CAUSES:
        short = Schedule.from_raw((each.start, each.end, each.short[cause]) for each in found)
        if short != by(told, cause):
            yield f"short by {cause}: {short}, told: {by(told, cause)}"
        cut = sum_of(by(each.cuts, cause) for each in pool.reservations())
        if cut != short.clip(None, pool.planned_until):
            yield f"short by {cause}: {short}, cut: {cut}"
    for each in pool.holdings.values():
        if not each.cut.minus(each.quantity).is_empty:
            yield f"{each.name} is cut by more than it has"


def _passed_on(pool: Pool) -> Iterator[str]:
    """A holder never passes on more than it has, before and after cuts; what is cut above comes down."""
    below = CutsBelow(pool, lambda name: pool.holdings[name].cuts)
    for each in pool.holdings.values():
        if not pool.passed_on(each.name).minus(each.quantity).is_empty:
            yield f"{each.name} passes on more than it has"
        left = sum_of(
            pool.holdings[taker].given_by(each.name).minus(pool.holdings[taker].cut) for taker in each.takers
        )
        if not left.minus(each.quantity.minus(each.cut)).is_empty:
            yield f"what was passed on of {each.name} is more than is left of it after cuts"
        if not _same(below.of(each.name), each.cuts):
            yield f"{each.name} is cut otherwise than what came down to it"


def _same(one: ByCause, other: ByCause) -> bool:
    return one == other or total(one) == total(other) == Schedule.EMPTY


def _usable(pool: Pool) -> Iterator[str]:
    """Holders together may use no more than there is, or than may be sold."""
    entitled = sum_of(pool.entitlement(each.name) for each in pool.holdings.values())
    over = entitled.clip(None, pool.planned_until).minus(_sellable(pool))
    if not over.is_empty:
        yield f"more may be used than there is: {over}"


def _sellable(pool: Pool) -> Schedule:
    """Return what may be used at most: capacity where the pool is short, all that may be sold elsewhere."""

    def most(capacity: int, short: int) -> int:
        return capacity if short else pool.whole_limit(capacity)

    short = sum_of(total(each.quantity) for each in pool.shortfalls.values())
    return combine(most, pool.supply.capacity, short)
