"""What comes before every decision: is there a pool for who asks, may he, do times and quantities fit it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from schemas.capacity import Rejection
from schemas.decision import Order, Refused
from schemas.kernel.instants import seconds
from schemas.kernel.names import local, qualify
from schemas.kernel.schedule import Schedule
from services.capacity.domain.holding import Holding
from services.capacity.domain.pool import Pool


def stream_of(pool: str) -> str:
    """Return the stream of a pool, by its name in any form."""
    return f"pool-{local(pool)}"


def pool_of(states: Mapping[str, Any], pool: str, actor: str) -> Pool:
    """Return the state of the pool that a command names."""
    found: Pool = states[stream_of(qualify(pool, actor))]
    return found


def stranger(pool: Pool, order: Order[Any]) -> Refused | None:
    """Refuse who has nothing to do with the pool, as if there were none."""
    if pool.registered is None:
        return Refused(Rejection.POOL_UNKNOWN)
    if order.by_machine or order.actor == pool.operator or order.actor in pool.holders:
        return None
    return Refused(Rejection.POOL_UNKNOWN)


def not_the_operator(pool: Pool, order: Order[Any]) -> Refused | None:
    """Refuse everybody but the operator."""
    refused = stranger(pool, order)
    if refused is None and not order.by_machine and order.actor != pool.operator:
        return Refused(Rejection.NOT_YOURS_TO_DO)
    return refused


def off(
    pool: Pool,
    times: Iterable[datetime | int | None] = (),
    quantities: Iterable[int | None] = (),
    *shapes: Schedule,
) -> Refused | None:
    """Refuse times off the pool's grid, then quantities off its lot."""
    quantum, lot = pool.info.quantum_seconds, pool.info.lot
    for t in (*times, *(at for shape in shapes for at in shape.boundaries())):
        if t is not None and not on_quantum(t, quantum):
            return Refused(Rejection.OFF_GRID, {"quantum_seconds": quantum})
    for quantity in (*quantities, *(step[2] for shape in shapes for step in shape.raw)):
        if quantity is not None and quantity % lot:
            return Refused(Rejection.OFF_LOT, {"lot": lot})
    return None


def on_quantum(t: datetime | int, quantum: int) -> bool:
    """Say whether an instant lies on a grid."""
    if isinstance(t, int):
        return t % quantum == 0
    return t.microsecond == 0 and seconds(t) % quantum == 0


def held_by(pool: Pool, order: Order[Any], name: str) -> Holding | Refused:
    """Return what the actor holds under a name; only the operator learns that somebody else holds it."""
    found = named(pool, order.actor, name)
    if found is None or order.actor not in {found.holder, pool.operator}:
        return Refused(Rejection.RESERVATION_UNKNOWN)
    if found.holder != order.actor:
        return Refused(Rejection.NOT_THE_HOLDER)
    return found


def reservation_of(pool: Pool, order: Order[Any], name: str) -> Holding | Refused:
    """Return an operator's own reservation; what was passed on is its holder's."""
    found = named(pool, order.actor, name)
    if found is None:
        return Refused(Rejection.RESERVATION_UNKNOWN)
    return found if found.is_reservation else Refused(Rejection.NOT_THE_HOLDER)


def named(pool: Pool, actor: str, name: str) -> Holding | None:
    """Return what a name means in the actor's mouth: a holding that it gave under it comes first.

    A giver whose name for a holding was taken already, by somebody it knows nothing of, has it as
    `giver/name`.
    """
    own = pool.holdings.get(qualify(name, actor))
    return own if own is not None else pool.holdings.get(name)


def contract_of(contract: str | None, actor: str) -> str | None:
    """Return a contract's qualified name: a short one is the actor's own."""
    return None if contract is None else qualify(contract, actor)
