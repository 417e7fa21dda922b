"""`Past` over a store and a service's read store."""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar

from infra.event_store import Cut, EventStore, Recorded, StreamName
from infra.fold import fold, over
from infra.looking import Looking
from infra.past import Folded, Past
from infra.read_store import ReadStore
from infra.sums import Between, Latest, Summing
from schemas.decision import Aggregate

S = TypeVar("S")
T = TypeVar("T")
StreamKey: TypeAlias = tuple[str, str, str]
TICK = timedelta(microseconds=1)
LOOK_SECONDS = 0.02


class LedgerPast:
    """The past of one ledger as one service sees it: all logs, and its own read models."""

    def __init__(
        self,
        store: EventStore,
        reads: ReadStore,
        logs: Sequence[str],
        follows: Mapping[str, Sequence[str]],
        cut: Cut | None = None,
        *,
        own: Sequence[str] | None = None,
        live: bool = False,
    ) -> None:
        """Take all logs of the ledger, for each own consumer the logs that it follows, and the own logs.

        Without `own` all logs are: then whoever folds a stream folds it to the same state. `live`: things
        move while one waits.
        """
        self._live = live
        self._store, self._reads, self._logs, self._follows = store, reads, tuple(logs), follows
        self._cut, self._own = cut, tuple(logs if own is None else own)
        self._looking = Looking[StreamKey]()
        self._once: dict[StreamKey, Any] | None = None

    @property
    def cut(self) -> Cut | None:
        """See `Past.cut`."""
        return self._cut

    def at(self, cut: Cut | None) -> "LedgerPast":
        """See `Past.at`."""
        return LedgerPast(
            self._store, self._reads, self._logs, self._follows, cut, own=self._own, live=self._live
        )

    def together(self) -> "LedgerPast":
        """Return the same past for what is asked at one time: it looks at the same stream once."""
        same = copy.copy(self)
        same._once = {}  # noqa: SLF001 its own
        return same

    async def stream(self, log: str, tenant: str, stream: str) -> Sequence[Recorded]:
        """See `Past.stream`."""
        return await self._store.stream(log, tenant, stream, up_to=await self._up_to(log, tenant))

    async def fold(self, log: str, aggregate: Aggregate[Any, Any], tenant: str, stream: str) -> Folded:
        """See `Past.fold`."""
        up_to = await self._up_to(log, tenant)
        return await fold(self._store, log, aggregate, tenant, stream, up_to, own=log in self._own)

    async def look(
        self,
        log: str,
        aggregate: Aggregate[S, Any],
        tenant: str,
        stream: str,
        see: Callable[[S], T],
    ) -> T:
        """See `Past.look`."""
        if self._cut is not None:
            return see((await self.fold(log, aggregate, tenant, stream)).state)
        key = (log, tenant, stream)
        if self._once is not None and key in self._once:
            return see(self._once[key])

        async def read(known: Folded | None) -> Folded:
            if known is None:
                return await self.fold(log, aggregate, tenant, stream)
            tail = await self._store.stream(log, tenant, stream, known.version)
            return over(aggregate, known.state, known.version, tail)

        state = await self._looking.newest(key, read)
        if self._once is not None:
            self._once[key] = state
        return see(state)

    async def streams(self, log: str, party: str, category: str) -> Sequence[StreamName]:
        """See `Past.streams`."""
        return await self._store.streams(log, party, category, self._cut)

    async def rows(
        self, table: str, where: Mapping[str, Any], *between: Between
    ) -> Sequence[Mapping[str, Any]]:
        """See `Past.rows`."""
        return await self._reads.rows(table, where, self._cut, *between)

    async def totals(self, table: str, summing: Summing) -> Sequence[Mapping[str, Any]]:
        """See `Past.totals`."""
        return await self._reads.totals(table, summing, self._cut)

    async def touched_from(
        self, table: str, where: Mapping[str, Any], column: str, latest: Latest, since: Cut
    ) -> int | None:
        """See `Past.touched_from`."""
        return await self._reads.touched_from(table, where, column, latest, (since, self._cut))

    async def command(self, log: str, tenant: str, actor: str, command: str) -> Sequence[Recorded]:
        """See `Past.command`."""
        place = await self._store.known(log, tenant, actor, command)
        shard = await self._store.placed(log, tenant)
        if place is None or shard is None or place.first is None or place.last is None:
            return []
        found = await self._store.shard(log, shard, place.first - 1, place.last - place.first + 1)
        return [recorded for recorded in found if self._cut is None or self._cut.holds(recorded.origin)]

    async def resolve(self, instant: datetime) -> Cut:
        """See `Past.resolve`."""
        return await self._store.resolve(instant)

    async def heads(self) -> Cut:
        """See `Past.heads`."""
        if self._cut is not None:
            return self._cut
        heads = {log: await self._store.heads(log) for log in self._logs}
        return Cut(
            {(log, shard): head.position for log, found in heads.items() for shard, head in found.items()}
        )

    async def shard_of(self, log: str, tenant: str) -> int | None:
        """See `Past.shard_of`."""
        return await self._store.placed(log, tenant)

    async def consumed(self, consumer: str) -> Cut:
        """See `Past.consumed`."""
        places = [(log, shard) for log in self._follows[consumer] for shard in range(self._store.shards)]
        return Cut({at: (await self._reads.checkpoint(consumer, *at)).position for at in places})

    async def closed(self, consumer: str) -> Cut:
        """See `Past.closed`."""
        heads = await self.heads()
        behind: datetime | None = None
        for log in self._follows[consumer]:
            for shard in range(self._store.shards):
                first = await self._first_unconsumed(consumer, log, shard, heads)
                if first is not None and (behind is None or first < behind):
                    behind = first
        return heads if behind is None else await self._store.resolve(behind - TICK)

    async def closed_once(
        self, consumer: str, holds: Callable[[Past], Awaitable[bool]], seconds: float
    ) -> Cut:
        """See `Past.closed_once`."""
        loop = asyncio.get_running_loop()
        deadline, seen = loop.time() + seconds, None
        while True:
            found = await self.closed(consumer)
            if found != seen and await holds(self.at(found)):
                return found
            if not self._live or loop.time() >= deadline:
                return found
            seen = found
            await asyncio.sleep(LOOK_SECONDS)

    async def _first_unconsumed(self, consumer: str, log: str, shard: int, heads: Cut) -> datetime | None:
        reached = await self._reads.checkpoint(consumer, log, shard)
        if reached.position >= heads.position(log, shard):
            return None
        (first,) = await self._store.shard(log, shard, reached.position, 1)
        return first.recorded_at

    async def _up_to(self, log: str, tenant: str) -> int | None:
        if self._cut is None:
            return None
        shard = await self._store.placed(log, tenant)
        return 0 if shard is None else self._cut.position(log, shard)
