"""The two writers of a shard: one that hopes that nobody else appends, and one that holds the head."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from infra.database import POSITION_MAX, Connection, Database, committing, reading
from infra.event_store import Appended, Batch, Conflict, Recorded
from infra.event_store.postgres.batches import arguments, one, outcome, outcome_of_one
from infra.event_store.postgres.records import records
from infra.event_store.postgres.statements import statement

APPEND_SECONDS_MAX = 30.0


class OptimisticWriter:
    """Appends in one round trip; whoever came first wins, and the other gets a conflict."""

    def __init__(self, database: Database, log: str, shard: int) -> None:
        """Take the log's database, the log and the shard."""
        self._database, self._log, self._shard = database, log, shard
        self._append = statement("append", log)
        self._append_one = statement("append_one", log)
        self._stream = statement("stream", log)

    async def append(self, batch: Batch) -> Appended | Conflict:
        """See `Writer.append`."""
        plain = one(self._shard, batch)
        async with self._database.appending() as connection:
            with committing():
                if plain is not None:
                    row = await connection.fetchrow(self._append_one, *plain, timeout=APPEND_SECONDS_MAX)
                    if row is not None and row["head_position"] is not None:
                        return outcome_of_one(row)
                values = arguments(self._shard, batch)
                row = await connection.fetchrow(self._append, *values, timeout=APPEND_SECONDS_MAX)
        assert row is not None, "append returns one row"
        return outcome(batch, row)

    async def stream(self, tenant: str, stream: str, after: int = 0) -> Sequence[Recorded]:
        """See `Writer.stream`."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(self._stream, self._shard, tenant, stream, after, POSITION_MAX)
        return records(self._log, self._shard, rows)


class HoldingWriter:
    """Appends in the transaction that holds the shard's head; each append commits and takes the head anew."""

    def __init__(self, connection: Connection, log: str, shard: int) -> None:
        """Take a connection that is held until the writer is done."""
        self._connection, self._log, self._shard = connection, log, shard
        self._append = statement("append", log)
        self._stream = statement("stream", log)
        self._held = False

    async def append(self, batch: Batch) -> Appended | Conflict:
        """See `Writer.append`."""
        values = arguments(self._shard, batch)
        await self.hold()
        with committing():
            row = await self._connection.fetchrow(self._append, *values, timeout=APPEND_SECONDS_MAX)
            assert row is not None, "append returns one row"
            if row["appended"]:
                await self._connection.execute("commit")
                self._held = False
        return outcome(batch, row)

    async def stream(self, tenant: str, stream: str, after: int = 0) -> Sequence[Recorded]:
        """See `Writer.stream`."""
        await self.hold()
        with reading():
            rows = await self._connection.fetch(
                self._stream, self._shard, tenant, stream, after, POSITION_MAX
            )
        return records(self._log, self._shard, rows)

    async def hold(self) -> None:
        """Take the head, if it is not held since the last append."""
        if self._held:
            return
        with reading():
            await self._connection.execute("begin")
            await self._connection.fetchval(statement("hold", self._log), self._shard)
        self._held = True

    async def let_go(self) -> None:
        """Give the head back without a change."""
        if self._held and not self._connection.is_closed():
            with reading():
                await self._connection.execute("rollback")


@asynccontextmanager
async def holding(database: Database, log: str, shard: int) -> AsyncGenerator[HoldingWriter]:
    """Hold a shard's head. What fails inside leaves nothing: the pool rolls back what is open."""
    async with database.appending() as connection:
        writer = HoldingWriter(connection, log, shard)
        await writer.hold()
        yield writer
        await writer.let_go()
