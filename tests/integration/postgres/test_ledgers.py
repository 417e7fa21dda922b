"""Making, upgrading and dropping ledgers."""

import asyncpg
import msgspec
import pytest

from infra.database import address, connect
from infra.local.postgres import Postgres
from infra.migrations import MigrationChangedError, Plan, migrate
from infra.migrations.ledgers import (
    LedgerExistsError,
    LedgerLiveError,
    LedgerUnknownError,
    create_ledger,
    database_name,
    drop_ledger,
    find_ledger,
    ledger_names,
    upgrade_ledger,
)
from infra.node import Ledger
from infra.read_store.postgres import PostgresReadStore
from infra.read_store.tables import TableChangedError
from infra.service import Column, Table
from tests.conformance.batches import fill
from tests.ledgers import PLAN, START, LedgerDatabase

pytestmark = pytest.mark.stack


async def test_a_ledger_says_what_it_is(ledger: LedgerDatabase, live_ledger: LedgerDatabase) -> None:
    found = await find_ledger(ledger.dsn("capledger_contracts"), ledger.name)
    assert found == Ledger(name=ledger.name, mode="sandbox", shards=4)
    assert (await find_ledger(ledger.admin_dsn, live_ledger.name)).mode == "live"
    names = await ledger_names(ledger.admin_dsn)
    assert {ledger.name, live_ledger.name} <= set(names)


async def test_a_name_is_taken_once(ledger: LedgerDatabase) -> None:
    with pytest.raises(LedgerExistsError):
        await create_ledger(ledger.admin_dsn, ledger.name, "sandbox", PLAN, clock=START)


@pytest.mark.parametrize("name", ["", "Acme", "a b", 'a"b', "x" * 41, "-a", "a_b"])
async def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a ledger's name"):
        database_name(name)


async def test_a_live_ledger_is_never_dropped(live_ledger: LedgerDatabase) -> None:
    with pytest.raises(LedgerLiveError):
        await drop_ledger(live_ledger.admin_dsn, live_ledger.name)


async def test_a_ledger_that_is_not_there_is_unknown(postgres: Postgres) -> None:
    for asked in (find_ledger, drop_ledger):
        with pytest.raises(LedgerUnknownError):
            await asked(postgres.dsn, "nowhere")


async def test_a_sandbox_is_dropped_under_whoever_is_connected(postgres: Postgres) -> None:
    await create_ledger(postgres.dsn, "shortlived", "sandbox", PLAN, clock=START)
    connection = await connect(address(postgres.dsn, database=database_name("shortlived")))
    await drop_ledger(postgres.dsn, "shortlived")
    assert "shortlived" not in await ledger_names(postgres.dsn)
    connection.terminate()


async def test_a_clock_belongs_to_a_sandbox_and_to_nothing_else(postgres: Postgres) -> None:
    with pytest.raises(ValueError, match="clock"):
        await create_ledger(postgres.dsn, "wrong", "sandbox", PLAN)
    with pytest.raises(ValueError, match="clock"):
        await create_ledger(postgres.dsn, "wrong", "live", PLAN, clock=START)


async def test_an_upgrade_runs_what_is_new_and_adds_shards(ledger: LedgerDatabase) -> None:
    assert await upgrade_ledger(ledger.admin_dsn, ledger.name, PLAN) == []
    async with ledger.admin() as database, database.appending() as connection:
        await connection.execute("update ledger.migration set digest = '' where name = 'append.sql'")
    more = Plan(services=PLAN.services, shards=6)
    ran = await upgrade_ledger(ledger.admin_dsn, ledger.name, more)
    assert ran == [f"{log}: {name}" for log in PLAN.logs for name in ("append.sql", "log_grants.sql")]
    assert (await find_ledger(ledger.admin_dsn, ledger.name)).shards == 6
    async with ledger.store() as store:
        assert sorted(await store.heads("usage")) == [0, 1, 2, 3, 4, 5]
        await fill(store, "contract-a", range(1, 3))


async def test_a_migration_that_was_changed_after_it_ran_is_refused(ledger: LedgerDatabase) -> None:
    connection = await connect(ledger.admin_dsn)
    try:
        await connection.execute("update ledger.migration set digest = 'x' where name = '0001_log.sql'")
        with pytest.raises(MigrationChangedError, match=r"0001_log\.sql"):
            await migrate(connection, PLAN)
    finally:
        await connection.close()


async def test_a_changed_read_model_needs_a_rebuild(ledger: LedgerDatabase) -> None:
    table = Table(name="line", columns=(Column("contract", "text"),))
    wider = msgspec.structs.replace(table, columns=(*table.columns, Column("gpus", "bigint")))
    async with ledger.database("capledger_contracts") as database:
        store = PostgresReadStore(database, "contracts_read")
        await store.prepare([table])
        with pytest.raises(TableChangedError, match="line"):
            await store.prepare([wider])


async def test_a_service_makes_tables_in_its_own_schema_only(ledger: LedgerDatabase) -> None:
    async with ledger.database("capledger_contracts") as database:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await PostgresReadStore(database, "capacity_read").prepare(
                [Table(name="line", columns=(Column("contract", "text"),))]
            )
