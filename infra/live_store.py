"""The event store of a running service: wakes whoever follows, measures, and keeps closed logs closed.

A log opens for appends once its topic's end has been compared with the store, and closes again for good
when the two are found to differ: a store restored from an older backup must not be written over.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from infra.bus import Place as ShardPlace
from infra.event_store import (
    Appended,
    Batch,
    ClockSuspectError,
    Conflict,
    Cut,
    EventStore,
    Head,
    Place,
    Recorded,
    Snapshot,
    StoreUnavailableError,
    StreamName,
    Writer,
)
from infra.failpoints import Failpoint, reach
from infra.telemetry import Telemetry

Announce = Callable[[str, int, Batch, Appended], None]
"""`announce(log, shard, batch, appended)`: what was appended to a shard is durable, and can be read."""

Suspect = Callable[[str, ClockSuspectError | None], None]
"""`suspect(log, error)`: the clock does not let this log append; None: it does."""


class LogClosedError(StoreUnavailableError):
    """The log takes no appends: it was not compared with its topic yet, or it differs from it."""


class LiveStore:
    """An event store with what running needs around it."""

    def __init__(
        self, store: EventStore, announce: Announce, telemetry: Telemetry, suspect: Suspect | None = None
    ) -> None:
        """All logs are open; `shut` closes one. `suspect` is told of a clock that cannot be trusted.

        `appended_last` holds the head after the newest append through here, by shard.
        """
        self._store, self._announce, self._telemetry = store, announce, telemetry
        self._suspect = suspect
        self._shut: dict[ShardPlace, str] = {}
        self.appended_last: dict[ShardPlace, Head] = {}

    def shut(self, log: str, shard: int, reason: str) -> None:
        """Take no more appends in a shard."""
        self._shut[log, shard] = reason

    def open(self, log: str, shard: int) -> None:
        """Take appends in a shard again."""
        self._shut.pop((log, shard), None)

    @property
    def closed(self) -> Mapping[ShardPlace, str]:
        """What takes no appends, and why."""
        return self._shut

    @property
    def shards(self) -> int:
        """See `EventStore.shards`."""
        return self._store.shards

    async def place(self, log: str, tenant: str) -> int:
        """See `EventStore.place`."""
        return await self._store.place(log, tenant)

    async def placed(self, log: str, tenant: str) -> int | None:
        """See `EventStore.placed`."""
        return await self._store.placed(log, tenant)

    def writer(self, log: str, shard: int) -> Writer:
        """See `EventStore.writer`."""
        return _LiveWriter(self, log, shard, self._store.writer(log, shard))

    def exclusive(self, log: str, shard: int) -> AbstractAsyncContextManager[Writer]:
        """See `EventStore.exclusive`."""
        return self._exclusive(log, shard)

    async def shard(self, log: str, shard: int, after: int, limit: int = 1000) -> Sequence[Recorded]:
        """See `EventStore.shard`."""
        return await self._store.shard(log, shard, after, limit)

    async def stream(
        self, log: str, tenant: str, stream: str, after: int = 0, up_to: int | None = None
    ) -> Sequence[Recorded]:
        """See `EventStore.stream`."""
        return await self._store.stream(log, tenant, stream, after, up_to)

    def scan(
        self, log: str, shard: int, after: int, up_to: int | None = None
    ) -> AsyncIterator[Sequence[Recorded]]:
        """See `EventStore.scan`."""
        return self._store.scan(log, shard, after, up_to)

    async def streams(
        self, log: str, party: str, category: str, cut: Cut | None = None
    ) -> Sequence[StreamName]:
        """See `EventStore.streams`."""
        return await self._store.streams(log, party, category, cut)

    async def heads(self, log: str) -> Mapping[int, Head]:
        """See `EventStore.heads`."""
        return await self._store.heads(log)

    async def known(self, log: str, tenant: str, actor: str, command: str) -> Place | None:
        """See `EventStore.known`."""
        return await self._store.known(log, tenant, actor, command)

    async def resolve(self, instant: datetime) -> Cut:
        """See `EventStore.resolve`."""
        return await self._store.resolve(instant)

    async def now(self) -> datetime:
        """See `EventStore.now`."""
        return await self._store.now()

    async def snapshot(
        self, log: str, tenant: str, stream: str, state_version: int, up_to: int | None
    ) -> Snapshot | None:
        """See `EventStore.snapshot`."""
        return await self._store.snapshot(log, tenant, stream, state_version, up_to)

    async def keep_snapshot(
        self, log: str, tenant: str, stream: str, state_version: int, snapshot: Snapshot
    ) -> None:
        """See `EventStore.keep_snapshot`."""
        await self._store.keep_snapshot(log, tenant, stream, state_version, snapshot)

    async def appended(self, writer: Writer, log: str, shard: int, batch: Batch) -> Appended | Conflict:
        """Append through a writer, under the failpoints and the clock.

        Raises:
            LogClosedError: the shard takes no appends.
        """
        reason = self._shut.get((log, shard))
        if reason is not None:
            raise LogClosedError(f"{log} shard {shard} takes no appends: {reason}")
        await reach(Failpoint.BEFORE_APPEND)
        began = time.perf_counter()
        answer = await self._append(writer, log, batch)
        await reach(Failpoint.AFTER_APPEND)
        labels = {"log": log, "outcome": "appended" if isinstance(answer, Appended) else "conflict"}
        self._telemetry.observe("append_seconds", time.perf_counter() - began, labels)
        self._telemetry.observe("append_batch_size", len(batch.commands), {"log": log})
        return answer

    async def _append(self, writer: Writer, log: str, batch: Batch) -> Appended | Conflict:
        try:
            answer = await writer.append(batch)
        except ClockSuspectError as error:
            if self._suspect is not None:
                self._suspect(log, error)
            raise
        if self._suspect is not None:
            self._suspect(log, None)
        return answer

    def announce(self, log: str, shard: int, batch: Batch, answer: Appended | Conflict) -> None:
        """Tell whoever follows the shard."""
        if isinstance(answer, Appended):
            self.appended_last[log, shard] = answer.head
            self._announce(log, shard, batch, answer)

    @asynccontextmanager
    async def _exclusive(self, log: str, shard: int) -> AsyncGenerator[Writer]:
        async with self._store.exclusive(log, shard) as writer:
            held = _HeldWriter(self, log, shard, writer)
            yield held
        # only now it is committed, and can be read by others
        for batch, answer in held.answers:
            self.announce(log, shard, batch, answer)


class _LiveWriter:
    """A writer whose append is durable when it returns."""

    def __init__(self, store: LiveStore, log: str, shard: int, writer: Writer) -> None:
        self._store, self._log, self._shard, self._writer = store, log, shard, writer

    async def append(self, batch: Batch) -> Appended | Conflict:
        """See `Writer.append`."""
        answer = await self._store.appended(self._writer, self._log, self._shard, batch)
        self._store.announce(self._log, self._shard, batch, answer)
        return answer

    async def stream(self, tenant: str, stream: str, after: int = 0) -> Sequence[Recorded]:
        """See `Writer.stream`."""
        return await self._writer.stream(tenant, stream, after)


class _HeldWriter:
    """A writer inside a held head: durable when the head is let go."""

    def __init__(self, store: LiveStore, log: str, shard: int, writer: Writer) -> None:
        self._store, self._log, self._shard, self._writer = store, log, shard, writer
        self.answers: list[tuple[Batch, Appended | Conflict]] = []

    async def append(self, batch: Batch) -> Appended | Conflict:
        """See `Writer.append`."""
        answer = await self._store.appended(self._writer, self._log, self._shard, batch)
        self.answers.append((batch, answer))
        return answer

    async def stream(self, tenant: str, stream: str, after: int = 0) -> Sequence[Recorded]:
        """See `Writer.stream`."""
        return await self._writer.stream(tenant, stream, after)
