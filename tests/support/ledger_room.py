"""One small service with a read model, in memory or on PostgreSQL: what operations are tried on."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec

from infra.database import Database
from infra.event_store import EventStore, Recorded
from infra.event_store.memory import MemoryEventStore
from infra.event_store.postgres import PostgresEventStore
from infra.migrations import read_schema, writer_role
from infra.node import Ledger, Node
from infra.outcomes import Accepted, Asked
from infra.read_store import ReadStore
from infra.read_store.memory import MemoryReadStore
from infra.read_store.postgres import PostgresReadStore
from infra.replay import Asides, MemoryAsides
from infra.replay.postgres import PostgresAsides
from infra.service import Projection, Row, Service
from infra.subscriptions import Subscription
from tests.ledgers import PLAN, LedgerDatabase
from tests.support.echo import CAPACITY, record, rows
from tests.support.milestones import AT

PROJECTION = CAPACITY.projections[0]


class Room:
    """A store, a read store, the service on them, and where its read models can be made anew."""

    def __init__(
        self, store: EventStore, reads: ReadStore, asides: Asides, spoil: Callable[[str], Any], ids: str = "r"
    ) -> None:
        self.store, self.reads, self.asides, self.spoil = store, reads, asides, spoil
        self.ledger = Ledger(name="room", mode="sandbox", shards=store.shards)
        self.service = CAPACITY
        self._ids, self._number = ids, 0

    def node(self, service: Service = CAPACITY) -> Node:
        return Node(service, self.ledger, self.store, self.reads, lambda: AT)

    async def open(self) -> None:
        self._node = self.node()
        await self._node.prepare()

    @property
    def kept(self) -> Node:
        """The node that the commands of `record` go through."""
        return self._node

    async def record(self, *milestones: str, tenant: str = "ada", pool: str = "p") -> None:
        """Record milestones, one command each."""
        for milestone in milestones:
            self._number += 1
            asked = Asked(command=record(milestone, pool), id=f"{self._ids}-{self._number}", actor=tenant)
            assert isinstance(await self._node.commands.submit(asked), Accepted)

    async def consume(self, projection: Projection = PROJECTION) -> None:
        """Let the live read model come to the head."""
        for subscription in self.subscriptions(projection):
            while await subscription.advance():
                pass

    def subscriptions(self, projection: Projection = PROJECTION) -> Sequence[Subscription]:
        service = msgspec.structs.replace(CAPACITY, projections=(projection,))
        return [
            Subscription(consumer, log, shard, self.store, self.reads)
            for consumer in self.node(service).consumers
            for log in consumer.follows
            for shard in range(self.store.shards)
        ]

    async def milestones(self) -> list[str]:
        """What the live read model says."""
        return sorted(row["milestone"] for row in await self.reads.rows("seen", {}, None))


def copied(store: EventStore) -> MemoryEventStore:
    """What a backup of a store in memory holds."""
    assert isinstance(store, MemoryEventStore)
    return store.copied()


def memory_room(clock: Callable[[], datetime] = lambda: AT) -> Room:
    """A room in memory; `spoil` changes a milestone in the live read model behind its back."""
    reads = MemoryReadStore()

    async def spoil(milestone: str) -> None:
        (row,) = await reads.rows("seen", {"milestone": milestone}, None)
        assert isinstance(row, dict)
        row["milestone"] = "spoilt"

    return Room(MemoryEventStore(clock, shards=2), reads, MemoryAsides(reads), spoil)


@asynccontextmanager
async def postgres_room(ledger: LedgerDatabase) -> AsyncGenerator[Room]:
    """A room on a ledger in PostgreSQL."""
    async with ledger.database(writer_role("capacity"), appends=6, reads=6) as database:
        schema = read_schema("capacity")

        async def spoil(milestone: str) -> None:
            await _update_seen(database, schema, milestone)

        store = PostgresEventStore(dict.fromkeys(PLAN.logs, database), PLAN.services["capacity"], PLAN.shards)
        yield Room(store, PostgresReadStore(database, schema), PostgresAsides(database, schema), spoil)


async def _update_seen(database: Database, schema: str, milestone: str) -> None:
    async with database.appending() as connection:
        update = f"update {schema}.seen set milestone = 'spoilt' where milestone = $1"  # noqa: S608
        await connection.execute(update, milestone)


def lenient(recorded: Recorded) -> Sequence[Row]:
    """The projection of a later release, which copes with what this one cannot apply."""
    event: Any = recorded.event
    values = {"tenant": recorded.tenant, "milestone": event.milestone, "origin": str(recorded.origin)}
    return [Row("seen", values)]


def shouting(recorded: Recorded) -> Sequence[Row]:
    """The projection of a later release, which says the same otherwise."""
    return [
        Row("seen", {**row.values, "milestone": str(row.values["milestone"]).upper()})
        for row in rows("seen", recorded)
    ]


LENIENT = msgspec.structs.replace(PROJECTION, project=lenient, version=2)
SHOUTING = msgspec.structs.replace(PROJECTION, project=shouting, version=2)
