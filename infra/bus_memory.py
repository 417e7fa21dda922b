"""A bus in memory, for tests and the simulation: topics as lists, and the weather of a real one."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

from infra.bus import BusUnavailableError, Handed, Place, TopicEnd
from infra.event_store import Recorded

BATCH_EVENTS_MAX = 500
PAGE = 1000
IN_FLIGHT = "in-flight"


class Weather(Protocol):
    """What the simulation does to the bus. Called around everything; may wait, and may raise."""

    async def around(self, what: str) -> None:
        """Wait for a while, or raise BusUnavailableError."""
        ...

    def delivery(self, events: Sequence[Recorded]) -> Sequence[Recorded]:
        """Return what a reader gets to see of `events`: some may be missing, or come again."""
        ...


class FairWeather:
    """Nothing goes wrong."""

    async def around(self, what: str) -> None:
        """See `Weather.around`."""

    def delivery(self, events: Sequence[Recorded]) -> Sequence[Recorded]:
        """See `Weather.delivery`."""
        return events


class _Partition:
    """One partition: the records kept, and the offset of the first of them."""

    def __init__(self) -> None:
        self.records: list[Recorded] = []
        self.first = 0

    @property
    def end(self) -> int:
        return self.first + len(self.records)


class MemoryBus:
    """The topics of one ledger, kept until the process ends."""

    def __init__(self, weather: Weather | None = None, shared: "MemoryBus | None" = None) -> None:
        """Start with empty topics, or on those of another bus, under a weather of its own."""
        self.partitions: defaultdict[Place, _Partition] = defaultdict(_Partition)
        self.weather = weather or FairWeather()
        self.tails: dict[MemoryTail, None] = {}
        if shared is not None:
            self.partitions, self.tails = shared.partitions, shared.tails

    async def prepare(self, logs: Collection[str], *, create: bool) -> None:
        """See `Bus.prepare`: every topic is there."""

    async def remove(self, logs: Collection[str]) -> None:
        """See `Bus.remove`."""
        for place in [place for place in self.partitions if place[0] in logs]:
            del self.partitions[place]

    async def ends(self, places: Collection[Place]) -> Mapping[Place, TopicEnd]:
        """See `Bus.ends`."""
        await self.weather.around("ends")
        return {place: self._end(self.partitions[place]) for place in places}

    async def publisher(self) -> "MemoryPublisher":
        """See `Bus.publisher`."""
        await self.weather.around("publisher")
        return MemoryPublisher(self)

    async def tail(self, places: Collection[Place]) -> "MemoryTail":
        """See `Bus.tail`."""
        await self.weather.around("tail")
        tail = MemoryTail(self, {place: self.partitions[place].end for place in places})
        self.tails[tail] = None
        return tail

    async def scan(self, place: Place) -> AsyncIterator[Sequence[Recorded]]:
        """See `Bus.scan`."""
        kept = list(self.partitions[place].records)
        for start in range(0, len(kept), PAGE):
            yield kept[start : start + PAGE]

    async def close(self) -> None:
        """See `Bus.close`."""

    def store(self, place: Place, events: Sequence[Recorded]) -> int:
        """Keep records and wake the readers; return the offset of the first."""
        partition = self.partitions[place]
        base = partition.end
        partition.records += events
        for tail in self.tails:
            tail.arrived.set()
        return base

    def forget(self, place: Place) -> None:
        """Empty a partition as retention would."""
        partition = self.partitions[place]
        partition.first, partition.records = partition.end, []

    @staticmethod
    def _end(partition: _Partition) -> TopicEnd:
        last = partition.records[-1] if partition.records else None
        return TopicEnd(partition.first, partition.end, last)


class MemoryPublisher:
    """Sends; an ack may be lost after the records were kept."""

    def __init__(self, bus: MemoryBus) -> None:
        """Take the bus."""
        self._bus = bus
        self._open = True

    async def send(self, place: Place, events: Sequence[Recorded]) -> Handed:
        """See `Publisher.send`."""
        if not self._open:
            raise BusUnavailableError("the publisher is closed")
        batch = tuple(events[:BATCH_EVENTS_MAX])
        # on its way whether or not anybody waits for the ack, as with a real one
        return Handed(len(batch), asyncio.create_task(self._keep(place, batch), name=IN_FLIGHT))

    async def close(self) -> None:
        """See `Publisher.close`."""
        self._open = False

    async def _keep(self, place: Place, batch: Sequence[Recorded]) -> int:
        await self._bus.weather.around("send")
        base = self._bus.store(place, batch)
        await self._bus.weather.around("ack")
        return base


class MemoryTail:
    """Reads on from where it stands."""

    def __init__(self, bus: MemoryBus, offsets: dict[Place, int]) -> None:
        """Take the bus, and the offset of the next record in each partition."""
        self._bus, self._offsets = bus, offsets
        self.arrived = asyncio.Event()

    async def read(self, seconds_max: float) -> Mapping[Place, Sequence[Recorded]]:
        """See `Tail.read`."""
        await self._bus.weather.around("read")
        try:
            async with asyncio.timeout(seconds_max):
                await self.arrived.wait()
        except TimeoutError:
            return {}
        self.arrived.clear()
        found: dict[Place, Sequence[Recorded]] = {}
        for place, offset in self._offsets.items():
            partition = self._bus.partitions[place]
            records = partition.records[max(0, offset - partition.first) :]
            self._offsets[place] = partition.end
            if records:
                found[place] = self._bus.weather.delivery(records)
        return found

    async def close(self) -> None:
        """See `Tail.close`."""
        self._bus.tails.pop(self, None)
