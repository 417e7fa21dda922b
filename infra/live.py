"""One service in one ledger, alive: relays, consumers and timers, each piece of work under a lease.

The parts are the same with PostgreSQL and Kafka, in a test on memory adapters, and in the simulation.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from infra.alarms import Alarm, Alarms, alarm_of
from infra.bus import Bus, BusError, Place
from infra.event_store import Appended, Batch, ClockSuspectError, EventStore
from infra.feed import Feed
from infra.following import HeadWatch, Pump, relaying, tailing
from infra.leases import Leases, LeasesLostError, Shared
from infra.live_store import LiveStore
from infra.logging import logger
from infra.node import Ledger, Node
from infra.read_store import ReadStore
from infra.relay import Publishers, Relay, TopicAheadError, standing
from infra.service import Service
from infra.subscriptions import StoreRewoundError, Subscription
from infra.supervision import Backoff, ended, keep, now
from infra.telemetry import Labels, Telemetry
from infra.timers import Timers, Turns

BALANCE_SECONDS = 1.0
OWN_HEADS_SECONDS = 0.1
OTHER_HEADS_SECONDS = 1.0
COMPARE_SECONDS_MAX = 10.0
FLUSH_SECONDS_MAX = 2.0
FLUSH_LOOK_SECONDS = 0.01

_log = logger("capledger.live")


class Outside:
    """What a live service stands on: its stores, the bus, its leases, and where it tells how it is."""

    def __init__(
        self, store: EventStore, reads: ReadStore, bus: Bus, leases: Leases, telemetry: Telemetry
    ) -> None:
        """Take them all."""
        self.store, self.reads, self.bus, self.leases, self.telemetry = store, reads, bus, leases, telemetry


class LiveNode:
    """A node with everything that makes its events move. `open` it, `run` it, `close` it."""

    def __init__(
        self, service: Service, ledger: Ledger, outside: Outside, clock: Any, turns: Turns | None = None
    ) -> None:
        """Build the node; nothing moves yet.

        Args:
            service: what it is.
            ledger: in which ledger.
            outside: what it stands on.
            clock: `clock()` returns the ledger's now, `await clock.refresh()` reads it anew.
            turns: of a sandbox, whose timers fire one at a time.
        """
        self._outside, self._bus, self.telemetry = outside, outside.bus, outside.telemetry
        self.alarms = Alarms()
        self.store = LiveStore(outside.store, self._announce, outside.telemetry, self._clock_suspect)
        self.node = Node(service, ledger, self.store, outside.reads, clock, live=True)
        followed = {log for consumer in self.node.consumers for log in consumer.follows}
        self.feeds: Mapping[Place, Feed] = {
            (log, shard): Feed(log, shard)
            for log in sorted(followed | set(service.logs))
            for shard in range(ledger.shards)
        }
        self.publishers = Publishers(self._bus)
        self.pumps = {place: self._pumps_of(place) for place in self.feeds if place[0] in followed}
        for pumps in _by_consumer(self.pumps.values()).values():
            for pump in pumps:
                pump.siblings = pumps
        self.relays = {place: self._relay_of(place) for place in self.feeds if place[0] in service.logs}
        subscriptions = [pump.subscription for pumps in self.pumps.values() for pump in pumps]
        self.timers = Timers(self.node, subscriptions, self.telemetry, turns, self.alarms)
        self._watch = HeadWatch(self.store, self.feeds, self.rewound)
        self._work: dict[str, asyncio.Task[None]] = {}
        self._running: asyncio.Task[None] | None = None
        self._shared = self._kinds_of_work()

    async def open(self) -> None:
        """Make what is missing, and compare each own log with its topic; then it takes appends.

        Where Kafka is away for 10 s the logs open without, and the relay compares before it sends.

        Raises:
            StoreUnavailableError: the store cannot be reached.
        """
        await self.node.prepare()
        for log in sorted({log for log, _ in self.feeds}):
            await self._watch.look(log)
        try:
            async with asyncio.timeout(COMPARE_SECONDS_MAX):
                ends = await self._bus.ends(list(self.relays))
        except (BusError, TimeoutError) as error:
            _log.warning("opened_without_topics", ledger=self.node.ledger.name, reason=str(error))
            return
        for place, end in ends.items():
            try:
                await standing(place, end, self.store, self.node.reads)
            except TopicAheadError as error:
                self._shut(place, error)

    async def run(self) -> None:
        """Do this replica's part of the work until cancelled or closed."""
        self._running = asyncio.current_task()
        other = sorted({log for log, _ in self.feeds} - set(self.node.service.logs))
        own = list(self.node.service.logs)
        followed = {place: feed for place, feed in self.feeds.items() if place in self.pumps}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kept("tail", lambda backoff: tailing(self._bus, followed, backoff)))
            group.create_task(
                self._kept("heads-own", lambda backoff: self._watch.run(own, OWN_HEADS_SECONDS, backoff))
            )
            group.create_task(
                self._kept(
                    "heads-other", lambda backoff: self._watch.run(other, OTHER_HEADS_SECONDS, backoff)
                )
            )
            group.create_task(self._kept("leases", self._balancing))

    async def close(self) -> None:
        """Stop: consumers and timers first, then the relays once all is sent, after at most 2 s."""
        if self._running is not None:
            # first of all, or what is stopped here would be started again
            await ended(self._running)
        pumps = [task for name, task in self._work.items() if not name.startswith("relay")]
        await ended(*pumps)
        deadline = now() + FLUSH_SECONDS_MAX
        while self._relays_behind() and now() < deadline:  # noqa: ASYNC110 relays tell nobody
            await asyncio.sleep(FLUSH_LOOK_SECONDS)
        await ended(*self._work.values())
        self._work.clear()
        await self.publishers.close()
        await self._outside.leases.close()
        await self._bus.close()

    def lags(self) -> Iterable[tuple[float, Labels]]:
        """Yield how many events each consumer has before it."""
        for consumer, pumps in _by_consumer(self.pumps.values()).items():
            yield sum(pump.lag for pump in pumps if self._held(pump.feed)), self._labels(consumer=consumer)

    def lag_seconds(self) -> Iterable[tuple[float, Labels]]:
        """Yield for how long each consumer has not been at the head."""
        time = now()
        for consumer, pumps in _by_consumer(self.pumps.values()).items():
            since = [pump.behind_since for pump in pumps if pump.behind_since is not None]
            yield (time - min(since) if since else 0.0), self._labels(consumer=consumer)

    def backlogs(self) -> Iterable[tuple[float, Labels]]:
        """Yield how many events of each own log are not yet on the topic."""
        for log in self.node.service.logs:
            relays = [relay for (name, _), relay in self.relays.items() if name == log]
            yield sum(relay.backlog for relay in relays), self._labels(log=log)

    def backlog_seconds(self) -> Iterable[tuple[float, Labels]]:
        """Yield for how long each own log has had events that are not yet on the topic."""
        time = now()
        for log in self.node.service.logs:
            since = [r.behind_since for (name, _), r in self.relays.items() if name == log and r.behind_since]
            yield (time - min(since) if since else 0.0), self._labels(log=log)

    def quarantined(self) -> Iterable[tuple[float, Labels]]:
        """Yield how many streams wait in quarantine for each consumer."""
        for consumer, pumps in _by_consumer(self.pumps.values()).items():
            yield sum(pump.subscription.parked_streams for pump in pumps), self._labels(consumer=consumer)

    def alarming(self) -> Iterable[tuple[float, Labels]]:
        """Yield how many of each alarm ring."""
        for alarm, count in self.alarms.counts().items():
            yield float(count), self._labels(alarm=alarm.value)

    def _labels(self, **more: str) -> dict[str, str]:
        return {"ledger": self.node.ledger.name, **more}

    def _held(self, feed: Feed) -> bool:
        return self._consume_lease((feed.log, feed.shard)) in self._work

    def _relays_behind(self) -> bool:
        return any(
            relay.backlog for place, relay in self.relays.items() if self._relay_lease(place) in self._work
        )

    def _announce(self, log: str, shard: int, batch: Batch, appended: Appended) -> None:
        self.feeds[log, shard].appended(batch, appended)

    def _pumps_of(self, place: Place) -> list[Pump]:
        log, shard = place
        return [
            Pump(
                Subscription(consumer, log, shard, self.store, self.node.reads),
                self.feeds[place],
                self.store,
                self.telemetry,
            )
            for consumer in self.node.consumers
            if log in consumer.follows
        ]

    def _relay_of(self, place: Place) -> Relay:
        return Relay(self.feeds[place], self.store, self.node.reads, self._bus, self.publishers)

    def _shut(self, place: Place, error: Exception) -> None:
        """Take no more appends in a log of which one shard is not what it was.

        In none of its shards: a book whose first events are lost would be placed anew in another one.
        """
        for shard in range(self.node.ledger.shards):
            self.store.shut(place[0], shard, str(error))
        self.alarms.ring(alarm_of(error), f"{place[0]}-{place[1]}", str(error))

    def known_position(self, place: Place) -> int:
        """Return how far a shard is known here to have reached; 0 if nothing is known."""
        feed = self.feeds.get(place)
        return 0 if feed is None else feed.head

    def rewound(self, place: Place, before: int, now_at: int) -> None:
        """Take note that a shard ends at `now_at`, and reached `before` earlier: stop what rests on it."""
        error = StoreRewoundError("what was known here", *place, before)
        for pump in self.pumps.get(place, ()):
            pump.suspect()
        if place in self.relays:
            self._shut(place, error)
        else:
            self.alarms.ring(Alarm.STORE_REWOUND, f"{place[0]}-{place[1]}", f"{error}: it ends at {now_at}")

    def _clock_suspect(self, log: str, error: ClockSuspectError | None) -> None:
        if error is None:
            self.alarms.hush(f"{log}-clock")
        else:
            self.alarms.ring(Alarm.CLOCK_SUSPECT, f"{log}-clock", str(error))

    def _look_at_quarantine(self) -> None:
        """Let what waits in quarantine ring, as far as this replica consumes."""
        for consumer, pumps in _by_consumer(self.pumps.values()).items():
            streams = sum(pump.subscription.parked_streams for pump in pumps if self._held(pump.feed))
            if streams:
                self.alarms.ring(Alarm.QUARANTINED, f"{consumer}-quarantine", f"{streams} streams wait")
            else:
                self.alarms.hush(f"{consumer}-quarantine")

    async def _kept(self, name: str, run: Callable[[Backoff], Coroutine[Any, Any, None]]) -> None:
        await keep(f"{self.node.ledger.name}-{name}", run, self.alarms)

    def _relay_lease(self, place: Place) -> str:
        return f"relay:{place[0]}:{place[1]}"

    def _consume_lease(self, place: Place) -> str:
        return f"consume:{self.node.service.name}:{place[0]}:{place[1]}"

    def _kinds_of_work(self) -> list[Shared]:
        return [
            Shared([self._relay_lease(place) for place in self.relays]),
            Shared([self._consume_lease(place) for place in self.pumps]),
            Shared([f"timers:{self.node.service.name}"]),
        ]

    async def _balancing(self, backoff: Backoff) -> None:
        """Hold this replica's part of the leases, and do the work of those held."""
        leases = self._outside.leases
        try:
            while True:
                replicas = await leases.beat()
                for kind in self._shared:
                    # what is given back is stopped first, so that two do the same only when a lease is lost
                    await self._stop(kind.surplus(replicas))
                    await kind.balance(leases, replicas)
                    self._start(sorted(kind.held))
                self._look_at_quarantine()
                backoff.reset()
                await asyncio.sleep(BALANCE_SECONDS)
        except LeasesLostError:
            for kind in self._shared:
                kind.held.clear()
            await self._stop(list(self._work))
            raise

    def _start(self, names: Iterable[str]) -> None:
        for name in names:
            task = self._work.get(name)
            if task is None:
                self._work[name] = asyncio.create_task(self._doing(name), name=name)

    async def _stop(self, names: Iterable[str]) -> None:
        tasks = [task for name in names if (task := self._work.pop(name, None)) is not None]
        await ended(*tasks)

    async def _doing(self, name: str) -> None:
        kind, *where = name.split(":")
        if kind == "timers":
            await self._kept(name, self.timers.run)
            return
        place = (where[-2], int(where[-1]))
        if kind == "relay":
            await self._relaying(name, place)
            return
        async with asyncio.TaskGroup() as group:
            for pump in self.pumps[place]:
                group.create_task(self._kept(f"{name}:{pump.subscription.consumer.name}", pump.run))

    async def _relaying(self, name: str, place: Place) -> None:
        relay, feed = self.relays[place], self.feeds[place]
        await keep(
            f"{self.node.ledger.name}-{name}",
            lambda backoff: relaying(relay, feed, self.telemetry, backoff),
            self.alarms,
            lambda error: self._shut(place, error),
        )


def _by_consumer(groups: Iterable[Iterable[Pump]]) -> dict[str, list[Pump]]:
    found: dict[str, list[Pump]] = {}
    for pumps in groups:
        for pump in pumps:
            found.setdefault(pump.subscription.consumer.name, []).append(pump)
    return found
