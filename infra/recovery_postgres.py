"""Putting lost events back into PostgreSQL, as an administrator: no role of a service may write a log so."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from infra.database import Connection, Database, committing
from infra.event_store import Head, Recorded, StoreCorruptError
from infra.recovery import BookMovedError, Brought
from infra.statements import statement

_statement = partial(statement, Path(__file__).parent / "event_store" / "sql" / "recover.sql")


class PostgresTail:
    """Puts events back; see `infra.recovery.Tail`."""

    def __init__(self, database: Database) -> None:
        """Take the ledger's database, opened as an administrator."""
        self._database = database

    async def put_back(
        self, log: str, shard: int, head: Head, events: Sequence[Recorded], commands: Sequence[Brought]
    ) -> None:
        """See `Tail.put_back`."""
        async with self._database.appending() as connection:
            with committing():
                async with connection.transaction():
                    row = await connection.fetchrow(_statement("hold_head", log=log), shard)
                    if row is None or (row["position"], row["chain"]) != (head.position, head.chain):
                        raise StoreCorruptError(log, shard, head.position, "the log is being written to")
                    await _place(connection, log, shard, sorted({one.tenant for one in events}))
                    await _add(connection, log, shard, events, commands)


async def _place(connection: Connection, log: str, shard: int, tenants: Sequence[str]) -> None:
    moved = await connection.fetchrow(_statement("placed_elsewhere", log=log), shard, tenants)
    if moved is not None:
        raise BookMovedError(
            f"{log}: the book of {moved['tenant']} was in shard {shard}, and has been placed anew in"
            f" {moved['shard']}: the log was opened for writing before its tail came back"
        )
    await connection.execute(_statement("place_books", log=log), shard, tenants)


async def _add(
    connection: Connection, log: str, shard: int, events: Sequence[Recorded], commands: Sequence[Brought]
) -> None:
    last = events[-1]
    columns = (
        [one.position for one in events],
        [one.version for one in events],
        [one.effective_at for one in events],
        [one.recorded_at for one in events],
        [one.event_id for one in events],
        [one.tenant for one in events],
        [one.counterparty for one in events],
        [one.stream for one in events],
        [one.type for one in events],
        [one.payload for one in events],
        [one.meta_bytes for one in events],
        [one.chain for one in events],
    )
    await connection.execute(_statement("add_events", log=log), shard, *columns)
    await connection.execute(
        _statement("move_streams", log=log),
        shard,
        [one.tenant for one in events],
        [one.stream for one in events],
        [one.version for one in events],
    )
    await connection.execute(
        _statement("add_commands", log=log),
        shard,
        [one.tenant for one in commands],
        [one.actor for one in commands],
        [one.id for one in commands],
        [one.first for one in commands],
        [one.last for one in commands],
        [one.recorded_at for one in commands],
    )
    moved = (shard, last.position, last.chain, last.recorded_at)
    await connection.execute(_statement("move_head", log=log), *moved)
