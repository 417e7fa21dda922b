"""Folding streams to states: from the latest snapshot that fits, then the tail."""

from collections.abc import Sequence
from typing import Any

import msgspec

from infra.codec import decode_as, encode
from infra.event_store import EventStore, Recorded, Snapshot
from infra.past import Folded
from schemas.decision import Aggregate, Origin

SNAPSHOT_EVERY = 500


async def fold(
    store: EventStore,
    log: str,
    aggregate: Aggregate[Any, Any],
    tenant: str,
    stream: str,
    up_to: int | None = None,
    *,
    own: bool = True,
) -> Folded:
    """Return a stream's state at position `up_to` (None = its head), and keep a snapshot now and then.

    Snapshots are of a log's own service: another may fold the same stream to something else (`own` False).
    """
    kept = None
    kept_here = own and aggregate.state is not None
    if kept_here:
        kept = await store.snapshot(log, tenant, stream, aggregate.version, up_to)
    state, version = aggregate.initial(), 0
    if kept is not None:
        decoded = decode_as(aggregate.state, kept.state)
        state = decoded if aggregate.unpack is None else aggregate.unpack(decoded)
        version = kept.version
    tail = await store.stream(log, tenant, stream, version, up_to)
    folded = over(aggregate, state, version, tail)
    if folded.last is None and kept is not None:
        folded = msgspec.structs.replace(folded, last=await _origin(store, log, tenant, kept))
    if kept_here and len(tail) >= SNAPSHOT_EVERY:
        packed = folded.state if aggregate.pack is None else aggregate.pack(folded.state)
        snapshot = Snapshot(folded.version, tail[-1].position, encode(packed))
        await store.keep_snapshot(log, tenant, stream, aggregate.version, snapshot)
    return folded


def over(aggregate: Aggregate[Any, Any], state: Any, version: int, tail: Sequence[Recorded]) -> Folded:
    """Return `state` after the events of `tail`."""
    last: Origin | None = None
    for recorded in tail:
        state, version, last = aggregate.evolve(state, recorded.event), recorded.version, recorded.origin
    return Folded(state, version, last)


async def _origin(store: EventStore, log: str, tenant: str, kept: Snapshot) -> Origin:
    shard = await store.placed(log, tenant)
    assert shard is not None, "a book with a snapshot has a place"
    return Origin(log, shard, kept.position)


def category(stream: str) -> str:
    """Return the category of a stream: `contract` for `contract-google-colossus`."""
    return stream.split("-", 1)[0]
