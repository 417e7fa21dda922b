"""`capacity.pool` and `capacity.timeline`: what a pool has, has sold, and is short of."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from infra.service import View
from schemas.capacity import ByCause, PoolQuestion, Tier, TimelineQuestion
from schemas.decision import Refused
from schemas.kernel.instants import instant
from schemas.kernel.schedule import Schedule, combine, sum_of
from services.capacity.domain.causes import CAUSES, by, total
from services.capacity.domain.pool import Pool, Shortfall
from services.capacity.domain.supply import Phase
from services.capacity.reads.finding import own_pool

DAY_SECONDS = 86_400


async def pool(question: PoolQuestion, view: View) -> Mapping[str, Any] | Refused:
    """Answer what a pool is, its phases, and the shortfalls that reach beyond valid_at."""
    found = await own_pool(view, question.pool)
    if isinstance(found, Refused):
        return found
    open_ = [each for each in found.shortfalls.values() if _reaches(each, view.valid_at)]
    return {
        "pool": found.name,
        "sku": found.info.sku,
        "phases": [_phase(each) for each in found.phases.values() if not each.cancelled],
        "shortfalls": [
            {
                "shortfall": each.shortfall,
                "opened_at": instant(each.opened_at),
                **by_cause_between(each.quantity, None, None),
            }
            for each in open_
        ],
    }


def _reaches(shortfall: Shortfall, t: datetime) -> bool:
    return not total(shortfall.quantity).clip(t, None).is_empty


def _phase(phase: Phase) -> Mapping[str, Any]:
    late = phase.latest - phase.planned_at
    return {
        "phase": phase.phase,
        "quantity": phase.quantity,
        "planned_at": instant(phase.planned_at),
        "forecast_at": None if phase.forecast_at is None else instant(phase.forecast_at),
        "accepted_at": None if phase.accepted_at is None else instant(phase.accepted_at),
        "slip_days": late // DAY_SECONDS if late >= 0 else -(-late // DAY_SECONDS),
    }


async def timeline(question: TimelineQuestion, view: View) -> Mapping[str, Any] | Refused:
    """Answer with everything about a pool over a window, as Schedules."""
    found = await own_pool(view, question.pool)
    if isinstance(found, Refused):
        return found
    start, end = question.start, question.end
    committed = {tier: found.committed(tier).clip(start, end) for tier in Tier}
    capacity = found.supply.capacity.clip(start, end)
    short = short_between(found, start, end)
    return {
        "capacity": capacity,
        "committed": {tier.value: schedule for tier, schedule in committed.items()},
        "held": sum_of(found.holdings[name].quantity for name in found.holds).clip(start, end),
        "free": {tier.value: free(found, capacity, committed, tier) for tier in Tier},
        "shortfall": short,
        "unsold": capacity.minus(sum_of(committed.values())),
    }


def free(pool: Pool, capacity: Schedule, committed: Mapping[Tier, Schedule], tier: Tier) -> Schedule:
    """Return what one more reservation of a tier could take, 0 where the pool is short."""

    def left(capacity: int, firm: int, recallable: int, interruptible: int) -> int:
        guaranteed, whole = firm + recallable, firm + recallable + interruptible
        limit = pool.whole_limit(capacity)
        if guaranteed > capacity or whole > limit:
            return 0
        found = [limit - whole]
        if tier is not Tier.INTERRUPTIBLE:
            found.append(capacity - guaranteed)
        if tier is Tier.FIRM:
            found.append(pool.firm_limit(capacity) - firm)
        return max(0, min(found))

    return combine(left, capacity, *(committed[each] for each in Tier))


def short_between(pool: Pool, start: datetime, end: datetime) -> Mapping[str, Schedule]:
    """Return what a pool is short of in a window, by cause."""
    parts = [by_cause_between(each.quantity, start, end) for each in pool.shortfalls.values()]
    return {cause.value: sum_of(part[cause.value] for part in parts) for cause in CAUSES}


def by_cause_between(
    quantity: ByCause, start: datetime | None, end: datetime | None
) -> Mapping[str, Schedule]:
    """Return quantities by cause in a window, under the names of the causes."""
    return {cause.value: by(quantity, cause).clip(start, end) for cause in CAUSES}
