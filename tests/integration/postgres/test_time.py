"""Whose clock a log goes by, and what happens when it is not to be trusted."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from infra.database import Database
from infra.event_store import Appended, ClockSuspectError, InstantInFutureError
from tests.conformance.batches import batch, command, event, fill, whole
from tests.ledgers import START, LedgerDatabase

pytestmark = pytest.mark.stack

LOG = "contracts"


async def execute(database: Database, sql: str, *values: object) -> None:
    async with database.appending() as connection:
        await connection.execute(sql, *values)


async def record_head_ahead(ledger: LedgerDatabase, shard: int, by: timedelta) -> None:
    """Let a shard look as if the clock had been ahead when its head was recorded."""
    async with ledger.admin() as database:
        await execute(
            database,
            "update contracts.shard_head set recorded_at = clock_timestamp() + $2::interval where shard = $1",
            shard,
            by,
        )


async def test_a_live_ledger_goes_by_the_machines_clock(live_ledger: LedgerDatabase) -> None:
    async with live_ledger.store() as store:
        before = await store.now()
        shard = await fill(store, "contract-a", range(1, 4))
        after = await store.now()
        instants = [r.recorded_at for r in await whole(store, shard)]
        assert before <= instants[0] <= instants[1] <= instants[2] <= after
        assert abs(before - datetime.now(UTC)) < timedelta(minutes=5)
        with pytest.raises(InstantInFutureError):
            await store.resolve(after + timedelta(minutes=1))


async def test_nobody_moves_the_clock_of_a_live_ledger_or_turns_one_back(
    ledger: LedgerDatabase, live_ledger: LedgerDatabase
) -> None:
    async with ledger.database("capledger_contracts") as sandbox:
        await execute(sandbox, "select ledger.advance($1)", START + timedelta(days=1))
        with pytest.raises(asyncpg.PostgresError, match="never goes back"):
            await execute(sandbox, "select ledger.advance($1)", START)
    async with live_ledger.database("capledger_contracts") as live:
        with pytest.raises(asyncpg.PostgresError, match="live ledger"):
            await execute(live, "select ledger.advance($1)", START + timedelta(days=9999))


async def test_a_clock_that_steps_back_a_little_does_not_show(live_ledger: LedgerDatabase) -> None:
    async with live_ledger.store() as store:
        shard = await fill(store, "contract-a", range(1, 2))
        await record_head_ahead(live_ledger, shard, timedelta(minutes=4))
        ahead = (await store.heads(LOG))[shard].recorded_at
        await fill(store, "contract-a", range(2, 4))
        assert [r.recorded_at for r in await whole(store, shard)][1:] == [ahead, ahead]


async def test_a_clock_that_steps_back_by_minutes_stops_appends_until_operations_confirm(
    live_ledger: LedgerDatabase,
) -> None:
    async with live_ledger.store() as store, live_ledger.database("capledger_operations") as operations:
        shard = await fill(store, "contract-a", range(1, 2))
        await record_head_ahead(live_ledger, shard, timedelta(minutes=6))
        head = (await store.heads(LOG))[shard]
        one = batch(command("late", event("contract-a", 2)))
        with pytest.raises(ClockSuspectError, match="the last event was recorded at"):
            await store.writer(LOG, shard).append(one)
        await execute(
            operations,
            "set default_transaction_read_only = off",
        )
        await execute(operations, "select ledger.confirm_clock($1)", head.recorded_at)
        outcome = await store.writer(LOG, shard).append(one)
        assert isinstance(outcome, Appended)
        assert outcome.head.recorded_at == head.recorded_at


async def test_a_cause_far_ahead_of_the_clock_is_refused(live_ledger: LedgerDatabase) -> None:
    async with live_ledger.store() as store:
        shard = await store.place(LOG, "acme")
        now = await store.now()
        near = command("near", event("contract-a", 1), cause=now + timedelta(seconds=4))
        assert isinstance(await store.writer(LOG, shard).append(batch(near)), Appended)
        far = command("far", event("contract-a", 2), cause=now + timedelta(seconds=60))
        with pytest.raises(ClockSuspectError, match="the cause was recorded at"):
            await store.writer(LOG, shard).append(batch(far))
        assert len(await whole(store, shard)) == 1
