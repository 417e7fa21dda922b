"""A new connection that leads to another store than the one that was known writes nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from infra.bus_memory import MemoryBus
from infra.clock import MachineClock
from infra.database import Connection
from infra.event_store import StoreError
from infra.event_store.postgres import PostgresEventStore
from infra.head_guard import HeadGuard
from infra.leases import MemoryLeases
from infra.live import LiveNode, Outside
from infra.live_store import LogClosedError
from infra.migrations import read_schema, writer_role
from infra.node import Ledger
from infra.outcomes import Accepted, Asked
from infra.read_store.postgres import PostgresReadStore
from infra.subscriptions import StoreRewoundError
from infra.telemetry import Telemetry
from tests.ledgers import PLAN, LedgerDatabase
from tests.support.echo import CAPACITY, record

pytestmark = pytest.mark.stack

TELEMETRY = Telemetry("guarded")
BREAK = (
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()"
)
SHORTER = (
    "delete from capacity.event where position = 2;"
    "update capacity.shard_head h set position = 1, chain = e.chain, recorded_at = e.recorded_at"
    " from capacity.event e where e.shard = h.shard and e.position = 1"
)
OTHERWISE = (
    "update capacity.event set chain = sha256(chain) where position = 2;"
    "update capacity.shard_head h set chain = e.chain"
    " from capacity.event e where e.shard = h.shard and e.position = 2"
)


class Guarded:
    """A node of one service that runs nothing, over a database whose connections are looked over."""

    def __init__(self, node: LiveNode, ledger: LedgerDatabase) -> None:
        self.node, self._ledger = node, ledger

    async def submit(self, milestone: str) -> object:
        asked = Asked(command=record(milestone), id=milestone, actor="ada")
        return await self.node.node.commands.submit(asked)

    async def exchanged(self, sql: str) -> None:
        """Let the log be another, as an older copy would be, and every connection break."""
        async with self._ledger.admin() as database, database.appending() as connection:
            await connection.execute(f"set session_replication_role = replica; {sql}")
            await connection.execute(BREAK)


@pytest_asyncio.fixture
async def guarded(live_ledger: LedgerDatabase) -> AsyncIterator[Guarded]:
    async with live_ledger.database(writer_role("capacity")) as database:
        outside = Outside(
            PostgresEventStore(dict.fromkeys(PLAN.logs, database), CAPACITY.logs, PLAN.shards),
            PostgresReadStore(database, read_schema("capacity")),
            MemoryBus(),
            MemoryLeases({}, "capacity", set()),
            TELEMETRY,
        )
        ledger = Ledger(name=live_ledger.name, mode="live", shards=PLAN.shards)
        node = LiveNode(CAPACITY, ledger, outside, MachineClock())
        await node.open()
        database.guard = HeadGuard(node).look
        yield Guarded(node, live_ledger)
        await node.close()


@pytest.mark.parametrize("other", [SHORTER, OTHERWISE], ids=["shorter", "otherwise"])
async def test_the_first_append_over_a_new_connection_to_another_store_is_not_made(
    guarded: Guarded, other: str
) -> None:
    for milestone in ("a", "b"):
        assert isinstance(await guarded.submit(milestone), Accepted)
    await guarded.exchanged(other)
    with pytest.raises(StoreError):
        await guarded.submit("c")
    with pytest.raises((StoreRewoundError, LogClosedError)):
        await guarded.submit("d")
    with pytest.raises(LogClosedError, match="store_rewound"):
        await guarded.submit("e")
    assert {place[0] for place in guarded.node.store.closed} == {"capacity"}


async def test_a_new_connection_to_the_same_store_goes_on(guarded: Guarded) -> None:
    assert isinstance(await guarded.submit("a"), Accepted)
    await guarded.exchanged("select 1")
    try:
        told = await guarded.submit("b")
    except StoreError:
        # the broken connection was met first; the retry settles it
        told = await guarded.submit("b")
    assert isinstance(told, Accepted)
    assert isinstance(await guarded.submit("c"), Accepted)


class Overtaken:
    """A connection whose answer comes when somebody else has appended over another one."""

    def __init__(self, connection: Connection, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._connection, self._meanwhile = connection, meanwhile

    async def fetch(self, query: str) -> object:
        rows = await self._connection.fetch(query)
        await self._meanwhile()
        return rows

    async def fetchrow(self, query: str, *values: object) -> object:
        return await self._connection.fetchrow(query, *values)


async def test_an_append_while_a_new_connection_is_looked_over_is_no_rewinding(
    guarded: Guarded, live_ledger: LedgerDatabase
) -> None:
    assert isinstance(await guarded.submit("a"), Accepted)
    async with live_ledger.admin() as database, database.appending() as connection:
        overtaken: Any = Overtaken(connection, lambda: guarded.submit("b"))
        await HeadGuard(guarded.node).look(overtaken)
    assert isinstance(await guarded.submit("c"), Accepted)
