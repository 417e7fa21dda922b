"""What a conformance test stands on: a store with a clock that the test moves, in memory or in PostgreSQL."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

from infra.event_store import EventStore
from infra.event_store.memory import MemoryEventStore
from tests.ledgers import START, LedgerDatabase


class World(Protocol):
    """An event store and the clock it goes by."""

    store: EventStore

    async def advance(self, to: datetime) -> None:
        """Move the clock."""
        ...


class MemoryWorld:
    """A store in memory."""

    def __init__(self) -> None:
        """Start at `START`."""
        self.clock = START
        self.store: EventStore = MemoryEventStore(lambda: self.clock, shards=4)

    async def advance(self, to: datetime) -> None:
        """See `World.advance`."""
        self.clock = to


class PostgresWorld:
    """A sandbox ledger in PostgreSQL."""

    def __init__(self, ledger: LedgerDatabase, store: EventStore) -> None:
        """Take the ledger and its open store."""
        self.ledger, self.store = ledger, store

    async def advance(self, to: datetime) -> None:
        """See `World.advance`."""
        async with self.ledger.admin() as database, database.appending() as connection:
            await connection.execute("select ledger.advance($1)", to)


@asynccontextmanager
async def postgres_world(ledger: LedgerDatabase) -> AsyncGenerator[PostgresWorld]:
    """Open a world on a ledger."""
    async with ledger.store() as store:
        yield PostgresWorld(ledger, store)
