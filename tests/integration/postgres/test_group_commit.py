"""Group commit on the real log: two processes, one hot stream, lost answers; every command settled once."""

import asyncio
from datetime import UTC, datetime

import pytest

from infra.commands import Commands
from infra.database import Database
from infra.event_store import OutcomeUnknownError
from infra.event_store.postgres import PostgresEventStore, verify
from infra.ledger_past import LedgerPast
from infra.outcomes import Accepted, Asked, Rejected
from infra.read_store.memory import MemoryReadStore
from tests.conformance.batches import whole
from tests.integration.postgres.wire import wire
from tests.ledgers import PLAN, LedgerDatabase
from tests.support.milestones import SERVICE, record

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

LOG = "capacity"


def process(store: PostgresEventStore) -> Commands:
    past = LedgerPast(store, MemoryReadStore(), tuple(PLAN.logs), {})
    return Commands(store, [SERVICE], past, lambda: datetime.now(UTC))


def asked(name: str, pool: str = "p") -> Asked:
    return Asked(command=record(name, pool), id=name, actor="spacex")


async def test_two_processes_settle_every_command_on_one_stream(live_ledger: LedgerDatabase) -> None:
    async with live_ledger.store("capacity") as one, live_ledger.store("capacity") as two:
        processes = process(one), process(two)
        results = await asyncio.gather(
            *(processes[number % 2].submit(asked(f"m{number}")) for number in range(300))
        )
        assert all(isinstance(result, Accepted) and not result.duplicate for result in results)
        kept = await one.stream(LOG, "spacex", "pool-p")
        assert [r.version for r in kept] == list(range(1, 301))
        again = await asyncio.gather(*(processes[0].submit(asked(f"m{number}")) for number in range(300)))
        assert all(isinstance(result, Accepted) and result.duplicate for result in again)
        refused = await asyncio.gather(*(processes[1].submit(one_more(number)) for number in range(50)))
        assert all(isinstance(result, Rejected) for result in refused)
        await until_verified(live_ledger, kept[0].shard)


def one_more(number: int) -> Asked:
    """Return a command whose content is taken, under a new id."""
    return Asked(command=record(f"m{number}"), id=f"again{number}", actor="spacex")


async def until_verified(ledger: LedgerDatabase, shard: int) -> None:
    async with ledger.database("capledger_operations") as database:
        _ = [step async for step in verify(database, LOG, shard)]


async def test_what_lost_its_answer_is_settled_by_the_same_id(live_ledger: LedgerDatabase) -> None:
    async with (
        wire(live_ledger.dsn("capledger_capacity")) as (line, dsn),
        Database(dsn, appends=2, reads=2) as database,
    ):
        store = PostgresEventStore(dict.fromkeys(PLAN.logs, database), (LOG,), PLAN.shards)
        commands = process(store)
        await commands.submit(asked("first"))
        unknown = 0
        for round_ in range(5):
            names = [f"r{round_}-{number}" for number in range(20)]
            line.lose_next_answer()
            outcomes = await asyncio.gather(
                *(commands.submit(asked(name)) for name in names), return_exceptions=True
            )
            unknown += sum(isinstance(outcome, OutcomeUnknownError) for outcome in outcomes)
            settled = await asyncio.gather(*(commands.submit(asked(name)) for name in names))
            assert all(isinstance(result, Accepted) for result in settled)
        assert unknown > 0
        kept = await whole(store, (await store.placed(LOG, "spacex")) or 0, LOG)
        assert len(kept) == 101
        assert len({r.payload for r in kept}) == 101
