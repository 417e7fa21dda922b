"""A service's read side in PostgreSQL: the schema `<service>_read`, under the service's own role."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from infra.database import Connection, Database, Row, committing
from infra.event_store import Cut
from infra.read_store import (
    START,
    Checkpoint,
    CheckpointMovedError,
    DueTimer,
    Effect,
    Parked,
)
from infra.read_store import summing as sums
from infra.read_store.balances import Balances, run_anew
from infra.read_store.tables import FILE, arrays, by_table, insertion, make, selection, values_of
from infra.service import Table
from infra.statements import statement
from infra.sums import Between, Latest, Summing
from schemas.decision import Origin

Follower: TypeAlias = tuple[str, str, int]


class PostgresReadStore:
    """Rows, checkpoints, timers and quarantine of one service in one ledger."""

    def __init__(self, database: Database, schema: str) -> None:
        """Take the open database under the service's role, and the schema, which is the role's own."""
        self._database, self._schema = database, schema
        self._tables: dict[str, Table] = {}
        self._balances: dict[Follower, tuple[str, Balances]] = {}

    async def checkpoint(self, consumer: str, log: str, shard: int) -> Checkpoint:
        """See `ReadStore.checkpoint`."""
        async with self._database.reading() as connection:
            row = await connection.fetchrow(self._statement("checkpoint"), consumer, log, shard)
        return START if row is None else Checkpoint(row["position"], row["chain"])

    async def apply(self, effect: Effect) -> None:
        """See `ReadStore.apply`. One statement a table; the checkpoint first: a zombie waits or fails."""
        follower = (effect.consumer, effect.log, effect.shard)
        left, balances = self._balances.pop(follower, ("", Balances()))
        async with self._database.appending() as connection:
            with committing():
                async with connection.transaction():
                    found, leaving = await self._move(connection, effect)
                    if found != left:
                        balances.forget()
                    await self._add(connection, effect, balances)
        if not effect.unparked:
            self._balances[follower] = (leaving, balances)

    async def prepare(self, tables: Sequence[Table]) -> None:
        """See `ReadStore.prepare`.

        Raises:
            TableChangedError: one of them is there with other columns.
        """
        async with self._database.appending() as connection:
            with committing():
                async with connection.transaction():
                    await connection.execute(statement(FILE, "lock_tables"), self._schema)
                    for table in tables:
                        await make(connection, self._schema, table)
        self._tables |= {table.name: table for table in tables}

    async def rows(
        self, table: str, where: Mapping[str, Any], cut: Cut | None, *between: Between
    ) -> Sequence[Mapping[str, Any]]:
        """See `ReadStore.rows`."""
        declared = self._tables[table]
        query, values = selection(self._schema, declared, where, between, at_cut=cut is not None)
        if cut is not None:
            places = [(log, shard, position) for (log, shard), position in cut.positions.items()]
            values += [[place[number] for place in places] for number in range(3)]
        async with self._database.reading() as connection:
            rows = await connection.fetch(query, *values)
        return [values_of(declared, row) for row in rows]

    async def totals(self, table: str, summing: Summing, cut: Cut | None) -> Sequence[Mapping[str, Any]]:
        """See `ReadStore.totals`."""
        async with self._database.reading() as connection:
            return await sums.totals(connection, self._schema, self._tables[table], summing, cut)

    async def touched_from(
        self, table: str, where: Mapping[str, Any], column: str, latest: Latest, news: tuple[Cut, Cut | None]
    ) -> int | None:
        """See `ReadStore.touched_from`."""
        declared = self._tables[table]
        async with self._database.reading() as connection:
            return await sums.touched_from(connection, self._schema, declared, where, column, latest, news)

    async def due(self, service: str, until: datetime) -> Sequence[DueTimer]:
        """See `ReadStore.due`."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(self._statement("due"), service, until)
        return [_timer(row) for row in rows]

    async def fired(self, service: str, timer: str) -> None:
        """See `ReadStore.fired`."""
        await self._execute("fired", service, timer)

    async def parked(self, consumer: str | None = None) -> Sequence[Parked]:
        """See `ReadStore.parked`."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(self._statement("parked"), consumer)
        return [Parked(**dict(row)) for row in rows]

    async def unpark(self, parked: Parked) -> None:
        """See `ReadStore.unpark`."""
        await self._execute("unpark", parked.consumer, parked.log, parked.shard, parked.position)

    async def _move(self, connection: Connection, effect: Effect) -> tuple[str, str]:
        """Move the checkpoint by compare-and-set; return the versions of its row before and after."""
        key = (effect.consumer, effect.log, effect.shard)
        reached, seen = effect.reached, effect.seen
        target = (*key, reached.position, reached.chain)
        moved = await connection.fetchrow(
            self._statement("move_checkpoint"), *target, seen.position, seen.chain
        )
        if moved is None and seen == START:
            moved = await connection.fetchrow(self._statement("first_checkpoint"), *target)
        if moved is None:
            raise CheckpointMovedError(f"{key}: not at position {seen.position}")
        return moved["before"], moved["after"]

    async def _add_rows(self, connection: Connection, table: Table, columns: Sequence[list[Any]]) -> None:
        query, values = insertion(self._schema, table, columns)
        await connection.execute(query, *values)

    async def _add(self, connection: Connection, effect: Effect, balances: Balances) -> None:
        for name, rows in by_table(effect.rows).items():
            table = self._tables[name]
            named = {tuple(row) for _, _, row in rows}
            unknown = {name for names in named for name in names} - {column.name for column in table.columns}
            assert not unknown, f"{name} has no column {sorted(unknown)}"
            columns = arrays(table, rows)
            if table.postings is not None:
                await balances.fill_in(connection, self._schema, table, columns)
            await self._add_rows(connection, table, columns)
            if table.postings is not None and effect.unparked:
                await run_anew(connection, self._schema, table, columns)
        if effect.timers:
            await connection.execute(
                self._statement("add_timers"), *_columns([_plain(t) for t in effect.timers])
            )
        if effect.parked:
            await connection.execute(self._statement("park"), *_columns([_fields(p) for p in effect.parked]))
        for parked in effect.unparked:
            place = (parked.consumer, parked.log, parked.shard, parked.position)
            done = await connection.execute(self._statement("unpark"), *place)
            if done == "DELETE 0":
                raise CheckpointMovedError(f"{place}: no longer in quarantine")

    async def _execute(self, name: str, *values: Any) -> None:
        async with self._database.appending() as connection:
            with committing():
                await connection.execute(self._statement(name), *values)

    def _statement(self, name: str) -> str:
        return _of_schema(self._schema, name)


@cache
def _of_schema(schema: str, name: str) -> str:
    return statement(FILE, name, schema=schema)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _fields(parked: Parked) -> tuple[Any, ...]:
    place = (parked.consumer, parked.log, parked.shard, parked.position)
    return (*place, parked.tenant, parked.stream, parked.reason, parked.at)


def _plain(timer: DueTimer) -> tuple[Any, ...]:
    origin = timer.origin
    return (
        timer.service,
        timer.id,
        timer.due,
        timer.stream,
        timer.kind,
        origin.log,
        origin.shard,
        origin.position,
        timer.command_type,
        timer.command,
    )


def _timer(row: Row) -> DueTimer:
    return DueTimer(
        id=row["id"],
        service=row["service"],
        due=row["due"],
        kind=row["kind"],
        stream=row["stream"],
        origin=Origin(row["origin_log"], row["origin_shard"], row["origin_position"]),
        command_type=row["command_type"],
        command=row["command"],
    )
