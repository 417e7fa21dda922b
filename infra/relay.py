"""From log to topic: one relay a shard, stop and wait, the topic's last record as its own checkpoint.

One batch is in flight; the next is built after its ack, and its first offset must be where the partition
ended. After anything but plain success the publisher is dropped and the relay finds out anew where the
topic stands. So position p is only ever sent when p-1 is on the topic, also by a relay that has lost its
lease without knowing: repeats are possible, holes are not.
"""

import asyncio
from collections.abc import Sequence

from infra.bus import Bus, BusError, BusUnavailableError, Handed, Place, Publisher, TopicEnd
from infra.event_store import GENESIS, EventStore, Recorded, StoreCorruptError, StoreError
from infra.failpoints import Failpoint, reach
from infra.feed import Feed
from infra.read_store import START, Checkpoint, CheckpointMovedError, Effect, ReadStore
from infra.records import follows

CONSUMER = "~relay"
CHECKPOINT_EVERY = 5_000
"""Events between two checkpoints: read only when retention has emptied the topic."""


class TopicAheadError(StoreError):
    """The topic holds what the store does not: it was rewound. No appends, no sends, consumers stop."""

    def __init__(self, log: str, shard: int, position: int) -> None:
        """Name the last event of the topic."""
        super().__init__(
            f"store_rewound: the topic of {log} shard {shard} ends with position {position}, not so the store"
        )
        self.log, self.shard, self.position = log, shard, position


class Publishers:
    """The publisher that all relays of a ledger share in one process; any of them may drop it."""

    def __init__(self, bus: Bus) -> None:
        """Nothing is connected yet."""
        self._bus = bus
        self._current: Publisher | None = None
        self._making = asyncio.Lock()

    async def current(self) -> Publisher:
        """Return the publisher in use, a new one after a drop.

        Raises:
            BusUnavailableError: the bus cannot be reached.
        """
        async with self._making:
            if self._current is None:
                self._current = await self._bus.publisher()
            return self._current

    async def drop(self, publisher: Publisher) -> None:
        """Let go of a publisher that failed; whatever others have in flight on it fails too."""
        if self._current is publisher:
            self._current = None
        await publisher.close()

    async def close(self) -> None:
        """Let go of the publisher in use."""
        if self._current is not None:
            await self.drop(self._current)


class Relay:
    """Brings one shard to its topic."""

    def __init__(
        self, feed: Feed, store: EventStore, reads: ReadStore, bus: Bus, publishers: Publishers
    ) -> None:
        """Nothing is sent before the first `step`."""
        self._feed, self._store, self._reads = feed, store, reads
        self._bus, self._publishers = bus, publishers
        self._place: Place = (feed.log, feed.shard)
        self._publisher: Publisher | None = None
        self._checkpoint = START
        self.sent = START
        self.end: int = 0
        self.behind_since: float | None = None

    @property
    def backlog(self) -> int:
        """How many events are known that are not yet on the topic."""
        return max(0, self._feed.head - self.sent.position)

    async def step(self) -> int:
        """Send one batch and wait for its ack; return how many events, 0 if all is sent.

        Raises:
            TopicAheadError: the store does not hold the topic's last event.
            RecordTooLargeError: the next event fits no record.
            BusError, StoreError: try again later; nothing is lost.
        """
        publisher = await self._publishers.current()
        try:
            if publisher is not self._publisher:
                await self._resume()
                self._publisher = publisher
            return await self._send(publisher)
        except BusError:
            await self._drop(publisher)
            raise
        except BaseException:
            # what was handed over may still arrive: look where the topic stands before the next batch
            self._publisher = None
            raise

    async def close(self) -> None:
        """Keep the checkpoint."""
        if self.sent.position > self._checkpoint.position:
            await self._keep_checkpoint()

    async def _drop(self, publisher: Publisher) -> None:
        self._publisher = None
        await self._publishers.drop(publisher)

    async def _resume(self) -> None:
        """Find out where the topic stands, and that the store goes on from there."""
        end: TopicEnd = (await self._bus.ends([self._place]))[self._place]
        self.sent = await standing(self._place, end, self._store, self._reads)
        self.end = end.end

    async def _send(self, publisher: Publisher) -> int:
        events = await self._feed.after(self.sent.position, self._store)
        if not events:
            self.behind_since = None
            return 0
        if not follows(self.sent.chain, events[0]):
            events = await self._again()
        self.behind_since = self.behind_since or asyncio.get_running_loop().time()
        handed = await publisher.send(self._place, events)
        await reach(Failpoint.RELAY_AFTER_SEND)
        last = events[handed.count - 1]
        base = await self._acked(handed, last.position)
        await reach(Failpoint.RELAY_AFTER_ACK)
        if base != self.end:
            raise BusUnavailableError(
                f"{self._place}: a batch went to offset {base}, the partition ended at {self.end}"
            )
        self.sent, self.end = Checkpoint(last.position, last.chain), base + handed.count
        if self.sent.position >= self._checkpoint.position + CHECKPOINT_EVERY:
            await self._keep_checkpoint()
        return handed.count

    async def _acked(self, handed: Handed, position: int) -> int:
        """Return the offset that a batch got; meanwhile read on into the feed, where the log has more."""
        if self._feed.head <= position:
            return await handed.ack
        reading = asyncio.ensure_future(self._feed.after(position, self._store))
        try:
            return await handed.ack
        finally:
            # it is only ahead of time: whatever goes wrong with it goes wrong again when it is needed
            await asyncio.gather(reading, return_exceptions=True)

    async def _again(self) -> Sequence[Recorded]:
        """Find out anew where topic and store stand, after an event that does not go on from the last sent.

        Raises:
            TopicAheadError: the store was rewound, and written to since.
            StoreCorruptError: it was not, and yet its chain does not hold.
        """
        self._feed.forget()
        await self._resume()
        events = await self._feed.after(self.sent.position, self._store)
        if events and not follows(self.sent.chain, events[0]):
            raise StoreCorruptError(*self._place, events[0].position, "the chain does not hold")
        return events

    async def _keep_checkpoint(self) -> None:
        log, shard = self._place
        seen = await self._reads.checkpoint(CONSUMER, log, shard)
        effect = Effect(consumer=CONSUMER, log=log, shard=shard, seen=seen, reached=self.sent)
        if seen.position < self.sent.position:
            try:
                await self._reads.apply(effect)
            except CheckpointMovedError:
                return  # another relay of this shard keeps it now
        self._checkpoint = self.sent


async def standing(place: Place, end: TopicEnd, store: EventStore, reads: ReadStore) -> Checkpoint:
    """Return the last event of a partition's topic as the store knows it; the one after it comes next.

    Raises:
        TopicAheadError: the store is shorter than the topic, or different.
    """
    log, shard = place
    if end.last is not None:
        found = Checkpoint(end.last.position, end.last.chain)
    elif end.end == 0:
        return START
    else:
        found = await reads.checkpoint(CONSUMER, log, shard)
    if found.position == 0:
        assert found.chain == GENESIS, "nothing is before the first event"
        return START
    kept = await store.shard(log, shard, found.position - 1, 1)
    if not kept or kept[0].chain != found.chain:
        raise TopicAheadError(log, shard, found.position)
    return found
