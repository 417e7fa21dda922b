"""Tables aside in PostgreSQL: `<table>_check`, thrown away, and `<table>_v<n+1>`, shown by the view later."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from infra.database import Connection, Database, committing, quoted
from infra.database import Row as DatabaseRow
from infra.event_store import Cut, Recorded, StoreError
from infra.past import Past
from infra.read_store import Checkpoint, Parked
from infra.read_store.postgres import PostgresReadStore
from infra.read_store.tables import KINDS, OWN, make_physical
from infra.replay.asides import (
    DIFFERENCES_MAX,
    AsideBehindError,
    CatchUp,
    Difference,
    Differences,
    Kind,
    readable,
)
from infra.service import Projection, Row, Table
from infra.statements import statement

FILE = Path(__file__).parent / "rebuild.sql"
VERSION = re.compile(r"_v(\d+)$")
READ_FILE = Path(__file__).parent.parent / "read_store" / "statements.sql"


class NotMadeError(StoreError):
    """There is no such read model yet."""


class AsideStore(PostgresReadStore):
    """A read store that fills tables aside: rows come in by COPY."""

    def __init__(self, database: Database, schema: str, tables: Sequence[Table]) -> None:
        """Take the tables under their physical names."""
        super().__init__(database, schema)
        self._tables = {table.name: table for table in tables}

    async def _add_rows(self, connection: Connection, table: Table, columns: Sequence[list[Any]]) -> None:
        await connection.copy_records_to_table(
            table.name,
            schema_name=self._schema,
            columns=[*OWN, *(column.name for column in table.columns)],
            records=zip(*columns, strict=True),
        )


class PostgresAside:
    """A read model made anew in PostgreSQL."""

    def __init__(
        self, database: Database, schema: str, live: Projection, kind: Kind, names: Mapping[str, str]
    ) -> None:
        """Take the live projection, and the physical name of each of its tables aside."""
        self._database, self._schema, self._live, self._names = database, schema, live, dict(names)
        self.projection = renamed(live, kind, names)
        self.reads = AsideStore(database, schema, self.projection.tables)

    async def differences(self, cut: Cut, limit: int = DIFFERENCES_MAX) -> Differences:
        """See `Aside.differences`. Columns that only one of the two versions has are not compared."""
        places = [(log, shard, position) for (log, shard), position in cut.positions.items()]
        columns = [[place[number] for place in places] for number in range(3)]
        rows = count = 0
        found: list[Difference] = []
        async with self._database.reading() as connection:
            for table in self._live.tables:
                query, names = await self._comparison(connection, table)
                kept = await connection.fetch(query, *columns, limit)
                rows, count = rows + kept[0]["rows"], count + kept[0]["count"]
                found += [_difference(table, names, row) for row in kept if row["log"] is not None]
        return Differences(rows=rows, count=count, first=tuple(found[:limit]))

    async def promote(self, catch_up: CatchUp) -> None:
        """See `Aside.promote`."""
        live, aside = self._live.name, self.projection.name
        async with self._database.appending() as connection:
            with committing():
                async with connection.transaction():
                    await connection.fetch(self._statement("hold_checkpoints"), live)
                    await catch_up()
                    behind = await connection.fetchrow(self._statement("behind"), live, aside)
                    if behind is not None:
                        place = f"{behind['log']} shard {behind['shard']}"
                        raise AsideBehindError(f"{live} has consumed more of {place} than its shadow")
                    for table in self._live.tables:
                        await self._show_instead(connection, table)
                    for name in ("forget_checkpoints", "forget_quarantine"):
                        await connection.execute(self._statement(name), live)
                    for name in ("take_over_checkpoints", "take_over_quarantine"):
                        await connection.execute(self._statement(name), live, aside)

    async def drop(self) -> None:
        """See `Aside.drop`."""
        async with self._database.appending() as connection:
            with committing():
                async with connection.transaction():
                    await self.drop_in(connection)

    async def drop_in(self, connection: Connection) -> None:
        """Remove it, inside a transaction."""
        for name in self._names.values():
            await connection.execute(self._statement("drop_table", table=quoted(name)))
        for name in ("forget_checkpoints", "forget_quarantine"):
            await connection.execute(self._statement(name), self.projection.name)

    async def make_in(self, connection: Connection) -> None:
        """Make its tables, inside a transaction."""
        for table in self.projection.tables:
            await make_physical(connection, self._schema, table, table.name)

    async def _show_instead(self, connection: Connection, table: Table) -> None:
        old = await shown(connection, self._schema, table.name)
        names = {"view": quoted(table.name), "table": quoted(self._names[table.name]), "old": quoted(old)}
        await connection.execute(self._statement("show_instead", **names))

    async def _comparison(self, connection: Connection, table: Table) -> tuple[str, list[str]]:
        view = f"{quoted(self._schema)}.{quoted(table.name)}"
        rows = await connection.fetch(statement(READ_FILE, "columns_of"), view)
        there = {row["name"]: row["kind"] for row in rows}
        names = compared(table, there)
        sides = {side: [f"{side}_{number}" for number in range(len(names))] for side in ("l", "a")}
        columns = [
            f"{side}.{quoted(name)} as {label}"
            for side, labels in sides.items()
            for name, label in zip(names, labels, strict=True)
        ]
        query = self._statement(
            "differences",
            live=quoted(table.name),
            anew=quoted(self._names[table.name]),
            columns=", ".join(columns),
            live_row=", ".join(f"x.{label}" for label in sides["l"]),
            anew_row=", ".join(f"x.{label}" for label in sides["a"]),
        )
        return query, names

    def _statement(self, name: str, **names: str) -> str:
        return statement(FILE, name, schema=quoted(self._schema), **names)


class PostgresAsides:
    """The tables aside of a service's read schema, under the service's own role."""

    def __init__(self, database: Database, schema: str) -> None:
        """Take the open database and the schema."""
        self._database, self._schema = database, schema
        self._live = PostgresReadStore(database, schema)

    async def make(self, projection: Projection, kind: Kind) -> PostgresAside:
        """See `Asides.make`."""
        async with self._database.appending() as connection:
            with committing():
                async with connection.transaction():
                    await connection.execute(statement(READ_FILE, "lock_tables"), self._schema)
                    made = await self._aside(connection, projection, kind)
                    await made.drop_in(connection)
                    await made.make_in(connection)
        return made

    async def find(self, projection: Projection, kind: Kind) -> PostgresAside | None:
        """See `Asides.find`."""
        async with self._database.reading() as connection:
            found = await self._aside(connection, projection, kind)
            first = f"{quoted(self._schema)}.{quoted(found.projection.tables[0].name)}"
            there = await connection.fetchval(statement(FILE, "is_there"), first)
        return found if there else None

    async def checkpoint(self, projection: Projection, log: str, shard: int) -> Checkpoint:
        """See `Asides.checkpoint`."""
        return await self._live.checkpoint(projection.name, log, shard)

    async def parked(self, projection: Projection) -> Sequence[Parked]:
        """See `Asides.parked`."""
        return await self._live.parked(projection.name)

    async def _aside(self, connection: Connection, projection: Projection, kind: Kind) -> PostgresAside:
        names: dict[str, str] = {}
        for table in projection.tables:
            version = VERSION.search(await shown(connection, self._schema, table.name))
            assert version is not None, "a view shows a version of its table"
            after = f"_v{int(version[1]) + 1}"
            names[table.name] = table.name + (after if kind is Kind.SHADOW else f"_{kind}")
        return PostgresAside(self._database, self._schema, projection, kind, names)


async def shown(connection: Connection, schema: str, table: str) -> str:
    """Return the table that the view of a read model shows.

    Raises:
        NotMadeError: there is no such read model yet.
    """
    view = f"{quoted(schema)}.{quoted(table)}"
    found: str | None = await connection.fetchval(statement(FILE, "behind_view"), view)
    if found is None:
        raise NotMadeError(f"{schema} has no read model {table} yet: its service makes it when it starts")
    return found


def renamed(projection: Projection, kind: Kind, names: Mapping[str, str]) -> Projection:
    """Return a projection that fills tables of other names, under a checkpoint of its own."""

    def there(rows: Sequence[Row]) -> list[Row]:
        return [Row(names[row.table], row.values) for row in rows]

    def project(recorded: Recorded) -> Sequence[Row]:
        return there(projection.project(recorded))

    running = projection.running
    if running is not None:
        step = running.step

        async def stepped(state: Any, recorded: Recorded, past: Past) -> Sequence[Row]:
            return there(await step(state, recorded, past))

        running = msgspec.structs.replace(running, step=stepped)
    tables = tuple(msgspec.structs.replace(table, name=names[table.name]) for table in projection.tables)
    return msgspec.structs.replace(
        projection, name=f"{projection.name}~{kind}", tables=tables, project=project, running=running
    )


def compared(table: Table, there: Mapping[str, str]) -> list[str]:
    """Return the columns that both versions have alike, given the names and types of the live one."""
    return ["recorded_at", *(one.name for one in table.columns if there.get(one.name) == KINDS[one.kind])]


def _difference(table: Table, names: Sequence[str], row: DatabaseRow) -> Difference:
    return Difference(
        table=table.name,
        log=row["log"],
        shard=row["shard"],
        position=row["position"],
        ordinal=row["ordinal"],
        live=_side(row, "l", names) if row["is_live"] else None,
        rebuilt=_side(row, "a", names) if row["is_anew"] else None,
    )


def _side(row: DatabaseRow, side: str, names: Sequence[str]) -> dict[str, Any]:
    return {name: readable(row[f"{side}_{number}"]) for number, name in enumerate(names)}
