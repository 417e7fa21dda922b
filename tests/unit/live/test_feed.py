"""A feed gives each event in order, from wherever it comes first, and trusts nothing it cannot check."""

from collections.abc import Sequence

import msgspec

from infra.event_store import Recorded
from infra.event_store.memory import MemoryEventStore
from infra.feed import WINDOW_EVENTS_MAX, Feed
from infra.live_store import LiveStore
from infra.node import Ledger, Node
from infra.outcomes import Asked
from infra.telemetry import Telemetry
from tests.support.echo import CAPACITY, record
from tests.unit.live.appended import Log, clock

TELEMETRY = Telemetry("tests")


async def test_what_is_not_at_hand_is_read_from_the_log() -> None:
    log, feed = Log(), Feed("capacity", 0)
    events = await log.append(5)
    assert await feed.after(0, log.store) == events
    assert feed.known(2) == events[2:]
    assert not await feed.after(5, log.store)


async def test_what_comes_by_topic_goes_on_from_what_is_at_hand() -> None:
    log, feed = Log(), Feed("capacity", 0)
    events = await log.append(6)
    await feed.after(0, Cut(log, 3))
    feed.offer(events[3:])
    assert feed.known(3) == events[3:]


async def test_a_repeat_is_dropped_and_a_hole_is_left_to_the_log() -> None:
    log, feed = Log(), Feed("capacity", 0)
    events = await log.append(8)
    await feed.after(0, Cut(log, 3))
    feed.offer([events[1], events[2], events[6]])
    assert feed.head == 7
    assert feed.known(3) == ()
    assert await feed.after(3, log.store) == events[3:]


async def test_a_changed_record_is_not_taken_and_the_log_is_read_instead() -> None:
    log, feed = Log(), Feed("capacity", 0)
    events = await log.append(4)
    await feed.after(0, Cut(log, 3))
    feed.offer([msgspec.structs.replace(events[3], payload=b"{}")])
    assert feed.stale_records == 1
    assert await feed.after(3, log.store) == [events[3]]


async def test_whoever_waits_is_woken_by_whatever_tells_of_more() -> None:
    log, feed = Log(), Feed("capacity", 0)
    events = await log.append(3)
    wake = feed.listen()
    wake.clear()
    feed.announce(1)
    assert wake.is_set()
    wake.clear()
    feed.offer(events[:2])
    assert wake.is_set()
    wake.clear()
    # another reader finds the third in the log before anybody has told of it
    await feed.after(2, log.store)
    assert wake.is_set()


class Counted(MemoryEventStore):
    """The same store, which counts how often a shard is read."""

    def __init__(self, log: Log) -> None:
        self.__dict__.update(log.store.__dict__)
        self.reads = 0

    async def shard(self, log: str, shard: int, after: int, limit: int = 1000) -> Sequence[Recorded]:
        self.reads += 1
        return await super().shard(log, shard, after, limit)


async def test_the_end_of_a_log_is_read_once_and_again_only_when_something_newer_is_told() -> None:
    log, feed = Log(), Feed("capacity", 0)
    await log.append(2)
    store = Counted(log)
    assert len(await feed.after(0, store)) == 2
    assert not await feed.after(2, store)
    assert store.reads == 1
    await log.append(1)
    feed.announce(3)
    assert [one.position for one in await feed.after(2, store)] == [3]
    assert not await feed.after(3, store)
    assert store.reads == 2
    feed.forget()
    assert not await feed.after(3, store)
    assert store.reads == 3


async def test_a_feed_is_bounded_and_forgets_the_oldest() -> None:
    log, feed = Log(), Feed("capacity", 0)
    events = await log.append(2)
    await feed.after(0, log.store)
    for _ in range(WINDOW_EVENTS_MAX):
        feed._keep(events[1])
    assert len(feed._window) == WINDOW_EVENTS_MAX
    assert feed.known(0) == ()


async def test_what_this_process_appends_is_at_hand_at_once_byte_for_byte() -> None:
    log, feed = Log(), Feed("capacity", 0)
    store = LiveStore(log.store, lambda _log, _shard, batch, done: feed.appended(batch, done), TELEMETRY)
    node = Node(CAPACITY, Ledger(name="test", mode="live", shards=1), store, log.reads, clock)
    for number in range(3):
        name = f"double-{number}"
        await node.commands.submit(Asked(command=record(name), id=name, actor="ada"))
    assert feed.head == 6
    assert feed.known(0) == list(await log.store.shard("capacity", 0, 0))


async def test_what_this_process_appends_after_others_is_left_to_the_log() -> None:
    log, feed = Log(), Feed("capacity", 0)
    await log.append(2)
    store = LiveStore(log.store, lambda _log, _shard, batch, done: feed.appended(batch, done), TELEMETRY)
    node = Node(CAPACITY, Ledger(name="test", mode="live", shards=1), store, log.reads, clock)
    await node.commands.submit(Asked(command=record("mine"), id="mine", actor="ada"))
    assert (feed.head, feed.known(2)) == (3, ())
    assert await feed.after(0, log.store) == list(await log.store.shard("capacity", 0, 0))


class Cut(MemoryEventStore):
    """The same store when it had only its first events."""

    def __init__(self, log: Log, upto: int) -> None:
        self.__dict__.update(log.store.__dict__)
        self._upto = upto

    async def shard(self, log: str, shard: int, after: int, limit: int = 1000) -> Sequence[Recorded]:
        found = await super().shard(log, shard, after, limit)
        return [recorded for recorded in found if recorded.position <= self._upto]
