"""Sums of a read model's rows, as one statement: what is corrected counts once, time is cut at bounds."""

from collections.abc import Mapping
from typing import Any

from infra.database import quoted
from infra.event_store import Cut
from infra.read_store.tables import FILE, conditions
from infra.service import Table
from infra.statements import statement
from infra.sums import Latest, Summing


class _Query:
    """A statement on one table while it is put together, with its parameters."""

    def __init__(self, schema: str, table: Table, where: Mapping[str, Any]) -> None:
        found, self.values = conditions(table, where)
        self.conditions = list(found)
        self._names = {"schema": quoted(schema), "table": quoted(table.name)}

    def value(self, value: Any, kind: str) -> str:
        """Return the place of one more parameter."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"

    def last_known(self, cut: Cut) -> str:
        """Return the last position that a cut holds of a row's shard: one array a log, by shard."""
        logs: dict[str, dict[int, int]] = {}
        for (log, shard), position in cut.positions.items():
            logs.setdefault(log, {})[shard] = position
        cases = [
            f"when {self.value(log, 'text')} then coalesce(({self.value(_by_shard(found), 'bigint[]')})"
            "[t.shard + 1], 0)"
            for log, found in sorted(logs.items())
        ]
        return f"(case t.log {' '.join(cases)} else 0 end)" if cases else "0"

    def within(self, cut: Cut | None) -> None:
        """Take only rows that lie in a cut."""
        if cut is not None:
            self.conditions.append(f"t.position <= {self.last_known(cut)}")

    def text(self, name: str, **names: str) -> str:
        """Return a statement with everything filled in."""
        met = " and ".join(self.conditions)
        return statement(FILE, name, **self._names, conditions=met, **names)


def totals(schema: str, table: Table, summing: Summing, cut: Cut | None) -> tuple[str, list[Any]]:
    """Return the statement that sums rows, and its parameters."""
    query = _Query(schema, table, summing.where)
    query.within(cut)
    of_all = " and ".join(query.conditions)
    if summing.before is not None:
        column, bound = summing.before
        kind = next(found.kind for found in table.columns if found.name == column)
        query.conditions.append(f"t.{quoted(column)} < {query.value(bound, kind)}")
    groups = [f"t.{quoted(name)}" for name in summing.by] + ["t.log", "t.shard"]
    rows = [*groups, f"t.{quoted(summing.total)} as amount"]
    apart, edges = list(groups), ""
    if summing.spans is not None:
        bounds = query.value(list(summing.spans.bounds), "bigint[]")
        start, end = f"t.{quoted(summing.spans.start)}", f"t.{quoted(summing.spans.end)}"
        query.conditions += [f"{end} > ({bounds})[1]", f"{start} < ({bounds})[{len(summing.spans.bounds)}]"]
        rows += _spans(start, end, bounds)
        apart += ["t.span", *(f"(case when t.span is null then t.{part} end)" for part in _CROSSING)]
        edges = _EDGES.replace("{bounds}", bounds)
    names = {"groups": ", ".join(groups), "rows": ", ".join(rows), "apart": ", ".join(apart), "edges": edges}
    if summing.latest is None:
        return query.text("totals", **names), query.values
    latest = {**_same(summing.latest), "conditions_of_all": of_all}
    return query.text("totals_of_latest", **names, **latest), query.values


def touched_from(
    schema: str,
    table: Table,
    where: Mapping[str, Any],
    column: str,
    latest: Latest,
    news: tuple[Cut, Cut | None],
) -> tuple[str, list[Any]]:
    """Return the statement that finds the least value among what is new, and its parameters."""
    query = _Query(schema, table, where)
    since, cut = news
    query.within(cut)
    fresh = f"t.position > {query.last_known(since)}"
    return query.text("touched_from", column=quoted(column), news=fresh, **_same(latest)), query.values


_CROSSING = ("position", "ordinal")
_EDGES = (
    ", case when t.span is null then min(t.span_start) else ({bounds})[t.span] end as start"
    ", case when t.span is null then min(t.span_end) else ({bounds})[t.span + 1] end as end"
)


def _spans(start: str, end: str, bounds: str) -> list[str]:
    """Return what a row adds where time is cut: its span, null if it crosses a bound, and its own edges."""
    bucket = f"width_bucket({start}, {bounds})"
    span = f"case when {end} <= ({bounds})[{bucket} + 1] then {bucket} end"
    return [f"{span} as span", f"{start} as span_start", f"{end} as span_end", "t.position", "t.ordinal"]


def _same(latest: Latest) -> dict[str, str]:
    return {
        "key": ", ".join(f"t.{quoted(name)}" for name in latest.key),
        "same_key": " and ".join(f"t.{quoted(name)} = r.{quoted(name)}" for name in latest.key),
        "revises": quoted(latest.revises),
    }


def _by_shard(found: Mapping[int, int]) -> list[int]:
    return [found.get(shard, 0) for shard in range(max(found) + 1)]
