"""`capacity.utilisation`, `capacity.unsold` and `capacity.idle`: what of what there is, is sold and used."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

import msgspec

from infra.service import View
from schemas.capacity import IdleQuestion, UnsoldQuestion, UtilisationQuestion
from schemas.decision import Refused
from schemas.kernel.instants import instant, seconds
from schemas.kernel.rates import decimal_text, six_digits
from schemas.kernel.schedule import Schedule, combine, sum_of
from services.capacity.domain.holding import Holding
from services.capacity.domain.pool import Pool
from services.capacity.reads.finding import own_pool, pools_of_tenant
from services.capacity.reads.metering import Readings, readings
from services.capacity.reads.steps import Step, steps

HOUR_SECONDS = 3600


class Share(msgspec.Struct, frozen=True):
    """What counts as capacity and as sold, and by whom it is used."""

    capacity: Schedule
    sold: Schedule
    used: tuple[Readings, ...]


async def utilisation(question: UtilisationQuestion, view: View) -> Mapping[str, Any] | Refused:
    """Answer with GPU-seconds and their ratios, step by step."""
    if question.pool is not None:
        pool = await own_pool(view, question.pool)
        if isinstance(pool, Refused):
            return pool
        shares = [await _of_pool(view, pool)]
    else:
        tenant = question.tenant or ""
        shares = [
            await _of_pool(view, pool) if pool.operator == tenant else await _of_holder(view, pool, tenant)
            for pool in await pools_of_tenant(view, tenant)
        ]
    found = steps(question.start, question.end, question.step)
    return {"steps": [_utilised(step, shares) for step in found]}


async def _of_pool(view: View, pool: Pool) -> Share:
    sold = sum_of(each.quantity for each in pool.reservations() if each.name not in pool.holds)
    used = await readings(view, pool, pool.holdings)
    return Share(pool.supply.capacity, sold, tuple(used.values()))


async def _of_holder(view: View, pool: Pool, tenant: str) -> Share:
    """A holder's share: what is there for it, what it holds, what it used itself."""
    own = [each for each in pool.holdings.values() if each.holder == tenant and each.name not in pool.holds]
    kept = [each.quantity.minus(pool.passed_on(each.name)) for each in own]
    there = sum_of(pool.entitlement(each.name) for each in own)
    used = await readings(view, pool, [each.name for each in own])
    return Share(there, sum_of(kept), tuple(used.values()))


def _utilised(step: Step, shares: Iterable[Share]) -> Mapping[str, Any]:
    start, end = step.seconds
    found = list(shares)
    capacity = sum(share.capacity.integral(start, end) for share in found)
    sold = sum(share.sold.integral(start, end) for share in found)
    used = sum(each.used(start, end) for share in found for each in share.used)
    return {
        "start": step.start,
        "end": step.end,
        "capacity": capacity,
        "sold": sold,
        "used": used,
        "sold_to_capacity": _ratio(sold, capacity),
        "used_to_sold": _ratio(used, sold),
        "used_to_capacity": _ratio(used, capacity),
    }


def _ratio(part: int, whole: int) -> str | None:
    return six_digits(Fraction(part, whole)) if whole else None


async def unsold(question: UnsoldQuestion, view: View) -> Mapping[str, Any] | Refused:
    """Answer with GPU-hours unsold, idle where reported, and recalled, step by step."""
    pool = await own_pool(view, question.pool)
    if isinstance(pool, Refused):
        return pool
    left = pool.supply.capacity.minus(sum_of(each.quantity for each in pool.reservations()))
    back = sum_of(recalled(pool, each) for each in pool.reservations())
    used = await readings(view, pool, pool.holdings)
    held = {name: pool.entitlement(name) for name in used}
    return {
        "steps": [
            {
                "start": step.start,
                "end": step.end,
                "unsold": _hours(left.integral(*step.seconds)),
                "idle": _hours(sum(_idle(held[name], used[name], step) for name in used)),
                "recalled": _hours(back.integral(*step.seconds)),
            }
            for step in steps(question.start, question.end, question.step)
        ]
    }


def recalled(pool: Pool, holding: Holding) -> Schedule:
    """Return what was taken back of a reservation or below it: no more than it had, each GPU once."""
    own = holding.recalled.minus(holding.recalled_above)
    below = (
        recalled(pool, pool.holdings[taker]).min(
            pool.holdings[taker].given_by(holding.name) + _gone(pool, taker)
        )
        for taker in holding.takers
    )
    had = holding.quantity + holding.recalled
    return sum_of((own, *below)).min(had)


def _gone(pool: Pool, taker: str) -> Schedule:
    return pool.holdings[taker].recalled


def _idle(entitlement: Schedule, used: Readings, step: Step) -> int:
    """Return the GPU-seconds of an entitlement not used in a step, where there is a report."""
    start, end = step.seconds
    here = used.within(start, end)
    entitled = combine(lambda gpus, there: gpus if there else 0, entitlement.clip(start, end), here.covered())
    return max(0, entitled.integral(start, end) - here.used(start, end))


def _hours(gpu_seconds: int) -> str:
    return decimal_text(Fraction(gpu_seconds, HOUR_SECONDS))


async def idle(question: IdleQuestion, view: View) -> Mapping[str, Any] | Refused:
    """Answer with the maximal windows, long and wide enough, by pool, reservation and start."""
    if question.pool is not None:
        pool = await own_pool(view, question.pool)
        if isinstance(pool, Refused):
            return pool
        found = [(pool, sorted(pool.holdings))]
    else:
        found = [
            (pool, sorted(n for n, each in pool.holdings.items() if each.holder == question.tenant))
            for pool in await pools_of_tenant(view, question.tenant or "")
        ]
    windows: list[Mapping[str, Any]] = []
    for pool, names in found:
        used = await readings(view, pool, names)
        start, end = seconds(question.start), seconds(question.end)
        for name in names:
            known = used[name].within(start, end) if name in used else None
            spare = _spare(pool, pool.holdings[name], known, view.valid_at, question.reserve)
            windows += _windows(pool, name, spare.clip(question.start, question.end), question)
    return {"windows": windows}


def _spare(pool: Pool, holding: Holding, used: Readings | None, now: datetime, reserve: int) -> Schedule:
    """Return what an entitlement has left: by reports until now, by plan after; 0 where nothing is known."""
    entitlement = pool.entitlement(holding.name)
    parts: list[Schedule] = []
    if used is not None:
        known = combine(lambda gpus, there: gpus if there else 0, entitlement, used.covered())
        parts.append(known.minus(used.peak()).clip(None, now))
    if holding.plan is not None:
        parts.append(entitlement.minus(holding.plan).clip(now, None))
    spare = sum_of(parts)
    return combine(lambda gpus: max(0, gpus - reserve), spare)


def _windows(pool: Pool, name: str, spare: Schedule, question: IdleQuestion) -> Iterator[Mapping[str, Any]]:
    enough = [step for step in spare.raw if step[2] >= question.min_gpus]
    for start, end, gpus in _joined(enough):
        if end - start >= question.min_hours * HOUR_SECONDS:
            yield {
                "pool": pool.name,
                "reservation": name,
                "start": instant(start),
                "end": instant(end),
                "gpus": gpus,
                "gpu_hours": _hours(gpus * (end - start)),
            }


def _joined(found: Iterable[tuple[int, int | None, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield stretches that follow on one another as one, with the least of their quantities."""
    kept: tuple[int, int, int] | None = None
    for start, end, gpus in found:
        assert end is not None, "a window is asked about"
        if kept is not None and kept[1] == start:
            kept = (kept[0], end, min(kept[2], gpus))
            continue
        if kept is not None:
            yield kept
        kept = (start, end, gpus)
    if kept is not None:
        yield kept
