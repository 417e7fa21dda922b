from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from infra.event_store import GENESIS, Cut, Recorded
from infra.local.postgres import Postgres
from infra.migrations import read_schema, writer_role
from infra.read_store import START as NOWHERE
from infra.read_store import Checkpoint, CheckpointMovedError, DueTimer, Effect, Parked, ReadStore
from infra.read_store.memory import MemoryReadStore
from infra.read_store.postgres import PostgresReadStore
from infra.service import Column, Row, Table
from schemas.decision import Origin
from tests.ledgers import START, fresh_ledger

LOG, SHARD = "contracts", 1
LINES = Table(
    name="line",
    columns=(
        Column("contract", "text"),
        Column("gpus", "bigint"),
        Column("starts_at", "timestamptz"),
        Column("proof", "bytea", optional=True),
        Column("terms", "jsonb", optional=True),
        Column("note", "text", optional=True),
    ),
    index=(("contract",), ("contract", "gpus")),
)
PARTIES = Table(name="party", columns=(Column("name", "text"),))


@pytest_asyncio.fixture
async def store(server: Postgres | None) -> AsyncIterator[ReadStore]:
    if server is None:
        yield await prepared(MemoryReadStore())
        return
    async with fresh_ledger(server.dsn) as ledger, ledger.database(writer_role("contracts")) as database:
        yield await prepared(PostgresReadStore(database, read_schema("contracts")))


async def prepared(store: ReadStore) -> ReadStore:
    await store.prepare([LINES, PARTIES])
    return store


def recorded(position: int, shard: int = SHARD) -> Recorded:
    return Recorded(
        log=LOG,
        shard=shard,
        position=position,
        tenant="acme",
        counterparty=None,
        stream="contract-a",
        version=position,
        event_id=UUID(int=position),
        type="tests.Happened.v1",
        effective_at=START,
        recorded_at=START + timedelta(seconds=position),
        payload=b"{}",
        meta_bytes=b"{}",
        chain=bytes([position]) * 32,
    )


def reached(position: int) -> Checkpoint:
    return NOWHERE if position == 0 else Checkpoint(position, bytes([position]) * 32)


def effect(
    seen: int,
    to: int,
    *rows: tuple[Recorded, Row],
    timers: tuple[DueTimer, ...] = (),
    parked: tuple[Parked, ...] = (),
    shard: int = SHARD,
) -> Effect:
    return Effect(
        consumer="lines",
        log=LOG,
        shard=shard,
        seen=reached(seen),
        reached=reached(to),
        rows=rows,
        timers=timers,
        parked=parked,
    )


def line(position: int, contract: str = "a", shard: int = SHARD, **more: object) -> tuple[Recorded, Row]:
    values = {"contract": contract, "gpus": position, "starts_at": START, **more}
    return recorded(position, shard), Row("line", values)


def timer(id_: str, seconds: int, stream: str = "contract-a", kind: str = "due") -> DueTimer:
    return DueTimer(
        id=id_,
        service="contracts",
        due=START + timedelta(seconds=seconds),
        kind=kind,
        stream=stream,
        origin=Origin(LOG, SHARD, 7),
        command_type="tests.Announce.v1",
        command=b'{"a":1}',
    )


def parked(position: int, consumer: str = "lines", reason: str = "unknown type") -> Parked:
    return Parked(
        consumer=consumer,
        log=LOG,
        shard=SHARD,
        position=position,
        tenant="acme",
        stream="contract-a",
        reason=reason,
        at=START,
    )


async def test_a_checkpoint_starts_at_nothing_and_moves_with_its_effect(store: ReadStore) -> None:
    assert await store.checkpoint("lines", LOG, SHARD) == Checkpoint(0, GENESIS)
    await store.apply(effect(0, 2, line(1), line(2)))
    assert await store.checkpoint("lines", LOG, SHARD) == reached(2)
    assert await store.checkpoint("lines", LOG, 0) == NOWHERE
    assert await store.checkpoint("others", LOG, SHARD) == NOWHERE


async def test_who_has_seen_another_checkpoint_changes_nothing(store: ReadStore) -> None:
    await store.apply(effect(0, 2, line(1), line(2)))
    for late in (effect(0, 1, line(1)), effect(1, 3, line(3), timers=(timer("t", 1),), parked=(parked(3),))):
        with pytest.raises(CheckpointMovedError):
            await store.apply(late)
    same_position = msgspec.structs.replace(effect(2, 3, line(3)), seen=Checkpoint(2, b"x" * 32))
    with pytest.raises(CheckpointMovedError):
        await store.apply(same_position)
    assert await store.checkpoint("lines", LOG, SHARD) == reached(2)
    assert len(await store.rows("line", {}, None)) == 2
    assert await store.due("contracts", START + timedelta(days=1)) == []
    assert await store.parked() == []


async def test_rows_come_back_as_given_with_the_place_of_their_event(store: ReadStore) -> None:
    terms = {"fee": "12.50", "lines": [1, 2, {"b": None}], "big": 2**60}
    full = line(1, proof=b"\x00\xff", terms=terms, note="zażółć")
    await store.apply(effect(0, 1, full))
    (row,) = await store.rows("line", {}, None)
    assert row == {
        "contract": "a",
        "gpus": 1,
        "starts_at": START,
        "proof": b"\x00\xff",
        "terms": terms,
        "note": "zażółć",
        "log": LOG,
        "shard": SHARD,
        "position": 1,
        "ordinal": 0,
        "recorded_at": START + timedelta(seconds=1),
    }


async def test_the_rows_of_one_event_are_counted_in_each_table(store: ReadStore) -> None:
    party = (recorded(1), Row("party", {"name": "acme"}))
    await store.apply(effect(0, 2, line(1), party, line(1, "b"), line(2)))
    rows = await store.rows("line", {}, None)
    assert [(row["position"], row["ordinal"], row["contract"]) for row in rows] == [
        (1, 0, "a"),
        (1, 1, "b"),
        (2, 0, "a"),
    ]
    assert [row["ordinal"] for row in await store.rows("party", {}, None)] == [0]


async def test_rows_are_found_by_what_they_equal(store: ReadStore) -> None:
    rows = [line(1), line(2, "b", note="x"), line(3, terms=[1]), line(4, "b")]
    await store.apply(effect(0, 4, *rows))

    async def found(**where: object) -> list[int]:
        return [row["position"] for row in await store.rows("line", where, None)]

    assert await found(contract="b") == [2, 4]
    assert await found(contract="b", gpus=4) == [4]
    assert await found(note=None, contract="b") == [4]
    assert await found(terms=[1]) == [3]
    assert await found(starts_at=START, shard=SHARD) == [1, 2, 3, 4]
    assert await found(contract="'; drop table line --") == []


async def test_rows_of_events_after_the_cut_are_not_there(store: ReadStore) -> None:
    await store.apply(effect(0, 3, line(1), line(2), line(3)))
    await store.apply(effect(0, 1, line(1, shard=2), shard=2))

    async def at(positions: dict[tuple[str, int], int]) -> list[tuple[int, int]]:
        rows = await store.rows("line", {"contract": "a"}, Cut(positions))
        return [(row["shard"], row["position"]) for row in rows]

    assert await at({(LOG, SHARD): 2}) == [(SHARD, 1), (SHARD, 2)]
    assert await at({(LOG, SHARD): 9, (LOG, 2): 1}) == [(SHARD, 1), (SHARD, 2), (SHARD, 3), (2, 1)]
    assert await at({("capacity", SHARD): 9}) == []
    assert await at({}) == []


async def test_preparing_tables_twice_keeps_their_rows(store: ReadStore) -> None:
    await store.apply(effect(0, 1, line(1)))
    await store.prepare([LINES, PARTIES])
    assert len(await store.rows("line", {}, None)) == 1


async def test_due_timers_come_by_time_then_stream_then_kind_then_id(store: ReadStore) -> None:
    timers = (
        timer("t4", 2),
        timer("t3", 1, "contract-b"),
        timer("t2", 1, kind="z"),
        timer("t1", 1, kind="a"),
        timer("t0", 1, kind="a"),
        timer("t5", 9),
    )
    await store.apply(effect(0, 1, timers=timers))
    due = await store.due("contracts", START + timedelta(seconds=2))
    assert [found.id for found in due] == ["t0", "t1", "t2", "t3", "t4"]
    assert due[0] == timers[4]
    assert await store.due("capacity", START + timedelta(days=1)) == []


async def test_a_fired_timer_never_comes_back(store: ReadStore) -> None:
    await store.apply(effect(0, 1, timers=(timer("t1", 1), timer("t2", 2))))
    await store.fired("contracts", "t1")
    await store.fired("contracts", "t1")
    await store.apply(effect(1, 2, timers=(timer("t1", 1),)))
    assert [found.id for found in await store.due("contracts", START + timedelta(days=1))] == ["t2"]


async def test_what_is_parked_stays_until_it_is_taken_out(store: ReadStore) -> None:
    await store.apply(effect(0, 3, parked=(parked(3), parked(2))))
    other = msgspec.structs.replace(
        effect(0, 1, parked=(parked(1, "others"),)),
        consumer="others",
    )
    await store.apply(other)
    assert await store.parked() == [parked(2), parked(3), parked(1, "others")]
    assert await store.parked("lines") == [parked(2), parked(3)]
    await store.apply(effect(3, 4, parked=(parked(3, reason="another"),)))
    await store.unpark(parked(2))
    await store.unpark(parked(2))
    assert await store.parked("lines") == [parked(3, reason="another")]
