"""Every alarm there is rings for its cause, and is explained; no other is."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.alarms import Alarm, Alarms, alarm_of
from infra.bus import BusUnavailableError, RecordTooLargeError
from infra.bus_memory import MemoryBus
from infra.event_store import (
    Appended,
    Batch,
    ClockSuspectError,
    Conflict,
    StoreUnavailableError,
    Writer,
)
from infra.event_store.memory import MemoryEventStore
from infra.leases import LeasesLostError, MemoryLeases
from infra.live import LiveNode, Outside
from infra.live_store import LogClosedError
from infra.node import Ledger
from infra.outcomes import Accepted, Asked, QueueFullError
from infra.read_store.memory import MemoryReadStore
from infra.service import Service
from infra.supervision import Backoff, ended, heard, keep
from infra.telemetry import Telemetry
from schemas.decision import Order, Outcome, Refused, States
from tests.simulation.loop import run
from tests.support.echo import CAPACITY, CONTRACTS, decide, record
from tests.support.ledger_room import copied
from tests.support.milestones import AT, MilestoneRejection

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "operate" / "alarms.md"
SHARDS = 2
TELEMETRY = Telemetry("alarms")
LASTING = 30.0


class Site:
    """A ledger in memory, and services that run on it in virtual time."""

    def __init__(self) -> None:
        self.store = MemoryEventStore(self.clock, SHARDS)
        self.bus = MemoryBus()
        self.reads = {"capacity": MemoryReadStore(), "contracts": MemoryReadStore()}
        self._leases: dict[str, str] = {}

    def clock(self) -> datetime:
        return AT + timedelta(seconds=asyncio.get_running_loop().time())

    @asynccontextmanager
    async def live(self, service: Service = CAPACITY, store: Any = None) -> AsyncGenerator[LiveNode]:
        leases = MemoryLeases(self._leases, service.name, set())
        outside = Outside(store or self.store, self.reads[service.name], self.bus, leases, TELEMETRY)
        ledger = Ledger(name="alarms", mode="live", shards=SHARDS)
        node = LiveNode(service, ledger, outside, self.clock)
        await node.open()
        task = asyncio.create_task(node.run())
        try:
            yield node
        finally:
            await ended(task)
            await node.close()


async def pass_seconds(seconds: float) -> None:
    """Let time pass, which is virtual."""
    await heard(asyncio.Event(), seconds)


async def submitted(node: LiveNode, milestone: str, tenant: str = "ada") -> Any:
    return await node.node.commands.submit(
        Asked(command=record(milestone), id=f"{tenant}-{milestone}", actor=tenant)
    )


def ringing(node: LiveNode) -> set[Alarm]:
    return {one.alarm for one in node.alarms.found.values()}


async def a_store_that_lost_its_tail() -> set[Alarm]:
    site = Site()
    async with site.live() as node:
        await submitted(node, "a")
        backup = copied(site.store)
        await submitted(node, "b")
        await pass_seconds(2)
    async with site.live(store=backup) as node:
        return ringing(node)


async def a_log_with_a_changed_event() -> set[Alarm]:
    site = Site()
    async with site.live() as node:
        await submitted(node, "a")
    for shard in range(SHARDS):
        if (await site.store.heads("capacity"))[shard].position:
            site.store.damage("capacity", shard, 1, b'{"type":"capacity.MilestoneRecorded.v1"}')
    site.reads["capacity"] = MemoryReadStore()
    async with site.live() as node:
        await pass_seconds(2)
        return ringing(node)


async def an_event_too_large_for_a_record() -> set[Alarm]:
    return await kept(RecordTooLargeError("capacity 0 7 has over 8 MiB"))


async def an_event_that_cannot_be_applied() -> set[Alarm]:
    site = Site()
    async with site.live() as node:
        await submitted(node, "poison-1")
        await pass_seconds(2)
        return ringing(node)


async def a_clock_that_stepped_back() -> set[Alarm]:
    site = Site()
    async with site.live(store=Doubting(site.clock, SHARDS)) as node:
        with pytest.raises(ClockSuspectError):
            await submitted(node, "a")
        return ringing(node)


class Doubting(MemoryEventStore):
    """A store whose clock has stepped back: it refuses appends as PostgreSQL's does."""

    def writer(self, log: str, shard: int) -> Writer:
        return DoubtingWriter(super().writer(log, shard))


class DoubtingWriter:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.stream = writer.stream

    async def append(self, batch: Batch) -> Appended | Conflict:
        raise ClockSuspectError(f"the clock says 1970, {len(batch.commands)} commands wait")


async def a_store_that_stays_away() -> set[Alarm]:
    return await kept(StoreUnavailableError("nobody answers"))


async def topics_that_stay_away() -> set[Alarm]:
    return await kept(BusUnavailableError("nobody answers"))


async def a_loop_that_gets_nowhere() -> set[Alarm]:
    return await kept(QueueFullError())


async def a_bug_in_a_loop() -> set[Alarm]:
    return await kept(ZeroDivisionError())


async def a_timer_whose_command_is_refused() -> set[Alarm]:
    site = Site()
    async with site.live() as capacity, site.live(STUBBORN) as contracts:
        await submitted(capacity, "at-once")
        await pass_seconds(2)
        return ringing(contracts)


def refuse_what_rang(states: States, order: Order[Any]) -> Outcome:
    """A rule with a fault: it refuses a command of our own machinery."""
    if order.command.milestone.startswith("rang"):
        return Refused(MilestoneRejection.TAKEN)
    return decide(states, order)


STUBBORN = msgspec.structs.replace(
    CONTRACTS,
    rules=tuple(msgspec.structs.replace(rule, decide=refuse_what_rang) for rule in CONTRACTS.rules),
)


async def kept(error: Exception) -> set[Alarm]:
    """What rings when a loop meets an error again and again."""
    alarms = Alarms()

    async def loop(_: Backoff) -> None:
        raise error

    task = asyncio.create_task(keep("loop", loop, alarms))
    await pass_seconds(LASTING)
    await ended(task)
    return {one.alarm for one in alarms.found.values()}


RAISED: Mapping[Alarm, Callable[[], Coroutine[Any, Any, set[Alarm]]]] = {
    Alarm.STORE_REWOUND: a_store_that_lost_its_tail,
    Alarm.STORE_CORRUPT: a_log_with_a_changed_event,
    Alarm.RECORD_TOO_LARGE: an_event_too_large_for_a_record,
    Alarm.QUARANTINED: an_event_that_cannot_be_applied,
    Alarm.CLOCK_SUSPECT: a_clock_that_stepped_back,
    Alarm.STORE_AWAY: a_store_that_stays_away,
    Alarm.TOPICS_AWAY: topics_that_stay_away,
    Alarm.TIMER_REFUSED: a_timer_whose_command_is_refused,
    Alarm.STALLED: a_loop_that_gets_nowhere,
    Alarm.LOOP_FAILED: a_bug_in_a_loop,
}


@pytest.mark.parametrize("alarm", Alarm)
def test_every_alarm_rings_for_its_cause(alarm: Alarm) -> None:
    assert run(RAISED[alarm]()) == {alarm}


def test_every_alarm_is_explained_and_no_other() -> None:
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    explained = {section.split("\n", 1)[0].strip("`"): section for section in sections}
    assert list(explained) == [alarm.value for alarm in Alarm]
    for name, section in explained.items():
        assert "**Cause.**" in section, name
        assert "**Cure.**" in section, name


def test_trouble_that_passes_soon_rings_nothing() -> None:
    async def main() -> Alarms:
        alarms, tries = Alarms(), 0

        async def loop(_: Backoff) -> None:
            nonlocal tries
            tries += 1
            if tries < 4:
                raise BusUnavailableError("away")

        await keep("loop", loop, alarms)
        return alarms

    assert run(main()).found == {}


def test_an_alarm_is_over_when_the_loop_gets_on_again() -> None:
    async def main() -> tuple[set[Alarm], set[Alarm]]:
        alarms, well = Alarms(), asyncio.Event()

        async def loop(backoff: Backoff) -> None:
            if not well.is_set():
                raise StoreUnavailableError("away")
            backoff.reset()
            await asyncio.get_running_loop().create_future()

        task = asyncio.create_task(keep("loop", loop, alarms))
        await pass_seconds(LASTING)
        during = {one.alarm for one in alarms.found.values()}
        well.set()
        await pass_seconds(LASTING)
        await ended(task)
        return during, {one.alarm for one in alarms.found.values()}

    assert run(main()) == ({Alarm.STORE_AWAY}, set())


def test_leases_that_are_lost_ring_as_the_store_that_kept_them() -> None:
    assert alarm_of(LeasesLostError()) is Alarm.STORE_AWAY


def test_no_shard_of_a_rewound_log_takes_an_append() -> None:
    async def main() -> None:
        site = Site()
        async with site.live() as node:
            await submitted(node, "a")
            backup = copied(site.store)
            await submitted(node, "b")
            await pass_seconds(2)
        async with site.live(store=backup) as node:
            for tenant in ("ada", "somebody-new"):
                with pytest.raises(LogClosedError):
                    await submitted(node, "c", tenant)

    run(main())


def test_a_store_that_is_rewound_while_its_service_runs_is_not_written_over() -> None:
    async def main() -> None:
        site = Site()
        async with site.live() as node:
            for name in ("a", "b"):
                assert isinstance(await submitted(node, name), Accepted)
            await pass_seconds(2)
            earlier = copied(site.store)
            await submitted(node, "c")
            await pass_seconds(2)
            site.store.__dict__.update(earlier.__dict__)
            await pass_seconds(2)
            assert ringing(node) == {Alarm.STORE_REWOUND}
            with pytest.raises(LogClosedError):
                await submitted(node, "d")

    run(main())


def test_a_store_rewound_and_written_to_at_once_is_never_sent_as_if_nothing_were() -> None:
    async def main() -> None:
        site = Site()
        async with site.live() as node:
            await submitted(node, "a")
            earlier = copied(site.store)
            await submitted(node, "b")
            await pass_seconds(2)
            sent = {place: list(one.records) for place, one in site.bus.partitions.items()}
            site.store.__dict__.update(earlier.__dict__)
            for name in ("x", "y", "z"):
                assert isinstance(await submitted(node, name), Accepted)
            await pass_seconds(3)
            assert ringing(node) == {Alarm.STORE_REWOUND}
            assert {place: list(one.records) for place, one in site.bus.partitions.items()} == sent

    run(main())
