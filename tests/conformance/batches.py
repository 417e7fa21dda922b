"""Small batches, made by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from uuid import UUID

from infra.chain import leaf
from infra.event_store import Batch, DecidedOn, EventStore, NewCommand, NewEvent, Recorded

EFFECTIVE = datetime(2026, 5, 1, tzinfo=UTC)
TYPE = "tests.Happened.v1"
META = b'{"actor":"acme","command":"c"}'
_IDS = count(1)


def event(
    stream: str,
    version: int,
    payload: bytes = b"{}",
    *,
    tenant: str = "acme",
    counterparty: str | None = None,
    effective_at: datetime = EFFECTIVE,
) -> NewEvent:
    """Return one event with its leaf."""
    event_id = UUID(int=next(_IDS))
    hashed = leaf(
        tenant=tenant,
        counterparty=counterparty,
        stream=stream,
        version=version,
        event_id=event_id,
        type_=TYPE,
        effective_at=effective_at,
        payload=payload,
        meta=META,
    )
    return NewEvent(
        tenant=tenant,
        counterparty=counterparty,
        stream=stream,
        version=version,
        event_id=event_id,
        type=TYPE,
        effective_at=effective_at,
        payload=payload,
        meta=META,
        leaf=hashed,
    )


def command(
    id_: str,
    *events: NewEvent,
    tenant: str = "acme",
    actor: str = "acme",
    content: str = "",
    refused: bool = False,
    cause: datetime | None = None,
) -> NewCommand:
    """Return one command; `content` stands for what it says, and so for its digest."""
    return NewCommand(
        tenant=tenant,
        actor=actor,
        id=id_,
        digest=sha256((content or id_).encode()).digest(),
        events=events,
        refused=refused,
        cause_recorded_at=cause,
    )


def batch(*commands: NewCommand, on: Sequence[tuple[str, int]] = (), tenant: str = "acme") -> Batch:
    """Return a batch; what its events extend is decided on at the version before, besides `on`."""
    streams: dict[tuple[str, str], int] = {(tenant, stream): version for stream, version in on}
    for one in commands:
        for added in one.events:
            streams.setdefault((added.tenant, added.stream), added.version - 1)
    return Batch(tuple(commands), tuple(DecidedOn(*name, version) for name, version in streams.items()))


async def fill(store: EventStore, stream: str, versions: range, *, tenant: str = "acme") -> int:
    """Append events to a stream, one command each; return the shard."""
    shard = await store.place("contracts", tenant)
    for version in versions:
        one = command(f"{stream}-{version}", event(stream, version, tenant=tenant), tenant=tenant)
        await store.writer("contracts", shard).append(batch(one, tenant=tenant))
    return shard


async def whole(store: EventStore, shard: int, log: str = "contracts") -> list[Recorded]:
    """Return all events of a shard."""
    return [recorded async for page in store.scan(log, shard, 0) for recorded in page]
