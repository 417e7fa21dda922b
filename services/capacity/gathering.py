"""What decisions on usage need from outside their meter: the pool, and the report that a correction is of."""

from collections.abc import Sequence

from msgspec.structs import replace

from infra.event_store import Recorded
from infra.past import Past
from schemas.capacity import CorrectUsage, ReportUsage, UsageCorrected, UsageReported
from schemas.decision import Order
from schemas.kernel.names import owner, qualify
from services.capacity.aggregates import POOL
from services.capacity.domain.access import stream_of
from services.capacity.domain.usage import Metered, metered, passed_before


async def gather_report(order: Order[ReportUsage], past: Past) -> Metered:
    """Find the pool that is metered."""
    return await _metered(order, past)


async def gather_correction(order: Order[CorrectUsage], past: Past) -> Metered:
    """Find the pool, and the root of the report that is corrected, on this very meter."""
    facts = await _metered(order, past)
    if facts.refused is not None:
        return facts
    found = await _told(order, past, order.command.corrects)
    known = [
        event for recorded in found if isinstance(event := recorded.event, UsageReported | UsageCorrected)
    ]
    if not known or known[0].reservation != facts.reservation or known[0].pool != facts.pool:
        return facts
    root = known[0].report
    told = [*(await _told(order, past, root) if root != order.command.corrects else ()), *found]
    return replace(facts, report=root, before=passed_before(recorded.event for recorded in told))


async def _metered(order: Order[ReportUsage] | Order[CorrectUsage], past: Past) -> Metered:
    pool = qualify(order.command.pool, order.actor)
    return await past.look(
        "capacity", POOL, owner(pool), stream_of(pool), lambda found: metered(found, order)
    )


async def _told(order: Order[CorrectUsage], past: Past, report: str) -> Sequence[Recorded]:
    return await past.command("usage", order.book, order.actor, report)
