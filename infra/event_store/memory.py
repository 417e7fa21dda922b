"""An event store in memory, for tests, scenario runs and the simulation; its outcomes are PostgreSQL's."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import datetime, timedelta

import msgspec

from infra.chain import link
from infra.event_store import (
    GENESIS,
    Appended,
    Batch,
    Conflict,
    Cut,
    Finding,
    Head,
    InstantInFutureError,
    Known,
    NewCommand,
    NewEvent,
    Place,
    Recorded,
    Reused,
    Snapshot,
    StoreCorruptError,
    StreamName,
    Writer,
)
from infra.recovery import BookMovedError, Brought
from schemas.decision import Origin

TICK = timedelta(microseconds=1)


class _Shard:
    """One shard: its events, what is known of commands, and where each stream's events lie."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []
        self.chain = GENESIS
        self.recorded_at: datetime | None = None
        self.sealed_at: datetime | None = None
        self.commands: dict[tuple[str, str, str], tuple[bytes, Place]] = {}
        self.streams: defaultdict[StreamName, list[Recorded]] = defaultdict(list)
        self.lock = asyncio.Lock()

    @property
    def head(self) -> Head:
        return Head(len(self.events), self.chain, self.recorded_at)


class _ShardWriter:
    """Appends to one shard; an append is one step of the event loop, so it cannot be interrupted."""

    def __init__(self, store: "MemoryEventStore", log: str, shard: int) -> None:
        self._store, self._log, self._number = store, log, shard
        self._shard = store.shard_of(log, shard)

    async def append(self, batch: Batch) -> Appended | Conflict:
        """See `Writer.append`."""
        findings = tuple(self._finding(command) for command in batch.commands)
        stale = self._stale(batch)
        with_events = any(
            isinstance(f, Known) and c.events for f, c in zip(findings, batch.commands, strict=True)
        )
        if stale or with_events or any(isinstance(finding, Reused) for finding in findings):
            return Conflict(findings, stale)
        places = tuple(
            finding.place if isinstance(finding, Known) else self._keep(command)
            for finding, command in zip(findings, batch.commands, strict=True)
        )
        return Appended(places, self._shard.head)

    async def stream(self, tenant: str, stream: str, after: int = 0) -> Sequence[Recorded]:
        """See `Writer.stream`."""
        return self._shard.streams[StreamName(tenant, stream)][after:]

    def _finding(self, command: NewCommand) -> Finding:
        known = self._shard.commands.get((command.tenant, command.actor, command.id))
        if known is None:
            return None
        # one that came back with the events of a lost tail has no digest: what it said is not known
        same = known[0] in (b"", command.digest)
        return Known(msgspec.structs.replace(known[1], known=True)) if same else Reused()

    def _stale(self, batch: Batch) -> Mapping[StreamName, int]:
        found: dict[StreamName, int] = {}
        for decided in batch.streams:
            name = StreamName(decided.tenant, decided.stream)
            actual = len(self._shard.streams[name]) if name in self._shard.streams else 0
            if actual != decided.version:
                found[name] = actual
        return found

    def _keep(self, command: NewCommand) -> Place:
        shard, now = self._shard, self._store.clock()
        floors = [now, shard.recorded_at, command.cause_recorded_at]
        if shard.sealed_at is not None:
            floors.append(shard.sealed_at + TICK)
        recorded_at = max(floor for floor in floors if floor is not None)
        before = len(shard.events)
        for event in command.events:
            self._add(event, recorded_at)
        after = len(shard.events)
        place = Place(before + 1 if after > before else None, after if after > before else None, recorded_at)
        if not command.refused:
            shard.commands[command.tenant, command.actor, command.id] = (command.digest, place)
        return place

    def _add(self, event: NewEvent, recorded_at: datetime) -> None:
        shard = self._shard
        position = len(shard.events) + 1
        name = StreamName(event.tenant, event.stream)
        assert event.version == len(shard.streams[name]) + 1, "the batch's versions follow its streams"
        shard.chain = link(shard.chain, position, recorded_at, event.leaf)
        shard.recorded_at = recorded_at
        kept = event.recorded(Origin(self._log, self._number, position), recorded_at, shard.chain)
        shard.events.append(kept)
        shard.streams[name].append(kept)


class MemoryEventStore:
    """All logs of one ledger, kept until the process ends."""

    def __init__(self, clock: Callable[[], datetime], shards: int = 4) -> None:
        """Take the ledger's clock: it stands still in a sandbox."""
        self.clock = clock
        self._count = shards
        self._shards: dict[tuple[str, int], _Shard] = defaultdict(_Shard)
        self._placement: dict[tuple[str, str], int] = {}
        self._snapshots: defaultdict[tuple[str, str, str, int], list[Snapshot]] = defaultdict(list)

    @property
    def shards(self) -> int:
        """See `EventStore.shards`."""
        return self._count

    def shard_of(self, log: str, shard: int) -> _Shard:
        """Return one shard's memory."""
        return self._shards[log, shard]

    async def place(self, log: str, tenant: str) -> int:
        """See `EventStore.place`."""
        found = self._placement.get((log, tenant))
        if found is None:
            load = [
                sum(s == n and at == log for (at, _), s in self._placement.items())
                for n in range(self._count)
            ]
            found = self._placement[log, tenant] = load.index(min(load))
        return found

    async def placed(self, log: str, tenant: str) -> int | None:
        """See `EventStore.placed`."""
        return self._placement.get((log, tenant))

    def writer(self, log: str, shard: int) -> Writer:
        """See `EventStore.writer`."""
        return _ShardWriter(self, log, shard)

    @asynccontextmanager
    async def exclusive(self, log: str, shard: int) -> AsyncGenerator[Writer]:
        """See `EventStore.exclusive`."""
        async with self._shards[log, shard].lock:
            yield _ShardWriter(self, log, shard)

    async def shard(self, log: str, shard: int, after: int, limit: int = 1000) -> Sequence[Recorded]:
        """See `EventStore.shard`."""
        found = self._shards[log, shard].events[after : after + limit]
        if found and found[0].position != after + 1:
            raise StoreCorruptError(log, shard, after + 1, f"the next position is {found[0].position}")
        return found

    async def stream(
        self, log: str, tenant: str, stream: str, after: int = 0, up_to: int | None = None
    ) -> Sequence[Recorded]:
        """See `EventStore.stream`."""
        number = self._placement.get((log, tenant))
        if number is None:
            return []
        kept = self._shards[log, number].streams.get(StreamName(tenant, stream), [])[after:]
        return kept if up_to is None else [recorded for recorded in kept if recorded.position <= up_to]

    async def scan(
        self, log: str, shard: int, after: int, up_to: int | None = None
    ) -> AsyncIterator[Sequence[Recorded]]:
        """See `EventStore.scan`."""
        end = len(self._shards[log, shard].events) if up_to is None else up_to
        while after < end and (page := await self.shard(log, shard, after, min(1000, end - after))):
            yield page
            after = page[-1].position

    async def streams(
        self, log: str, party: str, category: str, cut: Cut | None = None
    ) -> Sequence[StreamName]:
        """See `EventStore.streams`."""
        return sorted(set(self._streams(log, party, f"{category}-", cut)))

    def _streams(self, log: str, party: str, prefix: str, cut: Cut | None) -> Iterator[StreamName]:
        for number in range(self._count):
            end = None if cut is None else cut.position(log, number)
            for name, events in self._shards[log, number].streams.items():
                if not name.stream.startswith(prefix) or not events:
                    continue
                if end is not None and events[0].position > end:
                    continue
                if name.tenant == party or any(
                    event.counterparty == party for event in events if end is None or event.position <= end
                ):
                    yield name

    async def heads(self, log: str) -> Mapping[int, Head]:
        """See `EventStore.heads`."""
        return {number: self._shards[log, number].head for number in range(self._count)}

    async def known(self, log: str, tenant: str, actor: str, command: str) -> Place | None:
        """See `EventStore.known`."""
        number = self._placement.get((log, tenant))
        found = None if number is None else self._shards[log, number].commands.get((tenant, actor, command))
        return None if found is None else found[1]

    async def resolve(self, instant: datetime) -> Cut:
        """See `EventStore.resolve`."""
        if instant > self.clock():
            raise InstantInFutureError(instant.isoformat())
        positions: dict[tuple[str, int], int] = {}
        for (log, number), shard in self._shards.items():
            shard.sealed_at = instant if shard.sealed_at is None else max(shard.sealed_at, instant)
            positions[log, number] = sum(recorded.recorded_at <= instant for recorded in shard.events)
        return Cut(positions)

    async def now(self) -> datetime:
        """See `EventStore.now`."""
        return self.clock()

    async def snapshot(
        self, log: str, tenant: str, stream: str, state_version: int, up_to: int | None
    ) -> Snapshot | None:
        """See `EventStore.snapshot`."""
        kept = self._snapshots[log, tenant, stream, state_version]
        fitting = [found for found in kept if up_to is None or found.position <= up_to]
        return max(fitting, key=lambda found: found.version, default=None)

    async def keep_snapshot(
        self, log: str, tenant: str, stream: str, state_version: int, snapshot: Snapshot
    ) -> None:
        """See `EventStore.keep_snapshot`."""
        kept = self._snapshots[log, tenant, stream, state_version]
        if all(found.version != snapshot.version for found in kept):
            kept.append(snapshot)

    async def put_back(
        self, log: str, shard: int, head: Head, events: Sequence[Recorded], commands: Sequence[Brought]
    ) -> None:
        """See `infra.recovery.Tail.put_back`."""
        kept = self._shards[log, shard]
        if kept.head != head:
            raise StoreCorruptError(log, shard, head.position, "the log is being written to")
        for recorded in events:
            if self._placement.setdefault((log, recorded.tenant), shard) != shard:
                raise BookMovedError(f"{log}: the book of {recorded.tenant} has been placed anew")
            kept.events.append(recorded)
            kept.streams[StreamName(recorded.tenant, recorded.stream)].append(recorded)
        kept.chain, kept.recorded_at = events[-1].chain, events[-1].recorded_at
        for one in commands:
            key = (one.tenant, one.actor, one.id)
            before = kept.commands.get(key)
            first = one.first if before is None else before[1].first
            kept.commands[key] = (b"", Place(first, one.last, one.recorded_at))

    def copied(self) -> "MemoryEventStore":
        """Return what a backup of it holds."""
        made = MemoryEventStore(self.clock, self._count)
        made._shards.update({place: deepcopy(shard) for place, shard in self._shards.items()})
        made._placement.update(self._placement)
        return made

    def damage(self, log: str, shard: int, position: int, payload: bytes) -> None:
        """Change a kept payload behind the store's back, so that tests can see it found."""
        kept = self._shards[log, shard].events
        kept[position - 1] = msgspec.structs.replace(kept[position - 1], payload=payload)
