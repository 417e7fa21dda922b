"""All services of a ledger in one process, on memory adapters and a clock that stands still.

The deciders, reactions, projections and timers are the live ones; only the store, the bus and the clock are
not. Scenario runs, the simulation and many tests stand on this.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from infra.event_store import Cut
from infra.event_store.memory import MemoryEventStore
from infra.invariants import faults
from infra.node import Ledger, Node
from infra.outcomes import Accepted, Asked, Result
from infra.read_store import DueTimer
from infra.read_store.memory import MemoryReadStore
from infra.service import Service
from infra.subscriptions import Subscription
from schemas.message import Command

TIMER_ORDER = ("capacity", "contracts", "settlement")
ROUNDS_MAX = 10_000


class NotAtRestError(Exception):
    """It does not come to rest: something is in quarantine, or events bring about events without end."""


class Part:
    """One service in the system: its node, and one subscription for each consumer and shard."""

    def __init__(self, node: Node) -> None:
        """Take the node; the consumers of a service have their turns in the order in which it lists them."""
        self.node = node
        self.subscriptions = [
            Subscription(consumer, log, shard, node.store, node.reads)
            for consumer in node.consumers
            for log in consumer.follows
            for shard in range(node.store.shards)
        ]


class System:
    """A sandbox ledger in memory. `open` it before use."""

    def __init__(self, services: Sequence[Service], now: datetime, shards: int = 4) -> None:
        """Set the clock; nothing is recorded yet."""
        self._now = now
        self.store = MemoryEventStore(self.clock, shards)
        ledger = Ledger(name="memory", mode="sandbox", shards=shards)
        self.parts: Mapping[str, Part] = {
            service.name: Part(Node(service, ledger, self.store, MemoryReadStore(), self.clock))
            for service in services
        }
        self._asks: Mapping[str, Node] = {
            name: part.node for part in self.parts.values() for name in part.node.asks
        }
        self._number = 0

    @classmethod
    async def open(cls, services: Sequence[Service], now: datetime, shards: int = 4) -> "System":
        """Return a system that is ready for commands."""
        system = cls(services, now, shards)
        for part in system.parts.values():
            await part.node.prepare()
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
        return await self._node_of(type(command)).commands.submit(asked)

    async def ask(
        self,
        name: str,
        actor: str,
        question: Any,
        *,
        valid_at: datetime | None = None,
        known: Cut | None = None,
    ) -> Any:
        """Return the answer to a question, as known at a cut; a refusal is an answer too."""
        return await self._asks[name].ask(name, actor, question, valid_at=valid_at, known=known)

    def question(self, name: str) -> type[Any] | None:
        """Return the class of a question, None if there is no such ask."""
        found = self._asks.get(name)
        return None if found is None else found.asks[name].question

    async def heads(self) -> Cut:
        """Return everything known by now."""
        return await next(iter(self.parts.values())).node.past.heads()

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
            await self._fire(part.node, timer)
            await self.rest()
        self._now = max(self._now, target)

    async def check(self) -> list[str]:
        """Return what is wrong with the invariants of ledger and services; nothing if all is well."""
        found = await faults([part.node for part in self.parts.values()])
        for part in self.parts.values():
            for check in part.node.service.checks:
                found += await check(part.node.past.at(await self.heads()), self._now)
        return found

    def _node_of(self, command: type[Command]) -> Node:
        for part in self.parts.values():
            if command in part.node.rules:
                return part.node
        raise KeyError(command)

    async def _first_due(self, target: datetime) -> tuple[Part, DueTimer] | None:
        due = [
            (timer.due, TIMER_ORDER.index(name), timer.stream, timer.kind, timer.id, part, timer)
            for name, part in self.parts.items()
            for timer in await part.node.reads.due(name, target)
        ]
        if not due:
            return None
        *_, part, timer = min(due, key=lambda found: found[:5])
        return part, timer

    async def _fire(self, node: Node, timer: DueTimer) -> None:
        result = await node.fire(timer)
        if not isinstance(result, Accepted):
            raise NotAtRestError(f"timer {timer.id} was refused: {result}")

    async def _nothing_parked(self) -> None:
        for part in self.parts.values():
            for parked in await part.node.reads.parked():
                where = f"{parked.log} shard {parked.shard} position {parked.position}"
                raise NotAtRestError(
                    f"{parked.consumer} cannot apply {where} ({parked.stream}): {parked.reason}"
                )
