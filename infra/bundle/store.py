"""The events of a bundle as an event store that can only be read: whatever asks a ledger can ask it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NoReturn

from infra.bundle.format import Bundle
from infra.event_store import (
    GENESIS,
    Cut,
    Head,
    InstantInFutureError,
    Place,
    Recorded,
    Snapshot,
    StoreError,
    StreamName,
    Writer,
)

PAGE = 1000


class ReadOnlyError(StoreError):
    """Nothing can be recorded in a bundle."""


class BundleStore:
    """An event store over the events of a bundle; positions are those of the ledger, with gaps."""

    def __init__(self, bundle: Bundle) -> None:
        """Take a bundle that was found to be true."""
        self._header = bundle.header
        self._shards: defaultdict[tuple[str, int], list[Recorded]] = defaultdict(list)
        self._streams: defaultdict[tuple[str, StreamName], list[Recorded]] = defaultdict(list)
        self._placed: dict[tuple[str, str], int] = {}
        for one in bundle.events:
            recorded = one.recorded
            self._shards[recorded.log, recorded.shard].append(recorded)
            self._streams[recorded.log, StreamName(recorded.tenant, recorded.stream)].append(recorded)
            self._placed[recorded.log, recorded.tenant] = recorded.shard

    @property
    def shards(self) -> int:
        """See `EventStore.shards`."""
        return self._header.shards

    @property
    def by_stream(self) -> Mapping[tuple[str, StreamName], Sequence[Recorded]]:
        """The events of every stream, by log and name."""
        return self._streams

    async def place(self, log: str, tenant: str) -> int:
        """See `EventStore.place`; only where a book lies already."""
        found = self._placed.get((log, tenant))
        if found is None:
            self._refuse()
        return found

    async def placed(self, log: str, tenant: str) -> int | None:
        """See `EventStore.placed`."""
        return self._placed.get((log, tenant))

    def writer(self, log: str, shard: int) -> Writer:
        """Refuse: see `ReadOnlyError`."""
        del log, shard
        self._refuse()

    def exclusive(self, log: str, shard: int) -> AbstractAsyncContextManager[Writer]:
        """Refuse: see `ReadOnlyError`."""
        del log, shard
        self._refuse()

    async def shard(self, log: str, shard: int, after: int, limit: int = PAGE) -> Sequence[Recorded]:
        """See `EventStore.shard`; a gap is another's events, which are not here."""
        kept = self._shards.get((log, shard), [])
        first = bisect_right(kept, after, key=lambda recorded: recorded.position)
        return kept[first : first + limit]

    async def stream(
        self, log: str, tenant: str, stream: str, after: int = 0, up_to: int | None = None
    ) -> Sequence[Recorded]:
        """See `EventStore.stream`."""
        kept = self._streams.get((log, StreamName(tenant, stream)), [])
        return [
            recorded
            for recorded in kept
            if recorded.version > after and (up_to is None or recorded.position <= up_to)
        ]

    async def scan(
        self, log: str, shard: int, after: int, up_to: int | None = None
    ) -> AsyncIterator[Sequence[Recorded]]:
        """See `EventStore.scan`."""
        while page := await self.shard(log, shard, after):
            after = page[-1].position
            page = [recorded for recorded in page if up_to is None or recorded.position <= up_to]
            if not page:
                return
            yield page

    async def streams(
        self, log: str, party: str, category: str, cut: Cut | None = None
    ) -> Sequence[StreamName]:
        """See `EventStore.streams`."""
        found: list[StreamName] = []
        for (name_log, name), kept in self._streams.items():
            known = [one for one in kept if cut is None or cut.holds(one.origin)]
            mine = name.tenant == party or any(one.counterparty == party for one in known)
            if name_log == log and name.stream.startswith(f"{category}-") and known and mine:
                found.append(name)
        return sorted(found)

    async def heads(self, log: str) -> Mapping[int, Head]:
        """See `EventStore.heads`."""
        return {number: self._head(log, number) for number in range(self.shards)}

    async def known(self, log: str, tenant: str, actor: str, command: str) -> Place | None:
        """See `EventStore.known`; a command that brought nothing about is not known here."""
        shard = self._placed.get((log, tenant))
        kept = [] if shard is None else self._shards[log, shard]
        found = [
            one
            for one in kept
            if one.tenant == tenant and (one.meta.actor, one.meta.command) == (actor, command)
        ]
        return Place(found[0].position, found[-1].position, found[0].recorded_at) if found else None

    async def resolve(self, instant: datetime) -> Cut:
        """See `EventStore.resolve`."""
        if instant > self._header.made_at:
            raise InstantInFutureError(instant.isoformat())
        return Cut(
            {
                place: max((one.position for one in kept if one.recorded_at <= instant), default=0)
                for place, kept in self._shards.items()
            }
        )

    async def now(self) -> datetime:
        """See `EventStore.now`: when the bundle was made."""
        return self._header.made_at

    async def snapshot(
        self, log: str, tenant: str, stream: str, state_version: int, up_to: int | None
    ) -> Snapshot | None:
        """See `EventStore.snapshot`: there is none, everything is folded from its first event."""
        del log, tenant, stream, state_version, up_to
        return None

    async def keep_snapshot(
        self, log: str, tenant: str, stream: str, state_version: int, snapshot: Snapshot
    ) -> None:
        """See `EventStore.keep_snapshot`: nothing is kept."""

    def _head(self, log: str, number: int) -> Head:
        kept = self._shards.get((log, number))
        if not kept:
            return Head(0, GENESIS, None)
        return Head(kept[-1].position, kept[-1].chain, kept[-1].recorded_at)

    def _refuse(self) -> NoReturn:
        raise ReadOnlyError("a bundle is a copy: nothing can be recorded in it")
