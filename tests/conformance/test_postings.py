"""Double entry in both stores: groups sum to zero or are not there, balances run, nothing is ever changed."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from infra.event_store import Cut, Recorded, UnbalancedError
from infra.local.postgres import Postgres
from infra.migrations import read_schema, writer_role
from infra.read_store import Checkpoint, Effect, Parked, ReadStore
from infra.read_store.memory import MemoryReadStore
from infra.read_store.postgres import PostgresReadStore
from infra.service import Column, Postings, Row, Table
from infra.sums import Between, Summing
from tests.conformance.test_read_store import LOG, SHARD, reached, recorded
from tests.ledgers import fresh_ledger

BOOK = Table(
    name="posting",
    columns=(
        Column("number", "bigint"),
        Column("account", "text"),
        Column("currency", "text"),
        Column("amount", "bigint"),
        Column("balance", "bigint"),
    ),
    index=(("account", "currency", "amount"),),
    postings=Postings(group=("number",), account=("account", "currency"), amount="amount", balance="balance"),
)


@pytest_asyncio.fixture
async def store(server: Postgres | None) -> AsyncIterator[ReadStore]:
    if server is None:
        memory = MemoryReadStore()
        await memory.prepare([BOOK])
        yield memory
        return
    async with fresh_ledger(server.dsn) as ledger, ledger.database(writer_role("contracts")) as database:
        found = PostgresReadStore(database, read_schema("contracts"))
        await found.prepare([BOOK])
        yield found


def leg(position: int, account: str, amount: int, number: int = 0) -> tuple[Recorded, Row]:
    values = {"number": number, "account": account, "currency": "USD", "amount": amount}
    return recorded(position), Row("posting", values)


def effect(seen: int, to: int, *rows: tuple[Recorded, Row]) -> Effect:
    return Effect(consumer="books", log=LOG, shard=SHARD, seen=reached(seen), reached=reached(to), rows=rows)


async def kept(store: ReadStore) -> list[tuple[int, str, int, int]]:
    rows = await store.rows("posting", {}, None)
    return [(row["position"], row["account"], row["amount"], row["balance"]) for row in rows]


async def test_each_posting_knows_the_balance_of_its_account_after_it(store: ReadStore) -> None:
    await store.apply(
        effect(0, 2, leg(1, "cash", 5), leg(1, "due", -5), leg(2, "cash", 2), leg(2, "due", -2))
    )
    await store.apply(effect(2, 3, leg(3, "cash", -4), leg(3, "fee", 4)))

    assert await kept(store) == [
        (1, "cash", 5, 5),
        (1, "due", -5, -5),
        (2, "cash", 2, 7),
        (2, "due", -2, -7),
        (3, "cash", -4, 3),
        (3, "fee", 4, 4),
    ]


async def test_what_does_not_sum_to_zero_is_not_kept_and_changes_no_balance(store: ReadStore) -> None:
    await store.apply(effect(0, 1, leg(1, "cash", 5), leg(1, "due", -5)))
    for rows in (
        (leg(2, "cash", 1), leg(2, "due", -2)),
        (leg(2, "cash", 1), leg(3, "due", -1)),
        (leg(2, "cash", 1, number=0), leg(2, "due", -1, number=1)),
    ):
        with pytest.raises(UnbalancedError):
            await store.apply(effect(1, 3, *rows))
    assert await store.checkpoint("books", LOG, SHARD) == reached(1)
    await store.apply(effect(1, 2, leg(2, "cash", 1), leg(2, "due", -1)))

    assert (await kept(store))[2:] == [(2, "cash", 1, 6), (2, "due", -1, -6)]


async def test_sums_and_rows_at_a_cut_are_those_of_the_postings_there(store: ReadStore) -> None:
    await store.apply(
        effect(0, 2, leg(1, "cash", 5), leg(1, "due", -5), leg(2, "cash", 2), leg(2, "due", -2))
    )
    summing = Summing(where={"account": "cash"}, by=("currency",), total="amount")

    found = await store.totals("posting", summing, Cut({(LOG, SHARD): 1}))
    between = await store.rows("posting", {"account": "due"}, None, Between("amount", -5, -2))

    assert [(row["total"], row["count"]) for row in found] == [(5, 1)]
    assert [row["amount"] for row in between] == [-5]


def parked(position: int) -> Parked:
    return Parked(
        consumer="books",
        log=LOG,
        shard=SHARD,
        position=position,
        tenant="nimbus",
        stream="account-deal",
        reason="it failed",
        at=recorded(position).recorded_at,
    )


def late(position: int, at: int, *rows: tuple[Recorded, Row]) -> Effect:
    """What an event in quarantine comes to after all, while the consumer stands further on."""
    return msgspec.structs.replace(effect(at, at, *rows), unparked=(parked(position),))


async def test_balances_after_a_posting_that_came_late_run_as_if_it_had_come_in_time(
    store: ReadStore,
) -> None:
    await store.apply(effect(0, 1, leg(1, "cash", 5), leg(1, "due", -5)))
    await store.apply(msgspec.structs.replace(effect(1, 2), parked=(parked(2),)))
    await store.apply(effect(2, 3, leg(3, "cash", 1), leg(3, "fee", -1)))
    await store.apply(late(2, 3, leg(2, "cash", 10), leg(2, "due", -10)))
    await store.apply(effect(3, 4, leg(4, "cash", 100), leg(4, "due", -100)))

    assert await kept(store) == [
        (1, "cash", 5, 5),
        (1, "due", -5, -5),
        (2, "cash", 10, 15),
        (2, "due", -10, -15),
        (3, "cash", 1, 16),
        (3, "fee", -1, -1),
        (4, "cash", 100, 116),
        (4, "due", -100, -115),
    ]


@pytest.mark.stack
async def test_a_process_learns_of_a_posting_that_another_took_out_of_quarantine(postgres: Postgres) -> None:
    async with fresh_ledger(postgres.dsn) as ledger, ledger.database(writer_role("contracts")) as database:
        running, operations = (PostgresReadStore(database, read_schema("contracts")) for _ in range(2))
        for store in (running, operations):
            await store.prepare([BOOK])
        await running.apply(msgspec.structs.replace(effect(0, 1), parked=(parked(1),)))
        await running.apply(effect(1, 2, leg(2, "cash", 2), leg(2, "due", -2)))
        await operations.apply(late(1, 2, leg(1, "cash", 5), leg(1, "due", -5)))
        await running.apply(effect(2, 3, leg(3, "cash", 1), leg(3, "due", -1)))

        assert [row[3] for row in await kept(running) if row[1] == "cash"] == [5, 7, 8]


@pytest.mark.stack
async def test_another_process_goes_on_from_the_balances_that_are_there(postgres: Postgres) -> None:
    async with fresh_ledger(postgres.dsn) as ledger, ledger.database(writer_role("contracts")) as database:
        one, other = (PostgresReadStore(database, read_schema("contracts")) for _ in range(2))
        for store in (one, other):
            await store.prepare([BOOK])
        await one.apply(effect(0, 1, leg(1, "cash", 5), leg(1, "due", -5)))
        await other.apply(effect(1, 2, leg(2, "cash", 2), leg(2, "due", -2)))
        await one.apply(effect(2, 3, leg(3, "cash", 1), leg(3, "due", -1)))

        assert [row[3] for row in await kept(one) if row[1] == "cash"] == [5, 7, 8]
        assert await one.checkpoint("books", LOG, SHARD) == Checkpoint(3, bytes([3]) * 32)


@pytest.mark.stack
@pytest.mark.parametrize("change", ["update {} set amount = 0", "delete from {}", "truncate {}"])
async def test_nobody_changes_a_posting(postgres: Postgres, change: str) -> None:
    async with fresh_ledger(postgres.dsn) as ledger, ledger.database(writer_role("contracts")) as database:
        store = PostgresReadStore(database, read_schema("contracts"))
        await store.prepare([BOOK])
        await store.apply(effect(0, 1, leg(1, "cash", 5), leg(1, "due", -5)))
        async with database.appending() as connection:
            with pytest.raises(Exception, match="postings are never changed"):
                await connection.execute(change.format("contracts_read.posting_v1"))

        assert len(await kept(store)) == 2
