"""What each role may do, and what nobody may do."""

import asyncpg
import pytest

from infra.database import Database, connect
from infra.event_store.postgres import PartyReader, UnsafeDatabaseError, refuse_unsafe
from tests.conformance.batches import batch, command, event, fill
from tests.ledgers import PLAN, LedgerDatabase

pytestmark = pytest.mark.stack

DENIED = asyncpg.InsufficientPrivilegeError


async def execute(database: Database, sql: str) -> None:
    async with database.appending() as connection:
        await connection.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "insert into contracts.event select * from contracts.event",
        "update contracts.event set payload = ''",
        "delete from contracts.event",
        "truncate contracts.event",
        "update contracts.shard_head set position = 0",
        "update contracts.stream_head set version = 0",
        "delete from contracts.command",
        "insert into contracts.placement values ('x', 1)",
        "select * from contracts.event_0",
        "select capacity.hold(0)",
        "select * from capacity.command",
        "select * from settlement_read.checkpoint",
        "update ledger.clock set at = now()",
        "delete from ledger.audit",
        "create table contracts.mine ()",
        "set role capledger_owner",
    ],
)
async def test_a_service_may_only_do_what_is_its_own(ledger: LedgerDatabase, sql: str) -> None:
    async with ledger.database("capledger_contracts") as database:
        with pytest.raises(DENIED):
            await execute(database, sql)


@pytest.mark.parametrize("role", ["capledger_operations", "capledger_reader"])
@pytest.mark.parametrize(
    "sql",
    [
        "select contracts.hold(0)",
        "delete from contracts.snapshot",
        "select ledger.advance('2030-01-01')",
        "create table public.mine ()",
    ],
)
async def test_operations_and_reader_change_nothing(ledger: LedgerDatabase, role: str, sql: str) -> None:
    async with ledger.database(role) as database:
        with pytest.raises((DENIED, asyncpg.ReadOnlySQLTransactionError)):
            await execute(database, f"set default_transaction_read_only = off; {sql}")


@pytest.mark.parametrize(
    "sql",
    [
        "update contracts.event set payload = ''",
        "delete from contracts.event where position = 1",
        "delete from contracts.event_0",
        "truncate contracts.event",
        "truncate contracts.event_0",
        "truncate ledger.audit",
    ],
)
async def test_even_an_administrators_slip_changes_no_event(ledger: LedgerDatabase, sql: str) -> None:
    async with ledger.store() as store:
        await fill(store, "contract-a", range(1, 3))
    async with ledger.admin() as database:
        with pytest.raises(asyncpg.RestrictViolationError):
            await execute(database, sql)


async def test_another_service_reads_the_log_and_its_heads(ledger: LedgerDatabase) -> None:
    async with ledger.store() as own, ledger.store("settlement") as other:
        shard = await fill(own, "contract-a", range(1, 3))
        assert await other.shard("contracts", shard, 0) == await own.shard("contracts", shard, 0)
        assert await other.stream("contracts", "acme", "contract-a") != []
        assert (await other.heads("contracts"))[shard].position == 2
        assert (await other.streams("contracts", "acme", "contract")) != []
        with pytest.raises(DENIED):
            await other.writer("contracts", shard).append(batch(command("x", event("contract-a", 3))))


async def test_the_reader_sees_the_events_of_the_party_named_and_of_nobody_else(
    ledger: LedgerDatabase,
) -> None:
    async with ledger.store() as store, ledger.database("capledger_reader") as database:
        shard = await fill(store, "contract-a", range(1, 3))
        parts = [event("contract-b", 1, counterparty="buyer"), event("contract-b", 2, counterparty="rival")]
        await store.writer("contracts", shard).append(batch(command("b", *parts)))
        reader = PartyReader(database)
        seen = {
            party: [r.position for r in await reader.shard("contracts", shard, party, 0)]
            for party in ("acme", "buyer", "rival", "stranger", "")
        }
        assert seen == {"acme": [1, 2, 3, 4], "buyer": [3], "rival": [4], "stranger": [], "": []}
        assert [r.position for r in await reader.shard("contracts", shard, "acme", 1, up_to=3, limit=1)] == [
            2
        ]
        async with database.reading() as connection:
            assert await connection.fetchval("select count(*) from contracts.event") == 0
            assert await connection.fetchval("select count(*) from contracts.event_json") == 0


async def test_people_see_payloads_as_json(ledger: LedgerDatabase) -> None:
    async with ledger.store() as store, ledger.database("capledger_operations") as database:
        shard = await store.place("contracts", "acme")
        one = command("1", event("contract-a", 1, b'{"fee":"12.50"}'))
        await store.writer("contracts", shard).append(batch(one))
        async with database.reading() as connection:
            fee = await connection.fetchval("select payload->>'fee' from contracts.event_json")
    assert fee == "12.50"


async def test_a_service_starts_on_a_database_as_it_should_be(ledger: LedgerDatabase) -> None:
    async with ledger.database("capledger_contracts") as database:
        await refuse_unsafe(database, tuple(PLAN.logs))


async def test_a_service_refuses_a_superuser(ledger: LedgerDatabase) -> None:
    async with ledger.admin() as database:
        with pytest.raises(UnsafeDatabaseError, match="postgres is a superuser"):
            await refuse_unsafe(database, tuple(PLAN.logs))


async def test_a_service_refuses_a_log_whose_rows_the_reader_sees_all(ledger: LedgerDatabase) -> None:
    faults = (
        "alter table contracts.event disable row level security",
        "drop policy a_party_reads_its_own on capacity.event",
        "create policy everybody on usage.event using (true)",
        "grant select on settlement.event_0 to capledger_reader",
    )
    async with ledger.admin() as admin, ledger.database("capledger_contracts") as database:
        for sql in faults:
            await execute(admin, sql)
        with pytest.raises(UnsafeDatabaseError) as caught:
            await refuse_unsafe(database, tuple(PLAN.logs))
    assert [fault.split()[0] for fault in caught.value.faults] == [f"{log}.event" for log in PLAN.logs]


async def test_a_service_refuses_a_server_that_may_lose_what_it_confirmed(ledger: LedgerDatabase) -> None:
    connection = await connect(ledger.admin_dsn)
    try:
        name = await connection.fetchval("select current_database()")
        await connection.execute(f'alter database "{name}" set synchronous_commit = off')
    finally:
        await connection.close()
    async with ledger.database("capledger_contracts") as database:
        with pytest.raises(UnsafeDatabaseError, match="synchronous_commit is off"):
            await refuse_unsafe(database, tuple(PLAN.logs))
