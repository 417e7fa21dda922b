"""One seeded world: all services on one store and one bus, under faults, with senders who never give up."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from infra.bus_memory import IN_FLIGHT, MemoryBus
from infra.event_store import OutcomeUnknownError, StoreUnavailableError
from infra.event_store.memory import MemoryEventStore
from infra.leases import MemoryLeases
from infra.live import LiveNode, Outside
from infra.node import Ledger
from infra.outcomes import Accepted, Asked, QueueFullError, Result
from infra.read_store.memory import MemoryReadStore
from infra.service import Service
from infra.telemetry import Telemetry
from tests.e2e.checker import Answered, Evidence, faults
from tests.simulation.loop import OWNER
from tests.simulation.weather import Killed, Sky, StormyReads, StormyStore
from tests.support.echo import CAPACITY, CONTRACTS, record
from tests.support.milestones import AT

T = TypeVar("T")

SHARDS = 2
TENANTS = ("ada", "bo", "cy")
REST_SECONDS_MAX = 120.0
TELEMETRY = Telemetry("simulation")


class Ways(msgspec.Struct, frozen=True):
    """How a process reaches stores, and what drives it; tests plant their faults here."""

    store: Callable[[MemoryEventStore, Sky], StormyStore] = StormyStore
    reads: Callable[[MemoryReadStore, Sky], StormyReads] = StormyReads
    node: type[LiveNode] = LiveNode


class Process:
    """One replica of one service: it lives, is killed between any two awaits, and comes up again."""

    def __init__(self, world: "World", service: Service, number: int) -> None:
        self.world, self.service, self.name = world, service, f"{service.name}-{number}"
        self.sky = Sky(world.dice)
        self.node: LiveNode | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._leases: MemoryLeases | None = None
        self.up = asyncio.Event()

    def start(self) -> None:
        """Come up with nothing but what is durable."""
        self.sky = Sky(self.world.dice)
        self.sky.calm = self.world.calm
        self._tasks = {}
        self._spawn(self._live())

    def kill(self) -> None:
        """End now: nothing that runs gets any further, but what is on its way may still arrive."""
        self.sky.dead = True
        self.up.clear()
        for task in list(self._tasks):
            if task.get_name() == IN_FLIGHT and self.world.dice.random() < 0.5:
                continue
            task.cancel()
        if self._leases is not None:
            self._leases.vanish()
        self.node = None

    async def submit(self, asked: Asked) -> Result:
        """Send a command to this process, as a request would."""
        await self.up.wait()
        assert self.node is not None, "a process that is up has a node"
        return await self._spawn(self.node.node.commands.submit(asked))

    async def _live(self) -> None:
        world = self.world
        self._leases = MemoryLeases(world.leases, self.name, world.alive[self.service.name])
        outside = Outside(
            world.ways.store(world.store, self.sky),
            world.ways.reads(world.reads[self.service.name], self.sky),
            MemoryBus(self.sky, world.bus),
            self._leases,
            TELEMETRY,
        )
        while True:
            node = world.ways.node(self.service, world.ledger, outside, world.clock)
            try:
                await node.open()
            except StoreUnavailableError:
                await asyncio.sleep(0.05)
                continue
            break
        self.node = node
        self.up.set()
        await node.run()

    def _spawn(self, coroutine: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        context = copy_context()
        context.run(OWNER.set, self._tasks)
        return context.run(asyncio.ensure_future, coroutine)


class World:
    """Everything durable, the processes on it, and the dice."""

    def __init__(self, seed: int, ways: Ways | None = None) -> None:
        self.dice = random.Random(seed)
        self.ways = ways or Ways()
        self.calm = False
        self.store = MemoryEventStore(self.clock, SHARDS)
        self.reads = {service.name: MemoryReadStore() for service in (CAPACITY, CONTRACTS)}
        self.bus = MemoryBus()
        self.ledger = Ledger(name="sim", mode="live", shards=SHARDS)
        self.leases: dict[str, str] = {}
        self.alive: dict[str, set[str]] = {"capacity": set(), "contracts": set()}
        replicas = [(CAPACITY, 1), (CONTRACTS, 1)]
        replicas += [(self.dice.choice([CAPACITY, CONTRACTS]), 2)] if self.dice.random() < 0.5 else []
        self.processes = [Process(self, service, number) for service, number in replicas]
        self.answers: list[Answered] = []

    def clock(self) -> datetime:
        return AT + timedelta(seconds=asyncio.get_running_loop().time())

    async def play(self, commands: int) -> list[str]:
        """Live through a load with kills and faults, come to rest; return what the checker finds."""
        for process in self.processes:
            process.start()
        killing = asyncio.create_task(self._killing())
        await asyncio.gather(*(self._sending(tenant, commands) for tenant in TENANTS))
        killing.cancel()
        self.calm = True
        for process in self.processes:
            process.sky.calm = True
            if not process.up.is_set():
                process.kill()
                process.start()
        found = await self._rested()
        return found or await faults(self._evidence())

    async def _sending(self, tenant: str, commands: int) -> None:
        """Send commands one after the other, each until its outcome is known."""
        for number in range(commands):
            kind = self.dice.choice(["plain", "plain", "double", "nothing", "at", "again"])
            name = f"{kind}-{self.dice.randrange(3) if kind == 'again' else number}"
            due = self.clock().replace(microsecond=0) + timedelta(seconds=self.dice.randrange(2))
            pool = self.dice.choice(["p", "q"])
            asked = Asked(command=record(name, pool, due), id=f"{tenant}-{number}", actor=tenant)
            self.answers.append(Answered(asked, await self._until_known(asked)))

    async def _until_known(self, asked: Asked) -> Result:
        while True:
            process = self.dice.choice([one for one in self.processes if one.service is CAPACITY])
            try:
                return await process.submit(asked)
            except (OutcomeUnknownError, StoreUnavailableError, QueueFullError, Killed):
                pass
            except asyncio.CancelledError:
                current = asyncio.current_task()
                if current is not None and current.cancelling():
                    raise
            await asyncio.sleep(self.dice.random() * 0.05)

    async def _killing(self) -> None:
        while True:
            await asyncio.sleep(self.dice.random() * 0.6)
            victim = self.dice.choice(self.processes)
            victim.kill()
            await asyncio.sleep(self.dice.random() * 0.1)
            victim.start()

    async def _rested(self) -> list[str]:
        """Wait until heads, checkpoints and topics agree and no timer is due; say what does not rest."""
        try:
            async with asyncio.timeout(REST_SECONDS_MAX):
                while await self._restless():  # noqa: ASYNC110 in virtual time, and of many parts
                    await asyncio.sleep(0.2)
        except TimeoutError:
            return [f"not at rest: {await self._restless()}"]
        return []

    async def _restless(self) -> str:
        for log in ("capacity", "contracts"):
            for shard, head in (await self.store.heads(log)).items():
                partition = self.bus.partitions[log, shard]
                last = max((recorded.position for recorded in partition.records), default=0)
                if last < head.position:
                    return f"the topic of {log} {shard} is at {last} of {head.position}"
                for service in (CAPACITY, CONTRACTS):
                    for name in _consumers(service, log):
                        at = await self.reads[service.name].checkpoint(name, log, shard)
                        if at.position != head.position:
                            return f"{name} is at {at.position} of {log} {shard}, which has {head.position}"
        due = await self.reads["contracts"].due("contracts", AT + timedelta(days=1))
        if due:
            return f"timer {due[0].id} has not fired"
        parked = [one for reads in self.reads.values() for one in await reads.parked()]
        return f"{parked[0].consumer}: {parked[0].reason}" if parked else ""

    def _evidence(self) -> Evidence:
        first = next(one for one in self.processes if one.service is CAPACITY)
        return Evidence(
            store=self.store,
            bus=self.bus,
            logs=("capacity", "contracts"),
            answers=self.answers,
            rule=CAPACITY.rules[0],
            read_models=[
                (projection, self.reads[service.name])
                for service in (CAPACITY, CONTRACTS)
                for projection in service.projections
            ],
            retry=first.submit,
        )


def _consumers(service: Service, log: str) -> Sequence[str]:
    return [
        *(one.name for one in service.projections if log in one.follows),
        *(one.name for one in service.reactions if log in one.follows),
        *(one.name for one in service.timers if log in one.follows),
    ]


async def echoes(world: World) -> list[str]:
    """Return what is wrong with the echoes: one for each event of the first log, in the second."""
    events = [
        recorded
        for shard in range(SHARDS)
        async for page in world.store.scan("contracts", shard, 0)
        for recorded in page
    ]
    causes = [recorded.meta.causation for recorded in events if "echo" in recorded.payload.decode()]
    heads = await world.store.heads("capacity")
    expected = {("capacity", shard, n) for shard, head in heads.items() for n in range(1, head.position + 1)}
    found = [(cause.log, cause.shard, cause.position) for cause in causes if cause is not None]
    if len(found) != len(set(found)):
        return ["an event was echoed twice"]
    return [f"no echo of {place}" for place in expected - set(found)]


def accepted(world: World) -> int:
    return sum(isinstance(answered.result, Accepted) for answered in world.answers)
