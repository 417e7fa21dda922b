"""What may happen to a process: all it asks of the outside takes a while, fails, or is its last word."""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from infra.bus import BusUnavailableError
from infra.event_store import (
    Appended,
    Batch,
    Conflict,
    Head,
    OutcomeUnknownError,
    Recorded,
    StoreUnavailableError,
    Writer,
)
from infra.event_store.memory import MemoryEventStore
from infra.read_store import Checkpoint, DueTimer, Effect
from infra.read_store.memory import MemoryReadStore


class Killed(BaseException):
    """Raised into whatever a killed process still tries to do."""


class Sky:
    """The weather over one process. `calm` ends all faults; `dead` ends the process."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.calm = False
        self.dead = False

    async def wait(self) -> None:
        """Take a while; most often next to none."""
        if self.dead:
            raise Killed
        await asyncio.sleep(0 if self.dice.random() < 0.6 else self.dice.random() * 0.03)
        if self.dead:
            raise Killed

    def strikes(self, chance: float) -> bool:
        return not self.calm and self.dice.random() < chance

    async def around(self, what: str) -> None:
        """See `Weather.around` of the bus."""
        if what == "send":
            # on its way already: it may arrive after its sender's end
            await asyncio.sleep(self.dice.random() * 0.03)
        else:
            await self.wait()
        chance = {"send": 0.03, "ack": 0.05, "ends": 0.03, "read": 0.01}.get(what, 0.02)
        if self.strikes(chance):
            raise BusUnavailableError(f"the bus is away: {what}")

    def delivery(self, events: Sequence[Recorded]) -> Sequence[Recorded]:
        """See `Weather.delivery`: some are lost on the way, some come again."""
        seen: list[Recorded] = []
        for recorded in events:
            if self.strikes(0.05):
                continue
            seen.append(recorded)
            if self.strikes(0.05):
                seen.append(self.dice.choice(seen))
        return seen


class StormyStore(MemoryEventStore):
    """One process's way to the ledger's one store: the calls that matter take a while, and fail."""

    def __init__(self, store: MemoryEventStore, sky: Sky) -> None:
        self.__dict__.update(store.__dict__)
        self.sky = sky

    def writer(self, log: str, shard: int) -> Writer:
        return StormyWriter(super().writer(log, shard), self.sky)

    @asynccontextmanager
    async def exclusive(self, log: str, shard: int) -> AsyncGenerator[Writer]:
        async with super().exclusive(log, shard) as writer:
            yield StormyWriter(writer, self.sky)

    async def shard(self, log: str, shard: int, after: int, limit: int = 1000) -> Sequence[Recorded]:
        await self._read()
        return await super().shard(log, shard, after, limit)

    async def heads(self, log: str) -> Mapping[int, Head]:
        await self._read()
        return await super().heads(log)

    async def _read(self) -> None:
        await self.sky.wait()
        if self.sky.strikes(0.005):
            raise StoreUnavailableError("the store is away")


class StormyWriter:
    """An append may fail before it happens, or be done without anybody hearing of it."""

    def __init__(self, writer: Writer, sky: Sky) -> None:
        self._writer, self._sky = writer, sky

    async def append(self, batch: Batch) -> Appended | Conflict:
        await self._sky.wait()
        if self._sky.strikes(0.03):
            raise StoreUnavailableError("nothing was written")
        answer = await self._writer.append(batch)
        await self._sky.wait()
        if self._sky.strikes(0.06):
            raise OutcomeUnknownError("the connection was lost")
        return answer

    async def stream(self, tenant: str, stream: str, after: int = 0) -> Sequence[Recorded]:
        await self._sky.wait()
        return await self._writer.stream(tenant, stream, after)


class StormyReads(MemoryReadStore):
    """One process's way to a service's one read store."""

    def __init__(self, reads: MemoryReadStore, sky: Sky) -> None:
        self.__dict__.update(reads.__dict__)
        self.sky = sky

    async def checkpoint(self, consumer: str, log: str, shard: int) -> Checkpoint:
        await self.sky.wait()
        return await super().checkpoint(consumer, log, shard)

    async def apply(self, effect: Effect) -> None:
        await self.sky.wait()
        if self.sky.strikes(0.03):
            raise StoreUnavailableError("nothing was written")
        await super().apply(effect)
        await self.sky.wait()
        if self.sky.strikes(0.05):
            raise OutcomeUnknownError("the connection was lost")

    async def due(self, service: str, until: Any) -> Sequence[DueTimer]:
        await self.sky.wait()
        return await super().due(service, until)
