"""Done, refused or unknown: what becomes of an append when connection, server or caller goes away."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from infra.database import Database
from infra.event_store import (
    Appended,
    Batch,
    Conflict,
    Known,
    OutcomeUnknownError,
    StoreError,
    StoreUnavailableError,
)
from infra.event_store.postgres import PostgresEventStore
from infra.event_store.postgres.statements import statement
from infra.local import ports
from infra.local.parts import silent
from infra.local.postgres import Postgres
from tests.conformance.batches import batch, command, event, fill, whole
from tests.integration.postgres.wire import wire
from tests.ledgers import PLAN, LedgerDatabase, fresh_ledger, prepare_cluster

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

LOG = "contracts"


def store_on(database: Database) -> PostgresEventStore:
    return PostgresEventStore(dict.fromkeys(PLAN.logs, database), (LOG,), PLAN.shards)


async def until_waiting(admin: Database) -> int:
    """Return the process of the append that waits for a shard's head."""
    while True:
        async with admin.reading() as connection:
            pid: int | None = await connection.fetchval(
                "select pid from pg_stat_activity where wait_event_type = 'Lock' and query like '%append%'"
                " and datname = current_database()"
            )
        if pid is not None:
            return pid
        await asyncio.sleep(0)


async def test_a_lost_answer_is_unknown_and_a_retry_settles_it(ledger: LedgerDatabase) -> None:
    async with (
        wire(ledger.dsn("capledger_contracts")) as (line, dsn),
        Database(dsn, appends=1, reads=1) as database,
        ledger.store() as straight,
    ):
        store = store_on(database)
        shard = await fill(store, "contract-a", range(1, 3))
        mine = batch(command("mine", event("contract-a", 3)))
        line.lose_next_answer()
        with pytest.raises(OutcomeUnknownError):
            await store.writer(LOG, shard).append(mine)
        await line.lost.wait()
        assert len(await whole(straight, shard)) == 3
        again = await store.writer(LOG, shard).append(mine)
        assert isinstance(again, Conflict)
        (finding,) = again.findings
        assert isinstance(finding, Known)
        assert (finding.place.first, finding.place.last) == (3, 3)


async def test_an_append_whose_connection_is_killed_before_it_commits_leaves_nothing(
    ledger: LedgerDatabase,
) -> None:
    async with ledger.store() as store, ledger.admin() as admin:
        shard = await fill(store, "contract-a", range(1, 3))
        mine = batch(command("mine", event("contract-a", 3)))
        async with store.exclusive(LOG, shard):
            waiting = asyncio.create_task(store.writer(LOG, shard).append(mine))
            pid = await until_waiting(admin)
            async with admin.appending() as connection:
                await connection.execute("select pg_terminate_backend($1)", pid)
            with pytest.raises(OutcomeUnknownError):
                await waiting
        assert len(await whole(store, shard)) == 2
        assert isinstance(await store.writer(LOG, shard).append(mine), Appended)


async def test_an_append_that_waits_too_long_is_not_done(ledger: LedgerDatabase) -> None:
    async with ledger.admin() as admin, admin.appending() as connection:
        await connection.execute("alter role capledger_contracts set lock_timeout = '100ms'")
        try:
            async with ledger.store() as store:
                shard = await fill(store, "contract-a", range(1, 2))
                async with store.exclusive(LOG, shard):
                    with pytest.raises(StoreUnavailableError):
                        await store.writer(LOG, shard).append(batch(command("x", event("contract-a", 2))))
                assert await fill(store, "contract-a", range(2, 3)) == shard
        finally:
            await connection.execute("alter role capledger_contracts set lock_timeout = '5s'")


async def test_after_cancelled_appends_the_log_is_whole_and_the_connections_work(
    ledger: LedgerDatabase,
) -> None:
    async with ledger.store() as store:
        shard = await store.place(LOG, "acme")
        for number in range(40):
            one = batch(command(f"c{number}", event(f"contract-{number}", 1)))
            task = asyncio.create_task(store.writer(LOG, shard).append(one))
            for _ in range(number % 8):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await store.writer(LOG, shard).append(one)
        kept = await whole(store, shard)
        assert len(kept) == 40
        assert [r.position for r in kept] == list(range(1, 41))


async def test_two_processes_on_one_shard_lose_nothing_and_leave_no_gap(ledger: LedgerDatabase) -> None:
    async with ledger.store() as one, ledger.store() as two:
        shard = await one.place(LOG, "acme")

        async def write(store: PostgresEventStore, name: str) -> None:
            for number in range(20):
                outcome: object = None
                while not isinstance(outcome, Appended):
                    version = len(await store.stream(LOG, "acme", "contract-hot")) + 1
                    mine = batch(command(f"{name}{number}", event("contract-hot", version)))
                    outcome = await store.writer(LOG, shard).append(mine)

        await asyncio.gather(write(one, "a"), write(two, "b"))
        kept = await whole(one, shard)
        assert [r.version for r in kept] == list(range(1, 41))
        assert [r.position for r in kept] == list(range(1, 41))


async def test_what_is_in_flight_is_waited_for_before_an_instant_is_final(
    live_ledger: LedgerDatabase,
) -> None:
    async with live_ledger.store() as store, live_ledger.admin() as admin:
        shard = await fill(store, "contract-a", range(1, 3))
        async with admin.appending() as connection:
            async with connection.transaction():
                await connection.fetchval(statement("hold", LOG), shard)
                now = await store.now()
                asked = asyncio.create_task(store.resolve(now))
                await until_locked(admin)
                assert not asked.done()
            cut = await asked
        assert cut.position(LOG, shard) == 2
        await fill(store, "contract-a", range(3, 5))
        assert (await store.resolve(now)).position(LOG, shard) == 2
        assert all(r.recorded_at > now for r in (await whole(store, shard))[2:])


async def until_locked(admin: Database) -> None:
    """Wait until somebody waits for a lock."""
    count = 0
    while not count:
        async with admin.reading() as connection:
            count = await connection.fetchval("select count(*) from pg_locks where not granted")
        await asyncio.sleep(0)


async def test_many_holders_that_read_beside_do_not_wait_for_each_other_for_ever(
    ledger: LedgerDatabase,
) -> None:
    async with ledger.store() as store:
        tenants = [f"t{number}" for number in range(8)]

        async def extend(tenant: str) -> None:
            shard = await store.place(LOG, tenant)
            async with store.exclusive(LOG, shard) as writer:
                assert await store.stream(LOG, tenant, "contract-a") == []
                await asyncio.gather(*(store.shard(LOG, other, 0) for other in range(4)))
                one = batch(command("1", event("contract-a", 1, tenant=tenant), tenant=tenant), tenant=tenant)
                assert isinstance(await writer.append(one), Appended)

        async with asyncio.timeout(20):
            await asyncio.gather(*(extend(tenant) for tenant in tenants))


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    database = Database(f"postgresql://nobody:x@{ports.HOST}:{ports.choose()}/nothing")
    with pytest.raises(StoreUnavailableError):
        await database.open()


async def test_what_was_acknowledged_survives_a_crash_and_the_rest_is_settled_by_a_retry(
    tmp_path: Path,
) -> None:
    server = Postgres(tmp_path, ports.choose(), silent)
    await server.start()
    try:
        await prepare_cluster(server.dsn)
        async with fresh_ledger(server.dsn) as ledger, ledger.store() as store:
            await crash_under_load(server, store)
    finally:
        await server.stop()


async def crash_under_load(server: Postgres, store: PostgresEventStore) -> None:
    tenants = [f"t{number}" for number in range(4)]
    shards = {tenant: await store.place(LOG, tenant) for tenant in tenants}
    sent = {tenant: [one_of(tenant, number) for number in range(400)] for tenant in tenants}
    acknowledged: dict[str, int] = dict.fromkeys(tenants, 0)
    busy = asyncio.Event()

    async def write(tenant: str) -> None:
        for made in sent[tenant]:
            await store.writer(LOG, shards[tenant]).append(made)
            acknowledged[tenant] += 1
            if sum(acknowledged.values()) >= 200:
                busy.set()

    writing = asyncio.gather(*(write(tenant) for tenant in tenants), return_exceptions=True)
    await busy.wait()
    await server.kill()
    assert any(isinstance(outcome, StoreError) for outcome in await writing)
    await server.start()
    for tenant in tenants:
        kept = await whole(store, shards[tenant])
        assert acknowledged[tenant] <= len(kept) <= acknowledged[tenant] + 1
        for made in sent[tenant][acknowledged[tenant] : acknowledged[tenant] + 3]:
            outcome = await store.writer(LOG, shards[tenant]).append(made)
            assert isinstance(outcome, Appended) or isinstance(outcome.findings[0], Known)
        kept = await whole(store, shards[tenant])
        assert [r.version for r in kept] == list(range(1, acknowledged[tenant] + 4))


def one_of(tenant: str, number: int) -> Batch:
    return batch(
        command(f"c{number}", event("contract-a", number + 1, tenant=tenant), tenant=tenant), tenant=tenant
    )
