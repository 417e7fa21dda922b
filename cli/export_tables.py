"""An answer as tables: one for each list of objects in it, one for what stands beside them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cli.boards.wording import is_list, is_object
from services.settlement.exports.tables import as_parquet

Row = dict[str, str | None]

ITSELF = "answer"
PARENT = "of"
NUMBER = re.compile(r"-?[0-9]{1,28}(\.[0-9]{1,10})?")
# Names, also where they consist of digits: these are never numbers.
NAMES = frozenset(
    {"contract", "line", "charge", "pool", "reservation", "tenant", "counterparty", "supplier", "customer"}
    | {"right", "option", "phase", "shortfall", "statement", "system", "id", "digest", "unit", "account"}
)


def files_of(ask: str, answer: Any) -> Mapping[str, bytes]:  # noqa: ANN401 JSON
    """Return an answer as Parquet files by name; numbers are decimals, all else is text.

    A row of a list within a list says in `of` which row of the outer one, from 0, it belongs to.
    """
    tables: dict[str, list[Row]] = {}
    _collect(tables, ITSELF, answer if is_object(answer) else {ITSELF: answer}, None)
    found: dict[str, bytes] = {}
    for name, rows in tables.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        if columns:
            decimals = frozenset(column for column in columns if _is_decimal(column, rows))
            file = ask if name == ITSELF else f"{ask}.{name.removeprefix(f'{ITSELF}.')}"
            found[f"{file}.parquet"] = as_parquet(columns, rows, decimals)
    return found


def _collect(tables: dict[str, list[Row]], name: str, value: Mapping[str, Any], parent: int | None) -> None:
    """Add a row for an object to its table, and rows for the objects below it to theirs."""
    rows = tables.setdefault(name, [])
    place = len(rows)
    row: Row = {} if parent is None else {PARENT: str(parent)}
    rows.append(row)
    _fill(tables, row, (name, place), "", value)
    if not row and parent is None:
        tables.pop(name)


def _fill(
    tables: dict[str, list[Row]], row: Row, at: tuple[str, int], prefix: str, value: Mapping[str, Any]
) -> None:
    name, place = at
    for key, item in value.items():
        column = f"{prefix}{key}"
        if is_object(item):
            _fill(tables, row, at, f"{column}.", item)
        elif is_list(item) and item and all(map(is_object, item)):
            for one in item:
                _collect(tables, f"{name}.{column}", one, place)
        elif is_list(item):
            if item:
                row[column] = ", ".join(map(_text, item))
        else:
            row[column] = None if item is None else _text(item)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _is_decimal(column: str, rows: Sequence[Row]) -> bool:
    given = [row[column] for row in rows if row.get(column) is not None]
    if column.rpartition(".")[2] in NAMES or not given:
        return False
    return all(text is not None and NUMBER.fullmatch(text) is not None for text in given)
