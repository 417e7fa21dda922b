"""A past that notes which shards an answer rests on, so that its basis names these and no others.

A tenant without a book counts as living in a shard that its name decides. So the basis of an answer about
somebody who does not exist moves like that of one about somebody who does, and tells nobody which it is.
"""

import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from infra.event_store import Cut, Recorded, StreamName
from infra.node import Node
from infra.past import Folded, Past
from infra.sums import Between, Latest, Summing
from schemas.catalog import LOGS
from schemas.decision import Aggregate

S = TypeVar("S")
T = TypeVar("T")


class Touched:
    """The shards that were looked at, and where to look up which."""

    def __init__(self, node: Node) -> None:
        """Nothing was looked at yet."""
        self.node = node
        self.shards: set[tuple[str, int]] = set()
        projections = node.service.projections
        self._followed = {table.name: p.follows for p in projections for table in p.tables}
        self._follows = {consumer.name: consumer.follows for consumer in node.consumers}

    async def book(self, log: str, tenant: str) -> None:
        """Note the shard of a tenant's book."""
        shard = await self.node.store.placed(log, tenant)
        count = self.node.store.shards
        self.shards.add((log, zlib.crc32(tenant.encode()) % count if shard is None else shard))

    def logs(self, logs: Sequence[str]) -> None:
        """Note every shard of some logs."""
        self.shards.update((log, shard) for log in logs for shard in range(self.node.store.shards))

    def table(self, name: str) -> None:
        """Note what a read model is made from."""
        self.logs(self._followed.get(name, LOGS))

    def consumer(self, name: str) -> None:
        """Note what a consumer follows."""
        self.logs(self._follows.get(name, LOGS))

    def of(self, cut: Cut) -> Cut:
        """Return what a cut says of the shards that were looked at."""
        return Cut({place: cut.position(*place) for place in self.shards})


class TouchedPast:
    """See `Past`."""

    def __init__(self, past: Past, touched: Touched) -> None:
        """Take the past that answers, and where to note what it was asked."""
        self._past, self._touched = past, touched

    @property
    def cut(self) -> Cut | None:
        """See `Past.cut`."""
        return self._past.cut

    def at(self, cut: Cut | None) -> "TouchedPast":
        """See `Past.at`."""
        return TouchedPast(self._past.at(cut), self._touched)

    async def stream(self, log: str, tenant: str, stream: str) -> Sequence[Recorded]:
        """See `Past.stream`."""
        await self._touched.book(log, tenant)
        return await self._past.stream(log, tenant, stream)

    async def fold(self, log: str, aggregate: Aggregate[Any, Any], tenant: str, stream: str) -> Folded:
        """See `Past.fold`."""
        await self._touched.book(log, tenant)
        return await self._past.fold(log, aggregate, tenant, stream)

    async def look(
        self, log: str, aggregate: Aggregate[S, Any], tenant: str, stream: str, see: Callable[[S], T]
    ) -> T:
        """See `Past.look`."""
        await self._touched.book(log, tenant)
        return await self._past.look(log, aggregate, tenant, stream, see)

    async def streams(self, log: str, party: str, category: str) -> Sequence[StreamName]:
        """See `Past.streams`."""
        self._touched.logs([log])
        return await self._past.streams(log, party, category)

    async def rows(
        self, table: str, where: Mapping[str, Any], *between: Between
    ) -> Sequence[Mapping[str, Any]]:
        """See `Past.rows`."""
        self._touched.table(table)
        return await self._past.rows(table, where, *between)

    async def totals(self, table: str, summing: Summing) -> Sequence[Mapping[str, Any]]:
        """See `Past.totals`."""
        self._touched.table(table)
        return await self._past.totals(table, summing)

    async def touched_from(
        self, table: str, where: Mapping[str, Any], column: str, latest: Latest, since: Cut
    ) -> int | None:
        """See `Past.touched_from`."""
        self._touched.table(table)
        return await self._past.touched_from(table, where, column, latest, since)

    async def command(self, log: str, tenant: str, actor: str, command: str) -> Sequence[Recorded]:
        """See `Past.command`."""
        await self._touched.book(log, tenant)
        return await self._past.command(log, tenant, actor, command)

    async def resolve(self, instant: datetime) -> Cut:
        """See `Past.resolve`."""
        self._touched.logs(LOGS)
        return await self._past.resolve(instant)

    async def heads(self) -> Cut:
        """See `Past.heads`."""
        self._touched.logs(LOGS)
        return await self._past.heads()

    async def shard_of(self, log: str, tenant: str) -> int | None:
        """See `Past.shard_of`."""
        await self._touched.book(log, tenant)
        return await self._past.shard_of(log, tenant)

    async def closed_once(
        self, consumer: str, holds: Callable[[Past], Awaitable[bool]], seconds: float
    ) -> Cut:
        """See `Past.closed_once`."""
        self._touched.consumer(consumer)
        return await self._past.closed_once(consumer, holds, seconds)

    async def consumed(self, consumer: str) -> Cut:
        """See `Past.consumed`."""
        return await self._past.consumed(consumer)

    async def closed(self, consumer: str) -> Cut:
        """See `Past.closed`."""
        self._touched.consumer(consumer)
        return await self._past.closed(consumer)
