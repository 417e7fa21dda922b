"""The append-only event store of one ledger: its values, its interface and its errors.

A ledger has several *logs*, a log has *shards*; a shard is an ordered, gap-free, hash-chained sequence of
events. A tenant's book lies in one shard of each log. `tests/conformance` holds every implementation to this
interface.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import cached_property
from typing import Protocol, TypeAlias
from uuid import UUID

import msgspec

from infra.chain import leaf
from schemas.decision import Origin
from schemas.message import Event

GENESIS = bytes(32)


class Meta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an event came about: kept beside it, and part of its leaf.

    Attributes:
        actor: who gave the command: a tenant, or our own machinery (`~reaction/…`).
        command: the id of the command that brought it about.
        causation: the place of the event that caused the command, None if a person or partner sent it.
        correlation: the id of the command at the root of the chain of causes.
        credential: the id of the key used, never its secret.
        source: the sender's own name for where the fact comes from (CloudEvents `source`).
        traceparent: W3C trace context of the request.
        needs: places that a reader must have consumed first.
    """

    actor: str
    command: str
    causation: Origin | None = None
    correlation: str = ""
    credential: str | None = None
    source: str | None = None
    traceparent: str | None = None
    needs: tuple[Origin, ...] = ()


class Recorded(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One event as the store keeps it. `payload` and `meta_bytes` are the exact bytes that are hashed."""

    log: str
    shard: int
    position: int
    tenant: str
    counterparty: str | None
    stream: str
    version: int
    event_id: UUID
    type: str
    effective_at: datetime
    recorded_at: datetime
    payload: bytes
    meta_bytes: bytes
    chain: bytes

    @cached_property
    def event(self) -> Event:
        """The decoded event, brought up to its newest version.

        Raises:
            UnknownMessageError: no such type is known here; never guessed.
        """
        from infra.codec import decode_event  # noqa: PLC0415 the codec needs this module's values

        return decode_event(self.type, self.payload)

    @cached_property
    def meta(self) -> Meta:
        """The decoded meta."""
        return msgspec.json.decode(self.meta_bytes, type=Meta)

    @property
    def origin(self) -> Origin:
        """The place of this event."""
        return Origin(self.log, self.shard, self.position)

    def leaf(self) -> bytes:
        """Return the hash of this event without position and time, computed from all its parts."""
        return leaf(
            tenant=self.tenant,
            counterparty=self.counterparty,
            stream=self.stream,
            version=self.version,
            event_id=self.event_id,
            type_=self.type,
            effective_at=self.effective_at,
            payload=self.payload,
            meta=self.meta_bytes,
        )


class Head(msgspec.Struct, frozen=True):
    """How far a shard reaches: last position (0 = empty), its chain hash, and when it was recorded."""

    position: int
    chain: bytes
    recorded_at: datetime | None


class Cut(msgspec.Struct, frozen=True):
    """What was known: a position for every shard that matters. A shard not named counts as 0."""

    positions: Mapping[tuple[str, int], int]

    def position(self, log: str, shard: int) -> int:
        """Return the last known position of a shard."""
        return self.positions.get((log, shard), 0)

    def holds(self, origin: Origin) -> bool:
        """Say whether the event at `origin` was known."""
        return origin.position <= self.position(origin.log, origin.shard)


class StreamName(msgspec.Struct, frozen=True, order=True):
    """A stream and the tenant in whose book it lies."""

    tenant: str
    stream: str


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event to append; `version` is its place in its stream, `leaf` its hash (`infra.chain`)."""

    tenant: str
    counterparty: str | None
    stream: str
    version: int
    event_id: UUID
    type: str
    effective_at: datetime
    payload: bytes
    meta: bytes
    leaf: bytes

    def recorded(self, origin: Origin, recorded_at: datetime, chain: bytes) -> Recorded:
        """Return this event as it is kept at a place."""
        return Recorded(
            log=origin.log,
            shard=origin.shard,
            position=origin.position,
            tenant=self.tenant,
            counterparty=self.counterparty,
            stream=self.stream,
            version=self.version,
            event_id=self.event_id,
            type=self.type,
            effective_at=self.effective_at,
            recorded_at=recorded_at,
            payload=self.payload,
            meta_bytes=self.meta,
            chain=chain,
        )


class NewCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One command of a batch, with the events it brings about (none if it changed nothing or was refused).

    `refused`: decided with a rejection: checked against what is known, but not kept.
    `cause_recorded_at`: when its cause was recorded; its events are recorded no earlier.
    """

    tenant: str
    actor: str
    id: str
    digest: bytes
    events: tuple[NewEvent, ...] = ()
    refused: bool = False
    cause_recorded_at: datetime | None = None


class DecidedOn(msgspec.Struct, frozen=True):
    """A stream that some command of the batch was decided on, and the version it had before the batch."""

    tenant: str
    stream: str
    version: int


class Batch(msgspec.Struct, frozen=True):
    """What one append takes: commands in the order in which they were decided, and all streams decided on."""

    commands: tuple[NewCommand, ...]
    streams: tuple[DecidedOn, ...]


class Place(msgspec.Struct, frozen=True):
    """Where an accepted command's events lie: first and last position, both None if it changed nothing.

    `known`: the command had been accepted before this append; then this is its first place, also if it was
    refused this time (a duplicate outranks every rejection).
    """

    first: int | None
    last: int | None
    recorded_at: datetime
    known: bool = False


class Appended(msgspec.Struct, frozen=True):
    """The whole batch is durable: one place per command (refused ones have no events), and the new head."""

    places: tuple[Place, ...]
    head: Head


class Known(msgspec.Struct, frozen=True):
    """The command is known already, with the same content: its first place."""

    place: Place


class Reused(msgspec.Struct, frozen=True):
    """The command's id is known with other content."""


Finding: TypeAlias = Known | Reused | None


class Conflict(msgspec.Struct, frozen=True):
    """Nothing was written: one finding per command (None = nothing against it), and the stale streams.

    `stale` gives the actual version of every stream that is not at the expected one.
    """

    findings: tuple[Finding, ...]
    stale: Mapping[StreamName, int]


class Snapshot(msgspec.Struct, frozen=True):
    """A folded state as bytes: a cache, valid for one version of its aggregate."""

    version: int
    position: int
    state: bytes


class StoreError(Exception):
    """Root of the operating errors of a store."""


class OutcomeUnknownError(StoreError):
    """The append may or may not be durable; a retry with the same id settles it."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached; nothing was read or written."""


class UnbalancedError(StoreError):
    """Postings of one group do not sum to zero; nothing was written."""


class ClockSuspectError(StoreUnavailableError):
    """The clock stepped back by minutes, or a cause lies ahead of it: no appends until that is confirmed."""


class StoreCorruptError(StoreError):
    """Positions, versions or the chain are not what they must be. A reader that finds this stops."""

    def __init__(self, log: str, shard: int, position: int, found: str) -> None:
        """Name the first break."""
        super().__init__(f"{log} shard {shard}: at position {position}: {found}")
        self.log, self.shard, self.position, self.found = log, shard, position, found


class Writer(Protocol):
    """What may be done with one shard while its head is held (or optimistically, when it is not)."""

    async def append(self, batch: Batch) -> Appended | Conflict:
        """Append a batch: all of it durable and in order, or nothing.

        Raises:
            OutcomeUnknownError: the connection was lost while committing.
            StoreUnavailableError: the store cannot be reached; nothing was written.
        """
        ...

    async def stream(self, tenant: str, stream: str, after: int = 0) -> Sequence[Recorded]:
        """Return the events of a stream with `version > after`, oldest first."""
        ...


class EventStore(Protocol):
    """The logs of one ledger."""

    @property
    def shards(self) -> int:
        """How many shards each log has."""
        ...

    async def place(self, log: str, tenant: str) -> int:
        """Return the shard of a tenant's book, choosing the least loaded one at first sight."""
        ...

    async def placed(self, log: str, tenant: str) -> int | None:
        """Return the shard of a tenant's book, None if it has none yet."""
        ...

    def writer(self, log: str, shard: int) -> Writer:
        """Return the optimistic writer of a shard."""
        ...

    def exclusive(self, log: str, shard: int) -> AbstractAsyncContextManager[Writer]:
        """Hold the shard's head: what is read inside cannot be overtaken before its append commits."""
        ...

    async def shard(self, log: str, shard: int, after: int, limit: int = 1000) -> Sequence[Recorded]:
        """Return the next events of a shard, in position order, at most `limit`.

        Raises:
            StoreCorruptError: the next position is not `after + 1`.
        """
        ...

    async def stream(
        self, log: str, tenant: str, stream: str, after: int = 0, up_to: int | None = None
    ) -> Sequence[Recorded]:
        """Return the events of a stream with `version > after` and `position <= up_to`, oldest first."""
        ...

    def scan(
        self, log: str, shard: int, after: int, up_to: int | None = None
    ) -> AsyncIterator[Sequence[Recorded]]:
        """Yield all events of a shard in pages, for rebuilds."""
        ...

    async def streams(
        self, log: str, party: str, category: str, cut: Cut | None = None
    ) -> Sequence[StreamName]:
        """Return the streams of one category in which `party` is the tenant or a counterparty, sorted."""
        ...

    async def heads(self, log: str) -> Mapping[int, Head]:
        """Return the head of every shard of a log."""
        ...

    async def known(self, log: str, tenant: str, actor: str, command: str) -> Place | None:
        """Return the place of an accepted command, None if there is none."""
        ...

    async def resolve(self, instant: datetime) -> Cut:
        """Return what was known at a past instant, finally: nothing is ever recorded at or before it again.

        Raises:
            InstantInFutureError: `instant` is after the ledger's clock.
        """
        ...

    async def now(self) -> datetime:
        """Return the ledger's clock."""
        ...

    async def snapshot(
        self, log: str, tenant: str, stream: str, state_version: int, up_to: int | None
    ) -> Snapshot | None:
        """Return the latest snapshot taken at or before position `up_to`."""
        ...

    async def keep_snapshot(
        self, log: str, tenant: str, stream: str, state_version: int, snapshot: Snapshot
    ) -> None:
        """Keep a snapshot; keeping the same one twice is harmless."""
        ...


class InstantInFutureError(StoreError):
    """`known_at` lies in the future of the ledger's clock: that can never be a final answer."""
