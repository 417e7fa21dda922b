"""The echo services of `tests/support` on real PostgreSQL and Kafka, in the test's own process."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from infra.bus import Bus
from infra.clock import MachineClock
from infra.config import KafkaSettings
from infra.event_store import EventStore
from infra.event_store.postgres import PostgresEventStore
from infra.kafka import KafkaBus
from infra.lease_store import PostgresLeases
from infra.live import LiveNode, Outside
from infra.local.kafka import Kafka
from infra.migrations import read_schema, writer_role
from infra.node import Ledger
from infra.read_store.postgres import PostgresReadStore
from infra.service import Service
from infra.supervision import ended
from infra.telemetry import Telemetry
from tests.ledgers import PLAN, LedgerDatabase

LOGS = ("capacity", "contracts")
REST_SECONDS_MAX = 30.0
TELEMETRY = Telemetry("tests")


def bus_of(kafka: Kafka, ledger: Ledger) -> KafkaBus:
    return KafkaBus(KafkaSettings(bootstrap=kafka.address), ledger, "capledger-tests")


def ledger_of(database: LedgerDatabase) -> Ledger:
    return Ledger(
        name=database.name, mode="live", shards=PLAN.shards, topic_prefix=f"capledger.{database.name}"
    )


@asynccontextmanager
async def running(
    service: Service, database: LedgerDatabase, kafka: Kafka, replica: str = "1"
) -> AsyncGenerator[LiveNode]:
    """Run one replica of a service until the end of the block."""
    ledger = ledger_of(database)
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(database.database(writer_role(service.name)))
        outside = Outside(
            PostgresEventStore(dict.fromkeys(PLAN.logs, opened), service.logs, PLAN.shards),
            PostgresReadStore(opened, read_schema(service.name)),
            bus_of(kafka, ledger),
            PostgresLeases(
                database.dsn(writer_role(service.name)), service.name, f"{service.name}-{replica}"
            ),
            TELEMETRY,
        )
        node = LiveNode(service, ledger, outside, MachineClock())
        await node.open()
        task = asyncio.create_task(node.run())
        try:
            yield node
        finally:
            await node.node.commands.close()
            await node.close()
            await ended(task)


async def rested(*nodes: LiveNode, relayed: bool = True) -> None:
    """Return once every consumer is at the head of what it follows, and every topic too."""
    async with asyncio.timeout(REST_SECONDS_MAX):
        await _until(lambda: _restless(nodes, relayed=relayed))


async def _restless(nodes: tuple[LiveNode, ...], *, relayed: bool) -> bool:
    for node in nodes:
        for consumer in node.node.consumers:
            for log in consumer.follows:
                for shard, head in (await node.node.store.heads(log)).items():
                    at = await node.node.reads.checkpoint(consumer.name, log, shard)
                    if at.position != head.position:
                        return True
    if not relayed:
        return False
    store: EventStore = nodes[0].node.store
    bus: Bus = nodes[0]._bus
    for log in LOGS:
        heads = await store.heads(log)
        ends = await bus.ends([(log, shard) for shard in heads])
        for (_, shard), end in ends.items():
            if (end.last.position if end.last else 0) != heads[shard].position:
                return True
    return False


async def _until(restless: Callable[[], object]) -> None:
    while await restless():  # type: ignore[misc]  # noqa: ASYNC110 of many parts in two servers
        await asyncio.sleep(0.05)
