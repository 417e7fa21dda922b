"""What the events of a bundle come to: every stream folded, and the asks of the services answered."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeGuard, cast

import msgspec

from infra.bundle.format import Header
from infra.bundle.store import BundleStore
from infra.codec import UnknownMessageError, encode, plain
from infra.consumers import ProjectionConsumer
from infra.event_store import Recorded
from infra.fold import category, over
from infra.ledger_past import LedgerPast
from infra.node import Ledger, Node
from infra.read_store import START, Checkpoint, Effect
from infra.read_store.memory import MemoryReadStore
from infra.service import Projection, Row, Service
from schemas.catalog import LOGS
from schemas.decision import Aggregate


class Folding(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of a bundle.

    Attributes:
        version: the version of its last event here; `events`: how many are here.
        state: what it folds to, JSON-ready; None where it cannot be folded, see `why_not`.
        digest: a hash of the state: the same events give the same one in any release with the same rules.
    """

    log: str
    tenant: str
    stream: str
    events: int
    version: int
    state: Any = None
    digest: str | None = None
    why_not: str | None = None


def fold_all(store: BundleStore, services: Iterable[Service]) -> list[Folding]:
    """Return what every stream of a bundle folds to, with the deciders of this release."""
    aggregates = {log: service.aggregates for service in services for log in service.logs}
    return [
        _folding(log, events, aggregates.get(log, {}).get(category(name.stream)))
        for (log, name), events in sorted(store.by_stream.items(), key=lambda item: item[0])
    ]


def _folding(log: str, events: Sequence[Recorded], aggregate: Aggregate[Any, Any] | None) -> Folding:
    last = events[-1]
    found = Folding(log=log, tenant=last.tenant, stream=last.stream, events=len(events), version=last.version)
    why_not: str | None = None
    if aggregate is None:
        why_not = "no service of this release has such streams"
    elif [one.version for one in events] != list(range(1, len(events) + 1)):
        why_not = "not all of its events may be seen by the bundle's tenant"
    if aggregate is None or why_not is not None:
        return msgspec.structs.replace(found, why_not=why_not)
    try:
        state = over(aggregate, aggregate.initial(), 0, events).state
    except UnknownMessageError as error:
        return msgspec.structs.replace(
            found, why_not=f"an event type that this release does not know: {error}"
        )
    told = readable(state)
    digest = sha256(encode(told)).hexdigest()[:16]
    return msgspec.structs.replace(found, state=told, digest=digest)


def readable(value: Any) -> Any:
    """Return a state as JSON values: sets become sorted lists, keys text, and what is neither its text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.hex()
        case msgspec.Struct():
            return {name: readable(getattr(value, name)) for name in value.__struct_fields__}
        case _ if _is_mapping(value):
            return {_key(key): readable(item) for key, item in value.items()}
        case set() | frozenset() | list() | tuple():
            items: list[Any] = [readable(item) for item in cast("Iterable[Any]", value)]
            return sorted(items, key=encode) if isinstance(value, set | frozenset) else items
        case _:
            told = plain(value)
            return readable(told) if told is not value else str(value)


def _is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else encode(readable(key)).decode().strip('"')


async def nodes(store: BundleStore, header: Header, services: Iterable[Service]) -> dict[str, Node]:
    """Return a node of each service on a bundle, its read models made from the events that are there."""
    ledger = Ledger(name=header.ledger, mode="sandbox", shards=header.shards)
    found: dict[str, Node] = {}
    for service in services:
        reads = MemoryReadStore()
        for projection in service.projections:
            await reads.prepare(projection.tables)
            await _project(store, projection, reads)
        found[service.name] = Node(service, ledger, store, reads, lambda: header.made_at)
    return found


async def _project(store: BundleStore, projection: Projection, reads: MemoryReadStore) -> None:
    """Add the rows of a projection; a shard has gaps here, which no subscription would pass over."""
    consumer = ProjectionConsumer(projection, LedgerPast(store, reads, LOGS, {}, own=()))
    for log in projection.follows:
        for shard in range(store.shards):
            rows: list[tuple[Recorded, Row]] = []
            last: Recorded | None = None
            async for page in store.scan(log, shard, 0):
                for recorded in page:
                    rows += [(recorded, row) for row in (await consumer.handle(recorded)).rows]
                    last = recorded
            if last is not None:
                reached = Checkpoint(last.position, last.chain)
                effect = Effect(
                    consumer=projection.name, log=log, shard=shard, seen=START, reached=reached, rows=rows
                )
                await reads.apply(effect)
