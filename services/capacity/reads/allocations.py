"""`capacity.allocations`: what a tenant holds, what of it is cut, passed on, conditional, and left to use."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from infra.service import View
from schemas.capacity import AllocationsQuestion
from schemas.kernel.schedule import Schedule, sum_of
from services.capacity.domain.below import spans
from services.capacity.domain.holding import Holding
from services.capacity.domain.pool import Pool
from services.capacity.reads.finding import pools_of_tenant
from services.capacity.reads.pools import by_cause_between


async def allocations(question: AllocationsQuestion, view: View) -> Mapping[str, Any]:
    """Answer by pool, then reservation; those with something in the window."""
    found: list[Mapping[str, Any]] = []
    for pool in await pools_of_tenant(view, question.tenant):
        held = [each for each in pool.holdings.values() if each.holder == question.tenant]
        here = [each for each in held if not each.quantity.clip(question.start, question.end).is_empty]
        leaning = conditional(pool, {each.name for each in here}, question.start, question.end)
        found += [
            _allocation(pool, each, leaning.get(each.name, Schedule.EMPTY), question)
            for each in sorted(here, key=lambda each: each.name)
        ]
    return {"allocations": found}


def _allocation(
    pool: Pool, holding: Holding, leaning: Schedule, question: AllocationsQuestion
) -> Mapping[str, Any]:
    start, end = question.start, question.end
    quantity = holding.quantity.clip(start, end)
    return {
        "pool": pool.name,
        "reservation": holding.name,
        "tier": holding.tier.value,
        "reserved": quantity if holding.is_reservation else Schedule.EMPTY,
        "received": Schedule.EMPTY if holding.is_reservation else quantity,
        "passed_on": pool.passed_on(holding.name).clip(start, end),
        "cut": by_cause_between(holding.cuts, start, end),
        "conditional": leaning,
        "entitlement": pool.entitlement(holding.name).clip(start, end),
    }


def conditional(pool: Pool, names: Iterable[str], start: datetime, end: datetime) -> dict[str, Schedule]:
    """Return how far reservations lean on what is not accepted: in their order, what goes beyond it."""
    wanted = set(names)
    accepted = pool.supply.accepted.clip(start, end)
    inside = {each.name: each.quantity.clip(start, end) for each in pool.reservations()}
    if not wanted or sum_of(inside.values()).minus(accepted).is_empty:
        return {}
    ordered = sorted(pool.reservations(), key=lambda each: (each.place, each.name))
    pieces: dict[str, list[tuple[int, int | None, int]]] = {name: [] for name in wanted}
    for begin, until in spans([accepted, *inside.values()]):
        there, so_far = accepted.at(begin), 0
        for holding in ordered:
            quantity = inside[holding.name].at(begin)
            so_far += quantity
            if holding.name in wanted:
                pieces[holding.name].append((begin, until, max(0, min(quantity, so_far - there))))
    return {name: Schedule.from_raw(steps) for name, steps in pieces.items()}
