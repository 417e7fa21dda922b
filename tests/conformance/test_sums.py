"""Sums of a read model's rows: both stores give the same, and what a plain loop over the rows gives."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.event_store import Cut, Recorded
from infra.local.postgres import Postgres
from infra.migrations import read_schema, writer_role
from infra.read_store import START as NOWHERE
from infra.read_store import Checkpoint, Effect, ReadStore
from infra.read_store.memory import MemoryReadStore
from infra.read_store.postgres import PostgresReadStore
from infra.service import Column, Row, Table
from infra.sums import Latest, Spans, Summing
from tests.conformance.test_read_store import recorded
from tests.ledgers import fresh_ledger

USE = Table(
    name="use",
    columns=(
        Column("meter", "text"),
        Column("kind", "text"),
        Column("report", "text"),
        Column("revises", "bigint"),
        Column("starts", "bigint"),
        Column("ends", "bigint"),
        Column("quantity", "bigint"),
    ),
    index=(("meter",), ("meter", "report"), ("meter", "revises", "ends", "starts", "kind", "quantity")),
)
LATEST = Latest(key=("report",), revises="revises")
LOG, SHARDS = "contracts", (1, 2)
Use = tuple[int, str, str, bool, int, int, int]


@pytest_asyncio.fixture
async def store(server: Postgres | None) -> AsyncIterator[ReadStore]:
    if server is None:
        yield MemoryReadStore()
        return
    async with fresh_ledger(server.dsn) as ledger, ledger.database(writer_role("contracts")) as database:
        yield PostgresReadStore(database, read_schema("contracts"))


uses = st.lists(
    st.tuples(
        st.sampled_from(SHARDS),
        st.sampled_from("ab"),
        st.sampled_from("xy"),
        st.booleans(),
        st.integers(0, 40),
        st.integers(1, 15),
        st.integers(0, 10**12),
    ),
    max_size=25,
)


def rows_of(found: Sequence[Use]) -> list[tuple[Recorded, Row]]:
    """A report is first told and then revised; which shard it is in hangs on its name."""
    made: list[tuple[Recorded, Row]] = []
    positions: dict[int, int] = defaultdict(int)
    for number, (shard, meter, kind, again, start, length, quantity) in enumerate(found):
        positions[shard] += 1
        values = {
            "meter": meter,
            "kind": kind,
            "report": f"{shard}-again" if again else f"r{number}",
            "revises": int(again),
            "starts": start,
            "ends": start + length,
            "quantity": quantity,
        }
        made.append((recorded(positions[shard], shard), Row("use", values)))
    return made


async def fill(store: ReadStore, consumer: str, rows: Sequence[tuple[Recorded, Row]]) -> None:
    await store.prepare([USE])
    for shard in SHARDS:
        mine = [(event, row) for event, row in rows if event.shard == shard]
        if mine:
            reached = Checkpoint(mine[-1][0].position, bytes(32))
            await store.apply(
                Effect(consumer=consumer, log=LOG, shard=shard, seen=NOWHERE, reached=reached, rows=mine)
            )


def counted(rows: Sequence[tuple[Recorded, Row]], cut: Cut) -> list[Mapping[str, Any]]:
    last: dict[tuple[int, str], Mapping[str, Any]] = {}
    for event, row in rows:
        if row.values["meter"] == "a" and event.position <= cut.position(LOG, event.shard):
            place = {"shard": event.shard, "position": event.position}
            last[event.shard, row.values["report"]] = {**row.values, **place}
    return list(last.values())


Sums = dict[tuple[Any, ...], list[int]]


def summed(rows: Sequence[Mapping[str, Any]], bounds: Sequence[int]) -> Sums:
    sums: Sums = defaultdict(list)
    for row in rows:
        start, end = row["starts"], row["ends"]
        if end <= bounds[0] or start >= bounds[-1]:
            continue
        inside = [(a, b) for a, b in pairwise(bounds) if a <= start and end <= b]
        edges = (*inside[0], None) if inside else (start, end, row["position"])
        sums[row["kind"], row["shard"], *edges].append(row["quantity"])
    return sums


cuts = st.fixed_dictionaries({(LOG, shard): st.integers(0, 20) for shard in SHARDS}).map(Cut)
bounds = st.lists(st.integers(0, 60), min_size=2, max_size=6, unique=True).map(sorted)


@given(uses, cuts, bounds)
@settings(max_examples=60, deadline=None)
async def test_memory_sums_as_a_plain_loop_does(found: list[Use], cut: Cut, marks: list[int]) -> None:
    store, rows = MemoryReadStore(), rows_of(found)
    await fill(store, "use", rows)
    assert await shown(store, cut, marks) == plain(rows, cut, marks)


@given(found=uses, cut=cuts, marks=bounds)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_store_gives_the_same_sums(
    store: ReadStore, found: list[Use], cut: Cut, marks: list[int]
) -> None:
    memory, rows = MemoryReadStore(), rows_of(found)
    await fill(memory, "use", rows)
    await emptied(store)
    await fill(store, "use", rows)
    assert await shown(store, cut, marks) == await shown(memory, cut, marks)
    everything = await store.totals("use", summing(marks, latest=False), None)
    assert by_group(everything) == by_group(await memory.totals("use", summing(marks, latest=False), None))
    for since in (Cut({}), cut):
        asked = ("use", {"meter": "a"}, "starts", LATEST, (since, None))
        assert await store.touched_from(*asked) == await memory.touched_from(*asked)


async def test_only_rows_below_a_value_are_summed(store: ReadStore) -> None:
    await fill(store, "use", rows_of([(1, "a", "x", False, n, 1, 10**n) for n in range(4)]))
    asked = Summing(where={"meter": "a"}, by=("kind",), total="quantity", before=("starts", 2))
    assert [dict(row) for row in await store.totals("use", asked, None)] == [
        {"kind": "x", "log": LOG, "shard": 1, "total": 11, "count": 2}
    ]


async def test_what_is_new_begins_where_it_or_what_it_replaces_begins(store: ReadStore) -> None:
    told = [(1, "a", "x", True, 5, 1, 7), (1, "a", "x", False, 9, 1, 7), (1, "a", "x", True, 30, 1, 8)]
    await fill(store, "use", rows_of(told))

    async def since(position: int, meter: str = "a") -> int | None:
        news = (Cut({(LOG, 1): position}), None)
        return await store.touched_from("use", {"meter": meter}, "starts", LATEST, news)

    assert [await since(position) for position in (0, 1, 2, 3)] == [5, 5, 5, None]
    assert await since(0, "b") is None


async def emptied(store: ReadStore) -> None:
    if isinstance(store, PostgresReadStore):
        await store.prepare([USE])
        async with store._database.appending() as connection:
            await connection.execute("delete from contracts_read.use; delete from contracts_read.checkpoint")
    elif isinstance(store, MemoryReadStore):
        vars(store).update(vars(MemoryReadStore()))


def summing(marks: Sequence[int], *, latest: bool = True) -> Summing:
    return Summing(
        where={"meter": "a"},
        by=("kind",),
        total="quantity",
        latest=LATEST if latest else None,
        spans=Spans(start="starts", end="ends", bounds=tuple(marks)),
    )


def by_group(found: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("kind", "log", "shard", "start", "end", "total", "count")
    return sorted(tuple(row[name] for name in names) for row in found)


async def shown(store: ReadStore, cut: Cut, marks: list[int]) -> list[tuple[Any, ...]]:
    return by_group(await store.totals("use", summing(marks), cut))


def plain(rows: Sequence[tuple[Recorded, Row]], cut: Cut, marks: list[int]) -> list[tuple[Any, ...]]:
    sums = summed(counted(rows, cut), marks)
    return sorted(
        (kind, LOG, shard, start, end, sum(found), len(found))
        for (kind, shard, start, end, _), found in sums.items()
    )
