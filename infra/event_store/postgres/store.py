"""The event store of one ledger in PostgreSQL, under the role of one service."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from infra.database import POSITION_MAX, Database, committing
from infra.event_store import Cut, Head, Place, Recorded, Snapshot, StreamName, Writer
from infra.event_store.postgres.records import records, require_no_gap
from infra.event_store.postgres.scan import scan
from infra.event_store.postgres.statements import statement
from infra.event_store.postgres.writer import OptimisticWriter, holding

PLACES_KEPT_MAX = 100_000


class PostgresEventStore:
    """All logs of one ledger. A log may lie in a database of its own; a service writes its own logs only."""

    def __init__(self, databases: Mapping[str, Database], own: Sequence[str], shards: int) -> None:
        """Take the open database of each log, the logs that the role writes, and the shards of each log."""
        self._databases, self._own, self._shards = databases, frozenset(own), shards
        self._places: dict[tuple[str, str], int] = {}

    @property
    def shards(self) -> int:
        """See `EventStore.shards`."""
        return self._shards

    async def place(self, log: str, tenant: str) -> int:
        """See `EventStore.place`."""
        found = await self.placed(log, tenant)
        if found is not None:
            return found
        async with self._databases[log].appending() as connection:
            with committing():
                shard: int = await connection.fetchval(statement("place", log), tenant)
        return self._remember(log, tenant, shard)

    async def placed(self, log: str, tenant: str) -> int | None:
        """See `EventStore.placed`."""
        kept = self._places.get((log, tenant))
        if kept is not None:
            return kept
        async with self._databases[log].reading() as connection:
            found: int | None = await connection.fetchval(statement("placed", log), tenant)
        return None if found is None else self._remember(log, tenant, found)

    def writer(self, log: str, shard: int) -> Writer:
        """See `EventStore.writer`."""
        return OptimisticWriter(self._databases[log], log, shard)

    def exclusive(self, log: str, shard: int) -> AbstractAsyncContextManager[Writer]:
        """See `EventStore.exclusive`."""
        return holding(self._databases[log], log, shard)

    async def shard(self, log: str, shard: int, after: int, limit: int = 1000) -> Sequence[Recorded]:
        """See `EventStore.shard`."""
        async with self._databases[log].reading() as connection:
            rows = await connection.fetch(
                statement("shard", log),
                shard,
                after,
                limit,
            )
        found = records(log, shard, rows)
        require_no_gap(log, shard, after, found)
        return found

    async def stream(
        self, log: str, tenant: str, stream: str, after: int = 0, up_to: int | None = None
    ) -> Sequence[Recorded]:
        """See `EventStore.stream`."""
        shard = await self.placed(log, tenant)
        if shard is None:
            return []
        async with self._databases[log].reading() as connection:
            rows = await connection.fetch(
                statement("stream", log),
                shard,
                tenant,
                stream,
                after,
                POSITION_MAX if up_to is None else up_to,
            )
        return records(log, shard, rows)

    def scan(
        self, log: str, shard: int, after: int, up_to: int | None = None
    ) -> AsyncIterator[Sequence[Recorded]]:
        """See `EventStore.scan`."""
        return scan(self._databases[log], log, shard, after, up_to)

    async def streams(
        self, log: str, party: str, category: str, cut: Cut | None = None
    ) -> Sequence[StreamName]:
        """See `EventStore.streams`."""
        shards = range(self._shards)
        ends = [POSITION_MAX if cut is None else cut.position(log, shard) for shard in shards]
        async with self._databases[log].reading() as connection:
            rows = await connection.fetch(
                statement("streams", log), party, list(shards), ends, f"{category}-", f"{category}."
            )
        return sorted(StreamName(row["tenant"], row["stream"]) for row in rows)

    async def heads(self, log: str) -> Mapping[int, Head]:
        """See `EventStore.heads`."""
        async with self._databases[log].reading() as connection:
            rows = await connection.fetch(statement("heads", log))
        return {row["shard"]: Head(row["position"], row["chain"], row["recorded_at"]) for row in rows}

    async def known(self, log: str, tenant: str, actor: str, command: str) -> Place | None:
        """See `EventStore.known`."""
        shard = await self.placed(log, tenant)
        if shard is None:
            return None
        async with self._databases[log].reading() as connection:
            row = await connection.fetchrow(
                statement("known", log),
                shard,
                tenant,
                actor,
                command,
            )
        return None if row is None else Place(row[0], row[1], row[2])

    async def resolve(self, instant: datetime) -> Cut:
        """See `EventStore.resolve`."""
        positions: dict[tuple[str, int], int] = {}
        for log, database in self._databases.items():
            async with database.reading() as connection:
                rows = await connection.fetch(statement("resolve", log), instant)
            positions |= {(log, row["shard"]): row["position"] for row in rows}
        return Cut(positions)

    async def now(self) -> datetime:
        """See `EventStore.now`."""
        database = next(iter(self._databases.values()))
        async with database.reading() as connection:
            now: datetime = await connection.fetchval(statement("now"))
        return now

    async def snapshot(
        self, log: str, tenant: str, stream: str, state_version: int, up_to: int | None
    ) -> Snapshot | None:
        """See `EventStore.snapshot`. Of another service's log none is kept."""
        shard = await self.placed(log, tenant)
        if shard is None or log not in self._own:
            return None
        async with self._databases[log].reading() as connection:
            row = await connection.fetchrow(
                statement("snapshot", log),
                shard,
                tenant,
                stream,
                state_version,
                POSITION_MAX if up_to is None else up_to,
            )
        return None if row is None else Snapshot(row[0], row[1], row[2])

    async def keep_snapshot(
        self, log: str, tenant: str, stream: str, state_version: int, snapshot: Snapshot
    ) -> None:
        """See `EventStore.keep_snapshot`. Of another service's log none is kept."""
        shard = await self.placed(log, tenant)
        if shard is None or log not in self._own:
            return
        async with self._databases[log].appending() as connection:
            with committing():
                await connection.execute(
                    statement("keep_snapshot", log),
                    shard,
                    tenant,
                    stream,
                    state_version,
                    snapshot.version,
                    snapshot.position,
                    snapshot.state,
                )

    def _remember(self, log: str, tenant: str, shard: int) -> int:
        """Keep a tenant's shard: it never changes."""
        if len(self._places) >= PLACES_KEPT_MAX:
            self._places.clear()
        self._places[log, tenant] = shard
        return shard
