"""A timer due at D fires when everything recorded up to D has had its effect, once, and in order."""

from datetime import datetime, timedelta

import pytest

from infra.event_store.memory import MemoryEventStore
from infra.failpoints import Failpoint, FailpointError, clear, configure
from infra.node import Ledger, Node
from infra.outcomes import Asked
from infra.read_store.memory import MemoryReadStore
from infra.subscriptions import Subscription
from infra.telemetry import Telemetry
from infra.timers import Timers
from schemas.capacity import MilestoneRecorded
from tests.support.echo import CAPACITY, CONTRACTS, record
from tests.support.milestones import AT

TELEMETRY = Telemetry("tests")


class Setting:
    def __init__(self) -> None:
        self.now = AT
        self.store, self.reads = MemoryEventStore(self.clock, 1), MemoryReadStore()
        ledger = Ledger(name="test", mode="live", shards=1)
        self.capacity = Node(CAPACITY, ledger, self.store, MemoryReadStore(), self.clock)
        self.contracts = Node(CONTRACTS, ledger, self.store, self.reads, self.clock)
        self.subscriptions = [
            Subscription(consumer, log, 0, self.store, self.reads)
            for consumer in self.contracts.consumers
            for log in consumer.follows
        ]
        self.timers = Timers(self.contracts, self.subscriptions, TELEMETRY)

    def clock(self) -> datetime:
        return self.now

    async def record(self, name: str, due: datetime = AT) -> None:
        await self.capacity.commands.submit(Asked(command=record(name, at=due), id=name, actor="ada"))

    async def consume(self) -> None:
        await self.contracts.prepare()
        while any([await subscription.advance() for subscription in self.subscriptions]):
            pass

    async def rang(self) -> list[str]:
        events = await self.store.shard("contracts", 0, 0)
        names = [event.milestone for one in events if isinstance(event := one.event, MilestoneRecorded)]
        return [name for name in names if name.startswith("rang")]


async def test_it_fires_once_when_its_time_has_come() -> None:
    setting = Setting()
    await setting.record("at-noon", AT + timedelta(hours=1))
    await setting.consume()
    assert await setting.timers.step() == 0
    setting.now += timedelta(hours=1)
    assert await setting.timers.step() == 1
    await setting.consume()
    assert await setting.timers.step() == 0
    assert await setting.rang() == ["rang-0-1"]


async def test_it_waits_for_what_was_recorded_before_it_was_due() -> None:
    setting = Setting()
    await setting.record("at-noon", AT + timedelta(hours=1))
    await setting.consume()
    await setting.record("plain-before")
    setting.now += timedelta(hours=2)
    await setting.record("plain-after")
    assert await setting.timers.step() == 0
    await setting.subscriptions[0].open()
    await setting.consume()
    assert await setting.timers.step() == 1


async def test_those_due_fire_in_order_of_their_times() -> None:
    setting = Setting()
    for hours in (3, 1, 2):
        await setting.record(f"at-{hours}", AT + timedelta(hours=hours))
    await setting.consume()
    setting.now += timedelta(hours=5)
    assert await setting.timers.step() == 3
    assert await setting.rang() == ["rang-0-2", "rang-0-3", "rang-0-1"]


async def test_a_crash_between_the_command_and_its_note_fires_nothing_twice() -> None:
    setting = Setting()
    await setting.record("at-noon", AT)
    await setting.consume()
    configure({Failpoint.TIMER_AFTER_SEND: "raise"})
    try:
        with pytest.raises(FailpointError):
            await setting.timers.step()
    finally:
        clear()
    await setting.consume()
    assert await setting.timers.step() == 1
    assert await setting.rang() == ["rang-0-1"]


class OneTurn:
    """Gives one timer its turn."""

    def __init__(self, timer: str) -> None:
        self.timer: str | None = timer

    async def mine(self) -> str | None:
        return self.timer

    async def done(self, timer: str) -> None:
        assert timer == self.timer
        self.timer = None


async def test_in_a_sandbox_only_the_timer_whose_turn_it_is_fires() -> None:
    setting = Setting()
    for name in ("at-first", "at-second"):
        await setting.record(name, AT)
    await setting.consume()
    second = (await setting.reads.due("contracts", AT))[1]
    turns = OneTurn(second.id)
    assert await setting.timers.turn(turns) == 1
    assert await setting.timers.turn(turns) == 0
    assert await setting.rang() == ["rang-0-2"]
