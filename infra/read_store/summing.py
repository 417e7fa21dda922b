"""Sums of a read model's rows, made in the database: time is cut at bounds, what is corrected counts once."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from infra.database import POSITION_MAX, Connection, quoted
from infra.event_store import Cut
from infra.read_store.tables import FILE, conditions
from infra.service import Table
from infra.statements import statement
from infra.sums import Latest, Spans, Summing

Sums = dict[tuple[Any, ...], dict[str, Any]]


class _Query:
    """A statement on one table while it is put together, with its parameters."""

    def __init__(self, schema: str, table: Table, where: Mapping[str, Any]) -> None:
        met, self.values = conditions(table, where)
        self.where = " and ".join(met)
        self._table = table
        self._names = {"schema": quoted(schema), "table": quoted(table.name), "where": self.where}

    def value(self, value: Any, kind: str) -> str:
        """Return the place of one more parameter."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"

    def below(self, column: str, bound: Any) -> str:
        """Return the condition that a column lies below a value."""
        kind = next(found.kind for found in self._table.columns if found.name == column)
        return f"t.{quoted(column)} < {self.value(bound, kind)}"

    def last_known(self, cut: Cut | None, row: str = "t") -> str:
        """Return the last position that a cut holds of a row's shard: one array a log, by shard."""
        if cut is None:
            return str(POSITION_MAX)
        logs: dict[str, dict[int, int]] = {}
        for (log, shard), position in cut.positions.items():
            logs.setdefault(log, {})[shard] = position
        cases = [
            f"when {self.value(log, 'text')} then coalesce(({self.value(_by_shard(found), 'bigint[]')})"
            f"[{row}.shard + 1], 0)"
            for log, found in sorted(logs.items())
        ]
        return f"(case {row}.log {' '.join(cases)} else 0 end)" if cases else "0"

    def known(self, cut: Cut | None) -> str:
        """Return the condition that a row lies in a cut."""
        return f"t.position <= {self.last_known(cut)}"

    def text(self, name: str, **names: str) -> str:
        """Return a statement with everything filled in."""
        return statement(FILE, name, **self._names, **names)


async def totals(
    connection: Connection, schema: str, table: Table, summing: Summing, cut: Cut | None
) -> Sequence[Mapping[str, Any]]:
    """Return sums (`infra.read_store.ReadStore.totals`), from one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        gone = await _replaced(connection, schema, table, summing, cut)
        await connection.execute(statement(FILE, "sum_by_hashing"))
        if summing.spans is None:
            found = await _sums(connection, schema, table, summing, cut)
        else:
            found = await _in_spans(connection, schema, table, (summing, summing.spans), cut)
        for row in gone:
            _take_off(found, row, summing)
    return [row for row in found.values() if row["count"]]


async def _sums(connection: Connection, schema: str, table: Table, summing: Summing, cut: Cut | None) -> Sums:
    query = _Query(schema, table, summing.where)
    met = [query.where, *_counted(query, summing)]
    text = query.text(
        "totals",
        conditions=" and ".join(met),
        known=query.known(cut),
        by=_listed(summing.by),
        total=quoted(summing.total),
    )
    names = (*summing.by, "log", "shard")
    rows = await connection.fetch(text, *query.values)
    return {tuple(row[name] for name in names): dict(row.items()) for row in rows}


async def _in_spans(
    connection: Connection, schema: str, table: Table, asked: tuple[Summing, Spans], cut: Cut | None
) -> Sums:
    summing, spans = asked
    query, bounds = _Query(schema, table, summing.where), list(spans.bounds)
    met = [query.where, *_counted(query, summing)]
    by = _listed(summing.by)
    text = query.text(
        "totals_in_spans",
        conditions=" and ".join(met),
        last_known=query.last_known(cut, "p"),
        lows=query.value(bounds, "bigint[]"),
        highs=query.value([*bounds[1:], POSITION_MAX], "bigint[]"),
        last=query.value(bounds[-1], "bigint"),
        by=by,
        group=f"group by {by.removesuffix(', ')}" if by else "",
        total=quoted(summing.total),
        start=quoted(spans.start),
        end=quoted(spans.end),
    )
    found: Sums = {}
    for row in await connection.fetch(text, *query.values):
        own = {name: row[name] for name in (*summing.by, "log", "shard")}
        if row["inside"]:
            edges = {"start": row["lo"], "end": row["hi"]}
            found[*own.values(), row["lo"]] = {**own, "total": row["total"], **edges, "count": row["inside"]}
        for position, ordinal, start, end, amount in row["alone"] or ():
            edges = {"start": start, "end": end}
            found[*own.values(), position, ordinal] = {**own, "total": amount, **edges, "count": 1}
    return found


async def _replaced(
    connection: Connection, schema: str, table: Table, summing: Summing, cut: Cut | None
) -> Sequence[Mapping[str, Any]]:
    if summing.latest is None:
        return []
    query = _Query(schema, table, summing.where)
    text = query.text("replaced", known=query.known(cut), **_same(summing.latest))
    return [dict(row.items()) for row in await connection.fetch(text, *query.values)]


def _take_off(found: Sums, row: Mapping[str, Any], summing: Summing) -> None:
    """Take a row that was replaced off the sum that counts it, if any does."""
    if summing.before is not None and not row[summing.before[0]] < summing.before[1]:
        return
    own = tuple(row[name] for name in (*summing.by, "log", "shard"))
    key: tuple[Any, ...] = own
    if summing.spans is not None:
        start, end, bounds = row[summing.spans.start], row[summing.spans.end], summing.spans.bounds
        index = bisect_right(bounds, start)
        inside = 0 < index < len(bounds) and end <= bounds[index]
        key = (*own, bounds[index - 1]) if inside else (*own, row["position"], row["ordinal"])
    counted = found.get(key)
    if counted is not None:
        counted["total"] -= row[summing.total]
        counted["count"] -= 1


async def touched_from(
    connection: Connection,
    schema: str,
    table: Table,
    where: Mapping[str, Any],
    column: str,
    latest: Latest,
    news: tuple[Cut, Cut | None],
) -> int | None:
    """Return the least value among what is new (`infra.read_store.ReadStore.touched_from`)."""
    query = _Query(schema, table, where)
    since, cut = news
    fresh = f"t.position > {query.last_known(since)}"
    text = query.text(
        "touched_from", column=quoted(column), known=query.known(cut), news=fresh, **_same(latest)
    )
    found: int | None = await connection.fetchval(text, *query.values)
    return found


def _counted(query: _Query, summing: Summing) -> list[str]:
    """Return what holds of the rows that are summed; the index over what is summed begins with `revises`."""
    met = [] if summing.before is None else [query.below(*summing.before)]
    return met if summing.latest is None else [*met, f"t.{quoted(summing.latest.revises)} in (0, 1)"]


def _listed(names: Sequence[str]) -> str:
    return "".join(f"t.{quoted(name)}, " for name in names)


def _same(latest: Latest) -> dict[str, str]:
    return {
        "key": ", ".join(f"t.{quoted(name)}" for name in latest.key),
        "same_key": " and ".join(f"t.{quoted(name)} = r.{quoted(name)}" for name in latest.key),
        "revises": quoted(latest.revises),
    }


def _by_shard(found: Mapping[int, int]) -> list[int]:
    return [found.get(shard, 0) for shard in range(max(found) + 1)]
