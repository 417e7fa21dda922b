"""A log in memory with events in it, for tests of what follows a log."""

from datetime import datetime

from infra.commands import Commands
from infra.event_store import Recorded
from infra.event_store.memory import MemoryEventStore
from infra.node import Ledger, Node
from infra.outcomes import Asked
from infra.read_store.memory import MemoryReadStore
from tests.support.echo import CAPACITY, record
from tests.support.milestones import AT

PLACE = ("capacity", 0)


def clock() -> datetime:
    return AT


class Log:
    """One shard of the recording service."""

    def __init__(self) -> None:
        self.store = MemoryEventStore(clock, shards=1)
        self.reads = MemoryReadStore()
        ledger = Ledger(name="test", mode="live", shards=1)
        self.node = Node(CAPACITY, ledger, self.store, self.reads, clock)
        self._count = 0

    @property
    def commands(self) -> Commands:
        return self.node.commands

    async def append(self, count: int, kind: str = "plain", pool: str = "p") -> list[Recorded]:
        """Append events; return them."""
        first = (await self.store.heads("capacity"))[0].position
        for _ in range(count):
            self._count += 1
            name = f"{kind}-{self._count}"
            await self.commands.submit(Asked(command=record(name, pool), id=name, actor="ada"))
        return list(await self.store.shard("capacity", 0, first, 10_000))
