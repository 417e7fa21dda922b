"""What capacity can be asked; answered by folding the pools concerned, at what was known."""

from infra.service import Ask
from schemas import capacity
from services.capacity.reads.allocations import allocations
from services.capacity.reads.availability import availability
from services.capacity.reads.pools import pool, timeline
from services.capacity.reads.use import idle, unsold, utilisation

SCOPE = "capacity:read"

ASKS: tuple[Ask, ...] = (
    Ask(
        name="capacity.pool",
        question=capacity.PoolQuestion,
        answer=pool,
        path="/pools/{pool}",
        scope=SCOPE,
    ),
    Ask(
        name="capacity.timeline",
        question=capacity.TimelineQuestion,
        answer=timeline,
        path="/pools/{pool}/timeline",
        scope=SCOPE,
    ),
    Ask(
        name="capacity.availability",
        question=capacity.AvailabilityQuestion,
        answer=availability,
        path="/availability",
        scope=SCOPE,
    ),
    Ask(
        name="capacity.allocations",
        question=capacity.AllocationsQuestion,
        answer=allocations,
        path="/tenants/{tenant}/allocations",
        scope=SCOPE,
    ),
    Ask(
        name="capacity.utilisation",
        question=capacity.UtilisationQuestion,
        answer=utilisation,
        path="/utilisation",
        scope=SCOPE,
    ),
    Ask(
        name="capacity.idle",
        question=capacity.IdleQuestion,
        answer=idle,
        path="/idle",
        scope=SCOPE,
    ),
    Ask(
        name="capacity.unsold",
        question=capacity.UnsoldQuestion,
        answer=unsold,
        path="/pools/{pool}/unsold",
        scope=SCOPE,
    ),
)
