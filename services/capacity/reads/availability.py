"""`capacity.availability`: where a shape fits, what it lacks elsewhere, and from when on it would fit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from infra.service import View
from schemas.capacity import AvailabilityQuestion, Window
from schemas.decision import Refused
from schemas.kernel.instants import instant, seconds
from schemas.kernel.schedule import Schedule
from services.capacity.domain.access import off
from services.capacity.domain.fit import demands, details, earliest_shift, lack
from services.capacity.domain.pool import Pool
from services.capacity.projections import LISTED_POOLS
from services.capacity.reads.finding import pool_named, refusal

NO_LACK: Mapping[str, Any] = {"short_from": None, "short_until": None, "short_by": None}


async def availability(question: AvailabilityQuestion, view: View) -> Mapping[str, Any] | Refused:
    """Answer for each pool in the order asked; to others than its operator a listed pool tells the least."""
    names = question.pools if question.pools is not None else await _with_sku(question.sku or "", view)
    pools = [await pool_named(view, name) for name in names]
    for pool in pools:
        refused = _refusal(pool, view.actor) or off(pool, (), (), _shape(question, pool))
        if refused is not None:
            return refused
    answers = [_answer(question, pool, own=pool.operator == view.actor) for pool in pools]
    own = all(pool.operator == view.actor for pool in pools)
    fitting = [(each["left_over"], each["pool"]) for each in answers if own and each["fits"]]
    return {
        "pools": answers,
        "best_fit": min(fitting)[1] if fitting else None,
        "together": _together(question, pools) if own else None,
    }


async def _with_sku(sku: str, view: View) -> list[str]:
    """Return the pools of a SKU that the actor operates or that are listed, by name."""
    rows = await view.past.rows(LISTED_POOLS, {"gpu": sku})
    seen = (row["pool"] for row in rows if row["listed"] or row["operator"] == view.actor)
    return sorted(dict.fromkeys(seen))


def _refusal(pool: Pool, actor: str) -> Refused | None:
    if pool.registered is not None and pool.info.listed:
        return None
    return refusal(pool, actor)


def _shape(question: AvailabilityQuestion, pool: Pool) -> Schedule:
    """Return the shape asked for; a rectangle begins at the first grid instant that is not before."""
    if not isinstance(question.quantity, Window):
        return Schedule.of(question.quantity)
    window, quantum = question.quantity, pool.info.quantum_seconds
    start = -(-seconds(window.not_before) // quantum) * quantum
    return Schedule.constant(start, start + window.hours * 3600, window.gpus)


def _answer(question: AvailabilityQuestion, pool: Pool, *, own: bool) -> dict[str, Any]:
    shape = _shape(question, pool)
    lacking = lack(pool.book, question.tier, shape)
    earliest = _earliest(shape, earliest_shift(demands(pool.book, [(question.tier, shape)])))
    if not own:
        return {"pool": pool.name, "fits": lacking is None, "earliest": earliest}
    told = NO_LACK if lacking is None else details(lacking, None)
    return {
        "pool": pool.name,
        "fits": lacking is None,
        **told,
        "earliest": earliest,
        "left_over": _left_over(pool, question, shape) if lacking is None else None,
    }


def _earliest(shape: Schedule, shift: int | None) -> datetime | None:
    return None if shift is None or shape.is_empty else instant(shape.raw[0][0] + shift)


def _left_over(pool: Pool, question: AvailabilityQuestion, shape: Schedule) -> int:
    """Return the least that would be left at any instant of the shape."""
    return min(
        (
            free.free - wanted
            for start, end, wanted in shape.raw
            for free in pool.book.free(question.tier, start, end)
        ),
        default=0,
    )


def _together(question: AvailabilityQuestion, pools: Sequence[Pool]) -> datetime | None:
    """Return the earliest start at which the shape fits in all pools at once."""
    shapes = [(pool, _shape(question, pool)) for pool in pools]
    if not shapes or shapes[0][1].is_empty:
        return None
    latest = max(shape.raw[0][0] for _, shape in shapes)
    found = [
        demand
        for pool, shape in shapes
        for demand in demands(pool.book, [(question.tier, shape.shift(latest - shape.raw[0][0]))])
    ]
    shift = earliest_shift(found)
    return None if shift is None else instant(latest + shift)
