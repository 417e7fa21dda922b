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
OWN_KINDS = {
    "log": "text",
    "shard": "integer",
    "position": "bigint",
    "ordinal": "integer",
    "recorded_at": "timestamptz",
}
OWN = tuple(OWN_KINDS)
ALWAYS_ARRAY = "position"
MANY_ROWS = 20
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
        rules["balance"] = table.postings.balance
        await connection.execute(statement(FILE, "make_postings", **names, **rules))


def _definition(column: Column) -> str:
    collation = ' collate "C"' if column.kind == "text" else ""
    return f"{quoted(column.name)} {column.kind}{collation}{'' if column.optional else ' not null'}"


def insertion(schema: str, table: Table, given: Sequence[list[Any]]) -> tuple[str, list[Any]]:
    """Return the statement that adds rows to a read model, and its parameters, given its columns.

    One array a column; where a large batch has one value alone, that value: most of the cost of a row is its
    values on the way.
    """
    kinds = {**OWN_KINDS, **{column.name: column.kind for column in table.columns}}
    many = len(given[0]) >= MANY_ROWS
    columns: list[str] = []
    values: list[str] = []
    names: list[tuple[str, str]] = []
    parameters: list[Any] = []
    for (name, kind), column in zip(kinds.items(), given, strict=True):
        sent = "text" if kind == "jsonb" else kind
        cast = "::jsonb" if kind == "jsonb" else ""
        columns.append(quoted(name))
        if name != ALWAYS_ARRAY and many and column.count(column[0]) == len(column):
            parameters.append(column[0])
            values.append(f"${len(parameters)}::{sent}{cast}")
        else:
            parameters.append(column)
            names.append((f"${len(parameters)}::{sent}[]", quoted(name)))
            values.append(f"u.{quoted(name)}{cast}")
    listed = {
        "columns": columns,
        "values": values,
        "arrays": [a for a, _ in names],
        "names": [n for _, n in names],
    }
    texts = {key: ", ".join(parts) for key, parts in listed.items()}
    return statement(FILE, "add_rows", schema=quoted(schema), table=quoted(table.name), **texts), parameters


def arrays(table: Table, rows: Sequence[tuple[Recorded, int, Mapping[str, Any]]]) -> list[list[Any]]:
    """Return the columns of rows, those of their events first."""
    events = [recorded for recorded, _, _ in rows]
    columns: list[list[Any]] = [
        [recorded.log for recorded in events],
        [recorded.shard for recorded in events],
        [recorded.position for recorded in events],
        [ordinal for _, ordinal, _ in rows],
        [recorded.recorded_at for recorded in events],
    ]
    all_values = [values for _, _, values in rows]
    for column in table.columns:
        name = column.name
        found = [values.get(name) for values in all_values]
        if column.kind == "jsonb":
            found = [None if value is None else encode(value).decode() for value in found]
        columns.append(found)
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
    schema: str, table: Table, where: Mapping[str, Any], between: Sequence[Between], *, at_cut: bool
) -> tuple[str, list[Any]]:
    """Return the statement that finds rows, and its parameters but those of the cut."""
    met, values = conditions(table, where)
    for one in between:
        name, count = quoted(one.column), len(values)
        met += [f"t.{name} >= ${count + 1}", f"t.{name} < ${count + 2}"]
        values += [one.low, one.high]
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
