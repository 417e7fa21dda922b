"""What must hold of a ledger at rest, whatever its services do: nothing here knows a rule of the business.

Positions and versions are without gaps and the chain verifies; folding every stream again gives the states
that decisions and answers rest on; making every read model anew gives its rows.
"""

from collections.abc import Sequence
from typing import Any

from infra.codec import encode
from infra.consumers import ProjectionConsumer
from infra.event_store import Cut, EventStore, StreamName
from infra.fold import category, fold
from infra.ledger_past import LedgerPast
from infra.node import Node
from infra.read_store.memory import MemoryReadStore
from infra.replay.asides import differences_of
from infra.service import Projection
from infra.subscriptions import Subscription
from infra.verify import verify_shard
from schemas.catalog import LOGS


async def faults(nodes: Sequence[Node]) -> list[str]:
    """Return what is wrong with a ledger, given the nodes of all its services; nothing if all is well."""
    found: list[str] = []
    for node in nodes:
        found += await chain_faults(node.store, node.service.logs)
        found += await state_faults(node)
        found += await row_faults(node)
    return found


async def chain_faults(store: EventStore, logs: Sequence[str]) -> list[str]:
    """Return the first break of each shard of some logs: positions, versions, times or the chain."""
    return [
        str(verified.broken)
        for log in logs
        for shard in range(store.shards)
        async for verified in verify_shard(store, (log, shard))
        if verified.broken is not None
    ]


async def state_faults(node: Node) -> list[str]:
    """Return the streams whose kept state is not what folding all their events again gives.

    Kept are the states that the next decision would rest on, and snapshots.
    """
    cached = node.commands.cached()
    found: list[str] = []
    for log in node.service.logs:
        for name, (version, state) in (await _folded(node, log)).items():
            kept_version, kept = cached.get((log, name), (0, None))
            if kept_version == version and not same(kept, state):
                found.append(f"{log}: the state of {name.stream} ({name.tenant}) kept is not the one folded")
            aggregate = node.service.aggregates[category(name.stream)]
            if aggregate.state is None:
                continue
            again = await fold(node.store, log, aggregate, name.tenant, name.stream)
            if again.version == version and not same(again.state, state):
                found.append(f"{log}: a snapshot of {name.stream} ({name.tenant}) folds to another state")
    return found


async def row_faults(node: Node) -> list[str]:
    """Return the rows of a service's read models that are not what its projections make of the logs."""
    found: list[str] = []
    for projection in node.service.projections:
        anew = MemoryReadStore()
        await anew.prepare(projection.tables)
        positions: dict[tuple[str, int], int] = {}
        for log in projection.follows:
            for shard in range(node.store.shards):
                positions[log, shard] = (await node.reads.checkpoint(projection.name, log, shard)).position
        await _made(node.store, projection, anew, positions)
        differences = await differences_of(projection.tables, node.reads, anew, Cut(positions))
        found += [f"{projection.name}: {one}" for one in differences.first]
    return found


def same(one: Any, other: Any) -> bool:
    """Say whether two states are the same: equal, or equal as canonical bytes."""
    if one == other:
        return True
    try:
        return encode(one) == encode(other)
    except (TypeError, NotImplementedError):
        return False


async def _folded(node: Node, log: str) -> dict[StreamName, tuple[int, Any]]:
    """Return the version and state of every stream of a log, folded from the first event."""
    found: dict[StreamName, tuple[int, Any]] = {}
    for shard in range(node.store.shards):
        async for page in node.store.scan(log, shard, 0):
            for recorded in page:
                name = StreamName(recorded.tenant, recorded.stream)
                aggregate = node.service.aggregates[category(recorded.stream)]
                _, state = found.get(name) or (0, aggregate.initial())
                found[name] = (recorded.version, aggregate.evolve(state, recorded.event))
    return found


async def _made(
    store: EventStore, projection: Projection, reads: MemoryReadStore, positions: dict[tuple[str, int], int]
) -> None:
    """Fill a store with the rows of one projection; what waits for another shard comes in a later round."""
    consumer = ProjectionConsumer(projection, LedgerPast(store, reads, LOGS, {}, own=()))
    subscriptions = [Subscription(consumer, log, shard, store, reads) for log, shard in positions]
    moved = -1
    while moved:
        moved = sum([await subscription.advance() for subscription in subscriptions])
