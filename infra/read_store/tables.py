"""Declared read models as tables: their SQL, and their values as columns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from infra.codec import encode
from infra.database import Connection, quoted
from infra.database import Row as DatabaseRow
from infra.event_store import Recorded, StoreError
from infra.service import Column, Row, Table
from infra.statements import statement
from infra.sums import Between

FILE = Path(__file__).parent / "statements.sql"
KINDS = {
    "text": "text",
    "bigint": "bigint",
    "timestamptz": "timestamp with time zone",
    "bytea": "bytea",
    "jsonb": "jsonb",
}
OWN = ("log", "shard", "position", "ordinal", "recorded_at")
RESERVED = frozenset({"checkpoint", "timer", "quarantine"})


class TableChangedError(StoreError):
    """A read model's table is not as declared: its projection needs a new version and a rebuild."""


async def make(connection: Connection, schema: str, table: Table) -> None:
    """Make the first version of a read model, if it is not there; inside a transaction.

    Raises:
        TableChangedError: it is there with other columns.
    """
    assert table.name not in RESERVED, f"{table.name} is the machinery's own"
    view = f"{quoted(schema)}.{quoted(table.name)}"
    rows = await connection.fetch(statement(FILE, "columns_of"), view)
    there = [(row["name"], row["kind"]) for row in rows if row["name"] not in OWN]
    declared = [(column.name, KINDS[column.kind]) for column in table.columns]
    if rows and there != declared:
        raise TableChangedError(f"{schema}.{table.name} has columns {there}, declared are {declared}")
    if rows:
        return
    physical = f"{table.name}_v1"
    await make_physical(connection, schema, table, physical)
    names = {"schema": quoted(schema), "table": quoted(physical), "view": quoted(table.name)}
    await connection.execute(statement(FILE, "show_table", **names))


async def make_physical(connection: Connection, schema: str, table: Table, name: str) -> None:
    """Make one version of a read model's table and indexes, under a name of its own, without a view."""
    definitions = "".join(f",\n    {_definition(column)}" for column in table.columns)
    names = {"schema": quoted(schema), "table": quoted(name)}
    await connection.execute(statement(FILE, "make_table", **names, definitions=definitions))
    for columns in table.index:
        listed = ", ".join(map(quoted, columns))
        await connection.execute(statement(FILE, "make_index", **names, columns=listed))
    if table.postings is not None:
        group = "".join(f", {quoted(column)}" for column in table.postings.group)
        rules = {"group": group, "amount": quoted(table.postings.amount), "trigger": quoted(f"{name}_rules")}
        await connection.execute(statement(FILE, "make_postings", **names, **rules))


def _definition(column: Column) -> str:
    collation = ' collate "C"' if column.kind == "text" else ""
    return f"{quoted(column.name)} {column.kind}{collation}{'' if column.optional else ' not null'}"


def insertion(schema: str, table: Table) -> str:
    """Return the statement that adds rows to a read model, one array a column."""
    columns = [quoted(column.name) for column in table.columns]
    arrays = [
        f"${number}::{'text' if column.kind == 'jsonb' else column.kind}[]"
        for number, column in enumerate(table.columns, start=len(OWN) + 1)
    ]
    values = [
        f"u.{quoted(column.name)}{'::jsonb' if column.kind == 'jsonb' else ''}" for column in table.columns
    ]
    names = {"columns": columns, "arrays": arrays, "values": values}
    lists = {name: "".join(f", {part}" for part in parts) for name, parts in names.items()}
    return statement(FILE, "add_rows", schema=quoted(schema), table=quoted(table.name), **lists)


def arrays(table: Table, rows: Sequence[tuple[Recorded, int, Mapping[str, Any]]]) -> list[list[Any]]:
    """Return the arrays of `insertion`: one row each of event, ordinal and values."""
    places = [(r.log, r.shard, r.position, ordinal, r.recorded_at) for r, ordinal, _ in rows]
    columns: list[list[Any]] = [list(column) for column in zip(*places, strict=True)]
    for column in table.columns:
        values = [row.get(column.name) for _, _, row in rows]
        if column.kind == "jsonb":
            values = [None if value is None else encode(value).decode() for value in values]
        columns.append(values)
    return columns


def by_table(
    rows: Sequence[tuple[Recorded, Row]],
) -> dict[str, list[tuple[Recorded, int, Mapping[str, Any]]]]:
    """Return rows by their table, each with its place among the rows of its event in that table."""
    found: dict[str, list[tuple[Recorded, int, Mapping[str, Any]]]] = {}
    counts: Counter[tuple[str, int]] = Counter()
    for recorded, row in rows:
        place = (row.table, recorded.position)
        found.setdefault(row.table, []).append((recorded, counts[place], row.values))
        counts[place] += 1
    return found


def selection(
    schema: str, table: Table, where: Mapping[str, Any], between: Between | None, *, at_cut: bool
) -> tuple[str, list[Any]]:
    """Return the statement that finds rows, and its parameters but those of the cut."""
    met, values = conditions(table, where)
    if between is not None:
        name, count = quoted(between.column), len(values)
        met += [f"t.{name} >= ${count + 1}", f"t.{name} < ${count + 2}"]
        values += [between.low, between.high]
    names = {"schema": quoted(schema), "table": quoted(table.name), "conditions": " and ".join(met)}
    if not at_cut:
        return statement(FILE, "rows", **names), values
    first = len(values) + 1
    cut = f"${first}::text[], ${first + 1}::integer[], ${first + 2}::bigint[]"
    return statement(FILE, "rows_at", **names, cut=cut), values


def conditions(table: Table, where: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    """Return what holds of rows that equal `where`, and the parameters in it; None asks for no value."""
    kinds = {column.name: column.kind for column in table.columns}
    met: list[str] = ["true"]
    values: list[Any] = []
    for name, value in where.items():
        assert name in kinds or name in OWN, f"{table.name} has no column {name}"
        if value is None:
            met.append(f"t.{quoted(name)} is null")
            continue
        jsonb = kinds.get(name) == "jsonb"
        values.append(encode(value).decode() if jsonb else value)
        met.append(f"t.{quoted(name)} = ${len(values)}{'::text::jsonb' if jsonb else ''}")
    return met, values


def values_of(table: Table, row: DatabaseRow) -> dict[str, Any]:
    """Return a row as it was given: declared columns, then those of its event."""
    found = dict(row.items())
    for column in table.columns:
        if column.kind == "jsonb" and found[column.name] is not None:
            found[column.name] = msgspec.json.decode(found[column.name])
    return found
