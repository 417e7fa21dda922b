"""A live service on memory adapters: it opens, works, and stops where its store was rewound."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from infra.bus_memory import MemoryBus
from infra.clock import MachineClock
from infra.event_store.memory import MemoryEventStore
from infra.leases import MemoryLeases
from infra.live import LiveNode, Outside
from infra.live_store import LogClosedError
from infra.node import Ledger
from infra.outcomes import Accepted, Asked
from infra.read_store.memory import MemoryReadStore
from infra.supervision import ended
from infra.telemetry import Telemetry
from tests.support.echo import CAPACITY, CONTRACTS, record

LEDGER = Ledger(name="test", mode="live", shards=1)
TELEMETRY = Telemetry("tests")


class Site:
    """Everything durable."""

    def __init__(self) -> None:
        self.store, self.bus = MemoryEventStore(MachineClock(), 1), MemoryBus()
        self.reads = {"capacity": MemoryReadStore(), "contracts": MemoryReadStore()}
        self.leases: dict[str, str] = {}

    @asynccontextmanager
    async def running(self, service: str) -> AsyncGenerator[LiveNode]:
        leases = MemoryLeases(self.leases, service, set())
        outside = Outside(self.store, self.reads[service], self.bus, leases, TELEMETRY)
        chosen = CAPACITY if service == "capacity" else CONTRACTS
        node = LiveNode(chosen, LEDGER, outside, MachineClock())
        await node.open()
        task = asyncio.create_task(node.run())
        try:
            yield node
        finally:
            await node.node.commands.close()
            await node.close()
            await ended(task)

    def rewind(self, keep: int) -> None:
        """Lose the newest events of the first log, as a restore of an older backup does."""
        shard = self.store.shard_of("capacity", 0)
        del shard.events[keep:]
        shard.chain = shard.events[-1].chain
        for events in shard.streams.values():
            del events[keep:]
        shard.commands.clear()


async def send(node: LiveNode, start: int, count: int) -> None:
    for number in range(start, start + count):
        asked = Asked(command=record(f"plain-{number}"), id=f"c{number}", actor="ada")
        assert isinstance(await node.node.commands.submit(asked), Accepted)


async def until(true: Callable[[], Awaitable[bool] | bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


async def consumed(site: Site, count: int) -> bool:
    reached = await site.reads["contracts"].checkpoint("contracts.echo", "capacity", 0)
    return reached.position == count


async def test_what_one_service_records_the_other_echoes_and_nothing_is_left() -> None:
    site = Site()
    async with site.running("capacity") as capacity, site.running("contracts") as contracts:
        await send(capacity, 0, 10)
        await until(lambda: consumed(site, 10))
        await until(lambda: sum(relay.backlog for relay in contracts.relays.values()) == 0)
        assert [lag for lag, _ in contracts.lags()] == [0, 0, 0]
        assert [backlog for backlog, _ in capacity.backlogs()] == [0]
        assert [count for count, _ in contracts.quarantined()] == [0, 0, 0]
    assert len(site.bus.partitions["contracts", 0].records) == 10
    assert site.leases == {}


async def test_without_a_word_from_the_bus_the_log_alone_brings_everything() -> None:
    site = Site()
    async with site.running("capacity") as capacity, site.running("contracts"):
        for tail in list(site.bus.tails):
            tail._offsets.clear()
        await send(capacity, 0, 5)
        await until(lambda: consumed(site, 5))


async def test_a_log_whose_topic_is_ahead_takes_no_appends() -> None:
    site = Site()
    async with site.running("capacity") as capacity:
        await send(capacity, 0, 5)
    site.rewind(3)
    async with site.running("capacity") as capacity:
        assert sum(count for count, _ in capacity.alarming()) == 1
        with pytest.raises(LogClosedError, match="store_rewound"):
            await capacity.node.commands.submit(Asked(command=record("new"), id="new", actor="ada"))


async def test_a_store_rewound_under_running_services_stops_them_all() -> None:
    site = Site()
    async with site.running("capacity") as capacity, site.running("contracts") as contracts:
        await send(capacity, 0, 6)
        await until(lambda: consumed(site, 6))
        site.rewind(4)
        stopped = {f"test-consume:contracts:capacity:0:contracts.{n}" for n in ("heard", "echo", "timers")}
        await until(lambda: stopped <= set(contracts.alarms.found))
        with pytest.raises(LogClosedError):
            await capacity.node.commands.submit(Asked(command=record("new"), id="new", actor="ada"))
        assert "test-consume:capacity:capacity:0:capacity.seen" in capacity.alarms.found
