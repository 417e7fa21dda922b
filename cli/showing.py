"""Answers for people: objects as two columns, lists of objects as tables, plain text in a pipe."""

import sys
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
from rich.console import Console
from rich.table import Table

CELL_MAX = 60


def show(value: object, *, as_json: bool) -> None:
    """Print an answer: JSON for programs, tables on a terminal, readable JSON in a pipe."""
    if as_json:
        print(msgspec.json.encode(value).decode())
        return
    if not sys.stdout.isatty():
        print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
        return
    _show(Console(), value, "")


def show_line(value: object) -> None:
    """Print one value as one line of JSON."""
    print(msgspec.json.encode(value).decode(), flush=True)


def _show(out: Console, value: object, title: str) -> None:
    if isinstance(value, Mapping):
        _object(out, cast("Mapping[str, object]", value), title)
    elif rows := _objects(value):
        _rows(out, rows, title)
    else:
        out.print(title and f"[bold]{title}[/]", _cell(value))


def _object(out: Console, value: Mapping[str, object], title: str) -> None:
    grid = Table(box=None, show_header=False, pad_edge=False, title=title or None, title_justify="left")
    nested: list[tuple[str, Sequence[Mapping[str, object]]]] = []
    for name, item in value.items():
        if rows := _objects(item):
            nested.append((name, rows))
        else:
            grid.add_row(f"[bold]{name}[/]", _cell(item))
    out.print(grid)
    for name, item in nested:
        _rows(out, item, name)


def _objects(value: object) -> list[Mapping[str, object]]:
    """Return a list of objects; nothing if it is no list, or one of the items is no object."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    found = [cast("Mapping[str, object]", one) for one in items if isinstance(one, Mapping)]
    return found if len(found) == len(items) else []


def _rows(out: Console, rows: Sequence[Mapping[str, object]], title: str) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    out.print(table)


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case str():
            return value
        case bool() | int():
            return msgspec.json.encode(value).decode()
        case _:
            text = msgspec.json.encode(value).decode()
            return text if len(text) <= CELL_MAX else text[: CELL_MAX - 1] + "…"
