"""The loops that bring the events of a shard to its consumers and to its topic, all on one feed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from infra.bus import Bus, BusUnavailableError, Place
from infra.event_store import EventStore, StoreError
from infra.feed import Feed
from infra.relay import Relay
from infra.subscriptions import Subscription
from infra.supervision import Backoff, heard, now
from infra.telemetry import Telemetry

IDLE_SECONDS = 1.0
BLOCKED_SECONDS = 0.1
COMPARE_SECONDS = 60.0
READ_SECONDS = 1.0
STALLED_SECONDS = 10.0


class Pump:
    """Drives one subscription: whatever its shard's feed has, page by page."""

    def __init__(
        self, subscription: Subscription, feed: Feed, store: EventStore, telemetry: Telemetry
    ) -> None:
        """Nothing is read before `run`."""
        self.subscription, self.feed = subscription, feed
        self._store, self._telemetry = store, telemetry
        self.wake = asyncio.Event()
        self.siblings: Sequence[Pump] = ()
        self.blocked = False
        self._suspicious = False
        self.behind_since: float | None = None

    @property
    def lag(self) -> int:
        """How many events are known that are not yet consumed."""
        return max(0, self.feed.head - self.subscription.position)

    async def run(self, backoff: Backoff) -> None:
        """Consume until cancelled."""
        self.wake = self.feed.listen()
        compared = now()
        try:
            await self.subscription.open()
            while True:
                self.wake.clear()
                if await self.step():
                    backoff.reset()
                    continue
                if not await heard(self.wake, BLOCKED_SECONDS if self.blocked else IDLE_SECONDS):
                    await self.subscription.heal()
                if self._suspicious or now() - compared > COMPARE_SECONDS:
                    await self.subscription.compare()
                    compared, self._suspicious = now(), False
        finally:
            self.feed.leave(self.wake)

    def suspect(self) -> None:
        """Compare with the store at once: something about it is not as it was."""
        self._suspicious = True
        self.wake.set()

    async def step(self) -> int:
        """Consume one page; return how many events, 0 at the head or where the next one must wait."""
        before = self.subscription.position
        events = await self.feed.after(before, self._store)
        if not events:
            self.blocked, self.behind_since = False, None
            return 0
        if self.behind_since is None:
            self.behind_since = now()
        count = await self.subscription.offer(events)
        self.blocked = not count
        if count:
            self._telemetry.observe(
                "consumer_batch_size", count, {"consumer": self.subscription.consumer.name}
            )
            for sibling in self.siblings:
                if sibling.blocked:
                    sibling.wake.set()
        if not self.lag:
            self.behind_since = None
        return count


async def relaying(relay: Relay, feed: Feed, telemetry: Telemetry, backoff: Backoff) -> None:
    """Bring a shard to its topic until cancelled."""
    wake = feed.listen()
    try:
        while True:
            wake.clear()
            count = await relay.step()
            if count:
                backoff.reset()
                telemetry.count("relayed_events_total", count, {"log": feed.log})
                telemetry.observe("relay_batch_size", count, {"log": feed.log})
            else:
                await wake.wait()
    finally:
        feed.leave(wake)
        with suppress(StoreError):  # it only saves work after retention has emptied the topic
            await asyncio.shield(relay.close())


async def tailing(bus: Bus, feeds: Mapping[Place, Feed], backoff: Backoff) -> None:
    """Offer what comes by topic to the feeds, until cancelled or until the bus is of no use.

    Raises:
        BusUnavailableError: a new tail is needed. Progress is what is watched, not the connection: a
        topic that brings nothing although the log has moved on is as good as lost.
    """
    tail = await bus.tail(feeds)
    progress = {place: Progress(feed) for place, feed in feeds.items()}
    try:
        while True:
            for place, events in (await tail.read(READ_SECONDS)).items():
                feeds[place].offer(events)
                if events:
                    progress[place].came(events[-1].position)
                    backoff.reset()
            stalled = [place for place, one in progress.items() if one.stalled()]
            if stalled:
                raise BusUnavailableError(
                    f"the topic of {stalled[0]} brings nothing for {STALLED_SECONDS:g} s"
                )
    finally:
        await tail.close()


class Progress:
    """Whether a partition brings what the log has had for a while."""

    def __init__(self, feed: Feed) -> None:
        """Expect nothing but what comes from now on."""
        self._feed, self._reached, self._since = feed, feed.head, now()

    def came(self, position: int) -> None:
        """Take note of what the partition brought."""
        self._reached, self._since = max(self._reached, position), now()

    def stalled(self) -> bool:
        """Say whether it has brought nothing for some time although the log has moved on."""
        if self._feed.head <= self._reached:
            self._since = now()
        return now() - self._since > STALLED_SECONDS


class HeadWatch:
    """Looks how far logs reach, for what no signal in this process tells."""

    def __init__(
        self, store: EventStore, feeds: Mapping[Place, Feed], on_rewound: Callable[[Place, int, int], None]
    ) -> None:
        """Take the feeds to tell, and `on_rewound(place, before, now)` for a log that became shorter."""
        self._store, self._feeds, self._on_rewound = store, feeds, on_rewound

    async def look(self, log: str) -> None:
        """Tell the feeds of a log how far it reaches; tell of the shards that are shorter than they were."""
        before = {shard: feed.head for (name, shard), feed in self._feeds.items() if name == log}
        for shard, head in (await self._store.heads(log)).items():
            feed = self._feeds.get((log, shard))
            if feed is None:
                continue
            feed.announce(head.position)
            if head.position < before[shard]:
                self._on_rewound((log, shard), before[shard], head.position)

    async def run(self, logs: Sequence[str], seconds: float, backoff: Backoff) -> None:
        """Look at some logs again and again, until cancelled."""
        while True:
            for log in logs:
                await self.look(log)
            backoff.reset()
            await asyncio.sleep(seconds)
