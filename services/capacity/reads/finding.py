"""Which pools a question is about, and whether who asks may know."""

from infra.service import View
from schemas.capacity import Rejection
from schemas.decision import Refused
from schemas.kernel.names import owner, qualify
from services.capacity.aggregates import POOL
from services.capacity.domain.access import stream_of
from services.capacity.domain.pool import Pool


async def pool_named(view: View, name: str) -> Pool:
    """Return a pool as it was known, by its name in the actor's mouth; what is not has no registration."""
    qualified = qualify(name, view.actor)
    folded = await view.past.fold("capacity", POOL, owner(qualified), stream_of(qualified))
    pool: Pool = folded.state
    return pool


async def own_pool(view: View, name: str) -> Pool | Refused:
    """Return a pool that the actor operates."""
    pool = await pool_named(view, name)
    refused = refusal(pool, view.actor)
    return pool if refused is None else refused


def refusal(pool: Pool, actor: str) -> Refused | None:
    """Refuse who does not operate a pool: a holder may not, for everybody else there is none."""
    if pool.registered is None:
        return Refused(Rejection.POOL_UNKNOWN)
    if pool.operator == actor:
        return None
    return Refused(Rejection.NOT_YOURS_TO_DO if actor in pool.holders else Rejection.POOL_UNKNOWN)


async def pools_with(view: View, party: str) -> list[Pool]:
    """Return the pools that a tenant operates, or in which it has or had a part, by name."""
    found: list[Pool] = []
    for name in await view.past.streams("capacity", party, "pool"):
        folded = await view.past.fold("capacity", POOL, name.tenant, name.stream)
        if folded.state.registered is not None:
            found.append(folded.state)
    return sorted(found, key=lambda pool: pool.name)


async def pools_of_tenant(view: View, tenant: str) -> list[Pool]:
    """Return the pools in which the actor may see what a tenant holds: as that tenant, or as operator."""
    if view.actor == tenant:
        return await pools_with(view, tenant)
    return [pool for pool in await pools_with(view, view.actor) if pool.operator == view.actor]
