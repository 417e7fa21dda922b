"""A read store in memory: for tests, scenario runs and the simulation."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from infra.event_store import Cut, Recorded, UnbalancedError
from infra.read_store import (
    START,
    Checkpoint,
    CheckpointMovedError,
    DueTimer,
    Effect,
    Parked,
)
from infra.service import Postings, Projection, Row, Table
from infra.sums import Between, Latest, Spans, Summing

SYSTEM = ("log", "shard", "position", "ordinal", "recorded_at")
ReadRow = Mapping[str, Any]


class MemoryReadStore:
    """Rows, checkpoints, timers and quarantine of one service."""

    def __init__(self) -> None:
        """Start empty."""
        self._tables: dict[str, list[dict[str, Any]]] = {}
        self._columns: dict[str, tuple[str, ...]] = {}
        self._checkpoints: dict[tuple[str, str, int], Checkpoint] = {}
        self._timers: dict[tuple[str, str], DueTimer] = {}
        self._fired: set[tuple[str, str]] = set()
        self._parked: dict[tuple[str, str, int, int], Parked] = {}
        self._indexed: dict[tuple[str, str], dict[Any, list[dict[str, Any]]]] = {}
        self._postings: dict[str, Postings] = {}
        self._balances: defaultdict[tuple[Any, ...], int] = defaultdict(int)

    async def checkpoint(self, consumer: str, log: str, shard: int) -> Checkpoint:
        """See `ReadStore.checkpoint`."""
        return self._checkpoints.get((consumer, log, shard), START)

    async def apply(self, effect: Effect) -> None:
        """See `ReadStore.apply`."""
        key = (effect.consumer, effect.log, effect.shard)
        if self._checkpoints.get(key, START) != effect.seen:
            raise CheckpointMovedError(f"{key}: not at position {effect.seen.position}")
        for parked in effect.unparked:
            if (parked.consumer, parked.log, parked.shard, parked.position) not in self._parked:
                raise CheckpointMovedError(f"{key}: position {parked.position} is no longer in quarantine")
        self._check_postings(effect.rows)
        ordinals: dict[tuple[int, str], int] = {}
        for recorded, row in effect.rows:
            ordinal = ordinals.get((recorded.position, row.table), 0)
            ordinals[recorded.position, row.table] = ordinal + 1
            self._add(recorded, row, ordinal)
        if effect.unparked:
            self._run_anew({row.table for _, row in effect.rows} & self._postings.keys())
        for timer in effect.timers:
            self._timers.setdefault((timer.service, timer.id), timer)
        for parked in effect.parked:
            self._parked[parked.consumer, parked.log, parked.shard, parked.position] = parked
        for parked in effect.unparked:
            await self.unpark(parked)
        self._checkpoints[key] = effect.reached

    async def prepare(self, tables: Sequence[Table]) -> None:
        """See `ReadStore.prepare`."""
        for table in tables:
            self._tables.setdefault(table.name, [])
            self._columns[table.name] = tuple(column.name for column in table.columns)
            if table.postings is not None:
                self._postings[table.name] = table.postings
            for index in table.index:
                self._indexed.setdefault((table.name, index[0]), {})

    async def rows(
        self, table: str, where: Mapping[str, Any], cut: Cut | None, *between: Between
    ) -> Sequence[Mapping[str, Any]]:
        """See `ReadStore.rows`."""
        found = [
            row
            for row in self._candidates(table, where)
            if all(row[column] == value for column, value in where.items())
            and (cut is None or row["position"] <= cut.position(row["log"], row["shard"]))
            and all(one.low <= row[one.column] < one.high for one in between)
        ]
        return sorted(found, key=place_of)

    async def totals(self, table: str, summing: Summing, cut: Cut | None) -> Sequence[Mapping[str, Any]]:
        """See `ReadStore.totals`."""
        rows = await self.rows(table, summing.where, cut)
        if summing.latest is not None:
            rows = last_of_each(rows, summing.latest)
        if summing.before is not None:
            column, bound = summing.before
            rows = [row for row in rows if row[column] < bound]
        names = (*summing.by, "log", "shard")
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in rows:
            there, within = ({}, ()) if summing.spans is None else _span(row, summing.spans)
            if there is None:
                continue
            key = (*(row[name] for name in names), *within)
            own = {name: row[name] for name in names}
            made = found.setdefault(key, {**own, "total": 0, "count": 0, **there})
            made["total"] += row[summing.total]
            made["count"] += 1
        return list(found.values())

    async def touched_from(
        self, table: str, where: Mapping[str, Any], column: str, latest: Latest, news: tuple[Cut, Cut | None]
    ) -> int | None:
        """See `ReadStore.touched_from`."""
        since, cut = news
        rows = await self.rows(table, where, cut)
        fresh = [row for row in rows if row["position"] > since.position(row["log"], row["shard"])]
        revised = {_key(row, latest) for row in fresh if row[latest.revises]}
        replaced = [row for row in rows if _key(row, latest) in revised]
        return min((row[column] for row in (*fresh, *replaced)), default=None)

    async def due(self, service: str, until: datetime) -> Sequence[DueTimer]:
        """See `ReadStore.due`."""
        found = [timer for timer in self._open(service) if timer.due <= until]
        return sorted(found, key=lambda timer: (timer.due, timer.stream, timer.kind, timer.id))

    async def fired(self, service: str, timer: str) -> None:
        """See `ReadStore.fired`."""
        self._fired.add((service, timer))

    async def parked(self, consumer: str | None = None) -> Sequence[Parked]:
        """See `ReadStore.parked`."""
        kept = sorted(self._parked.items())
        return [parked for (name, *_), parked in kept if consumer is None or name == consumer]

    async def unpark(self, parked: Parked) -> None:
        """See `ReadStore.unpark`."""
        self._parked.pop((parked.consumer, parked.log, parked.shard, parked.position), None)

    def adopt(self, projection: Projection, made: "MemoryReadStore") -> bool:
        """Take rows, checkpoints and quarantine of one projection from a store in which it was made anew.

        Returns whether it was done: not if this store's projection has consumed more.
        """
        anew = made.checkpoints(projection.name)
        for key, there in self.checkpoints(projection.name).items():
            if there.position > anew.get(key, START).position:
                return False
        self._checkpoints |= anew
        self._balances |= made._balances  # noqa: SLF001 a store like this one, of this projection alone
        for table in projection.tables:
            self._tables[table.name] = made._tables[table.name]  # noqa: SLF001
            for index in [index for index in self._indexed if index[0] == table.name]:
                self._indexed[index] = made._indexed.get(index, {})  # noqa: SLF001
        for place in [place for place in self._parked if place[0] == projection.name]:
            del self._parked[place]
        parked = made._parked.items()  # noqa: SLF001
        self._parked |= {place: one for place, one in parked if place[0] == projection.name}
        return True

    def checkpoints(self, consumer: str) -> dict[tuple[str, str, int], Checkpoint]:
        """Return how far a consumer reaches everywhere, by (consumer, log, shard)."""
        return {key: at for key, at in self._checkpoints.items() if key[0] == consumer}

    def _open(self, service: str) -> list[DueTimer]:
        return [timer for key, timer in self._timers.items() if key[0] == service and key not in self._fired]

    def _check_postings(self, rows: Sequence[tuple[Recorded, Row]]) -> None:
        sums: defaultdict[tuple[Any, ...], int] = defaultdict(int)
        for recorded, row in rows:
            postings = self._postings.get(row.table)
            if postings is not None:
                group = tuple(row.values[column] for column in postings.group)
                sums[row.table, recorded.position, *group] += row.values[postings.amount]
        if any(sums.values()):
            raise UnbalancedError("the postings of a group do not sum to zero")

    def _add(self, recorded: Recorded, row: Row, ordinal: int) -> None:
        columns = self._columns[row.table]
        unknown = set(row.values) - set(columns)
        assert not unknown, f"{row.table} has no column {sorted(unknown)}"
        place = (recorded.log, recorded.shard, recorded.position, ordinal, recorded.recorded_at)
        values = dict(row.values)
        postings = self._postings.get(row.table)
        if postings is not None:
            account = (row.table, *(values[column] for column in postings.account))
            self._balances[account] += values[postings.amount]
            values[postings.balance] = self._balances[account]
        kept = {
            **{column: values.get(column) for column in columns},
            **dict(zip(SYSTEM, place, strict=True)),
        }
        self._tables[row.table].append(kept)
        for (table, column), index in self._indexed.items():
            if table == row.table:
                index.setdefault(kept[column], []).append(kept)

    def _run_anew(self, tables: AbstractSet[str]) -> None:
        """Let balances run anew where postings came late, between others that are there."""
        for table in tables:
            postings, running = self._postings[table], defaultdict[tuple[Any, ...], int](int)
            for row in sorted(self._tables[table], key=place_of):
                account = tuple(row[column] for column in postings.account)
                running[account] += row[postings.amount]
                row[postings.balance] = running[account]

    def _candidates(self, table: str, where: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        for column, value in where.items():
            index = self._indexed.get((table, column))
            if index is not None:
                return index.get(value, [])
        return self._tables[table]


def place_of(row: ReadRow) -> tuple[str, int, int, int]:
    """Return where a row's event lies, and its number among the rows of that event."""
    return row["log"], row["shard"], row["position"], row["ordinal"]


def last_of_each(rows: Sequence[ReadRow], latest: Latest) -> list[ReadRow]:
    """Return the last row of each key, given rows in order of place."""
    return list({_key(row, latest): row for row in rows}.values())


def _key(row: ReadRow, latest: Latest) -> tuple[Any, ...]:
    return tuple(row[name] for name in latest.key)


def _span(row: ReadRow, spans: Spans) -> tuple[dict[str, int] | None, tuple[Any, ...]]:
    """Return the span of a row, and what tells its sum from others; None for a row outside the bounds."""
    start, end, bounds = row[spans.start], row[spans.end], spans.bounds
    if end <= bounds[0] or start >= bounds[-1]:
        return None, ()
    index = bisect_right(bounds, start)
    if index and end <= bounds[index]:
        return {"start": bounds[index - 1], "end": bounds[index]}, (index,)
    return {"start": start, "end": end}, (None, row["position"], row["ordinal"])
