"""All services of a ledger in one process, on memory adapters and a clock that stands still.

The deciders, reactions, projections and timers are the live ones; only the store, the bus and the clock are not.
Scenario runs, the simulation and many tests stand on this.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from infra.codec import command_named, decode_as
from infra.commands import Commands
from infra.consumers import consumers
from infra.event_store import Cut
from infra.event_store.memory import MemoryEventStore
from infra.ledger_past import LedgerPast
from infra.outcomes import Accepted, Asked, Result
from infra.read_store import DueTimer
from infra.read_store.memory import MemoryReadStore
from infra.service import Ask, Service, View
from infra.subscriptions import Subscription
from schemas.message import Command

TIMER_ORDER = ("capacity", "contracts", "settlement")
ROUNDS_MAX = 10_000


class NotAtRestError(Exception):
    """The system does not come to rest: something is in quarantine, or events bring about events without end."""


class Part:
    """One service in the system: its commands, its past, its read store, its subscriptions."""

    def __init__(self, service: Service, system: "System") -> None:
        """Build the service's machinery on the system's store and clock."""
        self.service = service
        self.reads = MemoryReadStore()
        follows = {
            consumer.name: consumer.follows for consumer in (*service.projections, *service.timers, *service.reactions)
        }
        self.past = LedgerPast(system.store, self.reads, system.logs, follows)
        self.commands = Commands(system.store, [service], self.past, system.clock)
        made = consumers(
            service.projections,
            service.timers,
            service.reactions,
            service=service.name,
            commands=self.commands,
            past=self.past,
        )
        self.subscriptions = [
            Subscription(consumer, log, shard, system.store, self.reads)
            for consumer in made
            for log in consumer.follows
            for shard in range(system.store.shards)
        ]

    async def prepare(self) -> None:
        """Make the tables of the read models."""
        for projection in self.service.projections:
            await self.reads.prepare(projection.tables)


class System:
    """A sandbox ledger in memory. `open` it before use."""

    def __init__(self, services: Sequence[Service], now: datetime, shards: int = 4) -> None:
        """Set the clock; nothing is recorded yet."""
        self._now = now
        self.logs = tuple(log for service in services for log in service.logs)
        self.store = MemoryEventStore(self.clock, shards)
        self.parts: Mapping[str, Part] = {service.name: Part(service, self) for service in services}
        self._asks: Mapping[str, tuple[Part, Ask]] = {
            ask.name: (part, ask) for part in self.parts.values() for ask in part.service.asks
        }
        self._number = 0

    @classmethod
    async def open(cls, services: Sequence[Service], now: datetime, shards: int = 4) -> "System":
        """Return a system that is ready for commands."""
        system = cls(services, now, shards)
        for part in system.parts.values():
            await part.prepare()
        return system

    def clock(self) -> datetime:
        """Return the ledger's clock."""
        return self._now

    async def submit(
        self, actor: str, command: Command, *, id_: str | None = None, effective_at: datetime | None = None
    ) -> Result:
        """Decide and append one command; nothing that follows from it has happened yet."""
        self._number += 1
        asked = Asked(
            command=command, id=id_ or f"step-{self._number}", actor=actor, effective_at=effective_at
        )
        return await self._part_of(type(command)).commands.submit(asked)

    async def ask(
        self, name: str, actor: str, question: Any, *, valid_at: datetime | None = None, known: Cut | None = None
    ) -> Any:
        """Return the answer to a question, as known at a cut; a refusal is an answer too."""
        part, ask = self._asks[name]
        past = part.past.at(known or await self.heads())
        view = View(actor=actor, valid_at=valid_at or self._now, now=self._now, past=past)
        return await ask.answer(question, view)

    def question(self, name: str) -> type[Any] | None:
        """Return the class of a question, None if there is no such ask."""
        found = self._asks.get(name)
        return None if found is None else found[1].question

    async def heads(self) -> Cut:
        """Return everything known by now."""
        return await next(iter(self.parts.values())).past.at(None).heads()

    async def rest(self) -> None:
        """Let every consumer catch up until nothing moves.

        Raises:
            NotAtRestError: something is in quarantine, or it never ends.
        """
        for _ in range(ROUNDS_MAX):
            moved = 0
            for part in self.parts.values():
                for subscription in part.subscriptions:
                    moved += await subscription.advance()
            if not moved:
                await self._nothing_parked()
                return
        raise NotAtRestError(f"still moving after {ROUNDS_MAX} rounds")

    async def advance(self, target: datetime) -> None:
        """Move the clock to `target`, firing on the way what falls due, in order."""
        await self.rest()
        while (found := await self._first_due(target)) is not None:
            part, timer = found
            self._now = max(self._now, timer.due)
            await self._fire(part, timer)
            await self.rest()
        self._now = max(self._now, target)

    async def check(self) -> list[str]:
        """Return what is wrong with the invariants of all services; nothing if all is well."""
        found: list[str] = []
        for part in self.parts.values():
            for check in part.service.checks:
                found += await check(part.past.at(await self.heads()), self._now)
        return found

    def _part_of(self, command: type[Command]) -> Part:
        for part in self.parts.values():
            if any(rule.command is command for rule in part.service.rules):
                return part
        raise KeyError(command)

    async def _first_due(self, target: datetime) -> tuple[Part, DueTimer] | None:
        due = [
            (timer.due, TIMER_ORDER.index(name), timer.stream, timer.kind, timer.id, part, timer)
            for name, part in self.parts.items()
            for timer in await part.reads.due(name, target)
        ]
        if not due:
            return None
        *_, part, timer = min(due, key=lambda found: found[:5])
        return part, timer

    async def _fire(self, part: Part, timer: DueTimer) -> None:
        command_type = command_named(timer.command_type)
        assert command_type is not None, "a timer's command was known when it was set"
        origin = timer.origin
        (cause,) = await self.store.shard(origin.log, origin.shard, origin.position - 1, 1)
        asked = Asked(
            command=decode_as(command_type, timer.command),
            id=timer.id,
            actor=f"~timer/{part.service.name}",
            effective_at=timer.due,
            cause=cause,
        )
        result = await part.commands.submit(asked)
        if not isinstance(result, Accepted):
            raise NotAtRestError(f"timer {timer.id} was refused: {result}")
        await part.reads.fired(part.service.name, timer.id)

    async def _nothing_parked(self) -> None:
        for part in self.parts.values():
            for parked in await part.reads.parked():
                where = f"{parked.log} shard {parked.shard} position {parked.position}"
                raise NotAtRestError(f"{parked.consumer} cannot apply {where} ({parked.stream}): {parked.reason}")


