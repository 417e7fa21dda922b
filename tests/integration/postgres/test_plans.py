"""Hot statements stay cheap when the log grows: they go by an index, also with plans of an empty log."""

import pytest

from infra.database import Database
from infra.event_store.postgres.statements import statement
from tests.conformance.batches import EFFECTIVE, batch, command, event, fill
from tests.ledgers import LedgerDatabase

pytestmark = pytest.mark.stack

LOG = "contracts"
STATEMENTS = {
    "shard": (0, 0, 1000),
    "stream": (0, "acme", "contract-a", 0, 1 << 62),
    "scan": (0, 0, 1000),
    "known": (0, "acme", "acme", "c"),
    "snapshot": (0, "acme", "contract-a", 1, 1 << 62),
    "placed": ("acme",),
}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_hot_statement_goes_by_an_index(ledger: LedgerDatabase, name: str) -> None:
    async with ledger.database("capledger_contracts") as database, database.reading() as connection:
        values = STATEMENTS[name]
        rows = await connection.fetch(f"explain {statement(name, LOG)}", *values)
    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan" not in plan
    assert "Sort" not in plan
    assert "Index" in plan


async def test_a_counterpartys_streams_are_found_by_the_index_over_it(ledger: LedgerDatabase) -> None:
    async with ledger.database("capledger_contracts") as database, database.reading() as connection:
        values = ("buyer", [0, 1], [9, 9], "contract-", "contract.")
        rows = await connection.fetch(f"explain {statement('streams', LOG)}", *values)
    plan = "\n".join(row[0] for row in rows)
    assert "event_0_counterparty_shard_position_idx" in plan
    assert "Seq Scan" not in plan


async def test_an_append_never_reads_a_whole_table_however_it_has_grown(ledger: LedgerDatabase) -> None:
    async with ledger.store() as store, ledger.admin() as admin:
        shard = await fill(store, "contract-a", range(1, 10))
        await execute(
            admin, "analyze contracts.command; analyze contracts.stream_head; analyze contracts.event"
        )
        for number in range(5):
            many = [command(f"m{number}-{k}", event(f"contract-{number}-{k}", 1)) for k in range(200)]
            await store.writer(LOG, shard).append(batch(*many))
        before = await scanned(admin)
        for version in range(10, 20):
            await store.writer(LOG, shard).append(batch(command(f"h{version}", event("contract-a", version))))
        await store.resolve(EFFECTIVE)
        assert await scanned(admin) == before


async def execute(database: Database, sql: str) -> None:
    async with database.appending() as connection:
        await connection.execute(sql)


async def scanned(admin: Database) -> dict[str, int]:
    """Return how often each growing table of the log was read as a whole, from the server's own counters."""
    async with admin.reading() as connection:
        await connection.execute("select pg_stat_force_next_flush()")
        rows = await connection.fetch(
            "select relname, seq_scan from pg_stat_all_tables where schemaname = 'contracts'"
            " and relname not in ('shard_head', 'placement')"
        )
    return {row["relname"]: row["seq_scan"] for row in rows}
