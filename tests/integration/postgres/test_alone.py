"""A command alone takes a shorter way into the log: it leaves there what the way of the batches leaves."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from infra.event_store import Appended, Batch, Conflict
from infra.event_store.postgres.batches import one
from infra.local.postgres import Postgres
from tests.conformance.batches import batch, command, event
from tests.ledgers import START, LedgerDatabase, fresh_ledger

LOG, SECOND = "contracts", timedelta(seconds=1)
READ = {
    "event": "select * from contracts.event order by position",
    "stream_head": "select * from contracts.stream_head order by stream",
    "shard_head": "select * from contracts.shard_head order by shard",
    "command": "select * from contracts.command order by command_id",
}
ALONE = (
    batch(command("first", event("contract-a", 1))),
    batch(command("seen-by-another", event("contract-a", 2, counterparty="bolt"))),
    batch(command("of-another-stream", event("contract-b", 1, b'{"a":1}'))),
    batch(command("caused-later", event("contract-a", 3), cause=START + 2 * SECOND)),
    batch(command("caused-before", event("contract-a", 4), cause=START - SECOND)),
    batch(command("first", event("contract-a", 5))),
    batch(command("first", event("contract-a", 5), content="another")),
    batch(command("stale", event("contract-b", 1))),
    batch(command("first", event("contract-b", 1))),
    batch(command("last", event("contract-b", 2))),
)


async def appended(ledger: LedgerDatabase, *, alone: bool) -> Sequence[Appended | Conflict]:
    """Append them all, one by one, the instant of the clock sealed in between."""
    answers: list[Appended | Conflict] = []
    async with ledger.store("contracts") as store:
        shard = await store.place(LOG, "acme")
        for given in ALONE:
            assert one(shard, given) is not None, "these are for the short way"
            if alone:
                answers.append(await store.writer(LOG, shard).append(given))
            else:
                async with store.exclusive(LOG, shard) as writer:
                    answers.append(await writer.append(given))
            await store.resolve(START)
    return answers


async def rows(ledger: LedgerDatabase) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return all that lies in the log."""
    async with ledger.admin() as database, database.reading() as connection:
        return {table: [dict(row) for row in await connection.fetch(query)] for table, query in READ.items()}


async def test_a_command_alone_leaves_the_same_bytes_by_either_way(postgres: Postgres) -> None:
    async with fresh_ledger(postgres.dsn) as short, fresh_ledger(postgres.dsn) as long:
        assert await appended(short, alone=True) == await appended(long, alone=False)
        found = await rows(short)
        assert found == await rows(long)
    assert len(found["event"]) == 6


def test_only_one_command_with_one_event_on_its_own_stream_goes_the_short_way() -> None:
    simple = event("contract-a", 1)
    other = batch(command("1", simple), command("2", event("contract-b", 1)))
    for given in (
        batch(command("1", simple, event("contract-a", 2))),
        batch(command("1")),
        batch(command("1", refused=True)),
        other,
        Batch(batch(command("1", simple)).commands, other.streams),
    ):
        assert one(0, given) is None
