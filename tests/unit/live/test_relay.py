"""The relay: the topic's last record is its checkpoint, and what is wrong is never written over."""

from collections.abc import Sequence

import msgspec
import pytest

from infra.bus import BusUnavailableError, RecordTooLargeError
from infra.bus_memory import MemoryBus
from infra.event_store import Recorded
from infra.feed import Feed
from infra.relay import CONSUMER, Publishers, Relay, TopicAheadError
from infra.verify import verify_topic
from tests.unit.live.appended import PLACE, Log


class Storm:
    """Raises where it is told to."""

    def __init__(self) -> None:
        self.strike: set[str] = set()

    async def around(self, what: str) -> None:
        if what in self.strike:
            self.strike.discard(what)
            raise BusUnavailableError(what)

    def delivery(self, events: Sequence[Recorded]) -> Sequence[Recorded]:
        return events


class Setting:
    def __init__(self) -> None:
        self.log, self.storm = Log(), Storm()
        self.bus = MemoryBus(self.storm)
        self.relay = self.new_relay()

    def new_relay(self) -> Relay:
        self.feed = Feed(*PLACE)
        return Relay(self.feed, self.log.store, self.log.reads, self.bus, Publishers(self.bus))

    async def on_topic(self) -> list[int]:
        return [recorded.position for page in [self.bus.partitions[PLACE].records] for recorded in page]


async def sent(relay: Relay) -> int:
    count = 0
    while step := await relay.step():
        count += step
    return count


async def test_everything_is_sent_once_and_in_order() -> None:
    setting = Setting()
    await setting.log.append(7)
    assert await sent(setting.relay) == 7
    assert await setting.on_topic() == [1, 2, 3, 4, 5, 6, 7]


async def test_another_relay_goes_on_after_the_topics_last_record() -> None:
    setting = Setting()
    await setting.log.append(3)
    await sent(setting.relay)
    await setting.log.append(2)
    assert await sent(setting.new_relay()) == 2
    assert await setting.on_topic() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("what", ["send", "ack"])
async def test_after_an_error_it_looks_where_the_topic_stands(what: str) -> None:
    setting = Setting()
    await setting.log.append(3)
    setting.storm.strike.add(what)
    with pytest.raises(BusUnavailableError):
        await setting.relay.step()
    await sent(setting.relay)
    assert await setting.on_topic() == [1, 2, 3]
    assert (await verify_topic(setting.log.store, setting.bus, PLACE)).broken is None


async def test_a_batch_of_somebody_else_in_between_is_noticed() -> None:
    setting = Setting()
    events = await setting.log.append(3)
    await sent(setting.relay)
    setting.bus.store(PLACE, events[1:])  # a relay that lost its lease without knowing
    await setting.log.append(1)
    setting.feed.announce(4)
    with pytest.raises(BusUnavailableError):
        await sent(setting.relay)
    await sent(setting.relay)
    assert (await verify_topic(setting.log.store, setting.bus, PLACE)).last == 4


async def test_a_topic_that_retention_has_emptied_goes_on_from_the_checkpoint() -> None:
    setting = Setting()
    await setting.log.append(4)
    await sent(setting.relay)
    await setting.relay.close()
    assert (await setting.log.reads.checkpoint(CONSUMER, *PLACE)).position == 4
    setting.bus.forget(PLACE)
    await setting.log.append(1)
    await sent(setting.new_relay())
    assert await setting.on_topic() == [5]


async def test_a_store_shorter_than_its_topic_stops_the_relay() -> None:
    setting = Setting()
    ahead = await Log().append(3)
    setting.bus.store(PLACE, ahead)
    await setting.log.append(2)
    with pytest.raises(TopicAheadError, match="position 3"):
        await setting.relay.step()


async def test_a_store_that_differs_from_its_topic_stops_the_relay() -> None:
    setting = Setting()
    events = await setting.log.append(2)
    setting.bus.store(PLACE, [events[0], msgspec.structs.replace(events[1], chain=bytes(32))])
    with pytest.raises(TopicAheadError, match="position 2"):
        await setting.relay.step()


async def test_an_event_that_fits_no_record_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from infra.kafka import publisher  # noqa: PLC0415 the driver is slow to import

    monkeypatch.setattr(publisher, "RECORD_BYTES_MAX", 10)
    (event,) = await Log().append(1)

    class Batches:
        def create_batch(self) -> object:
            return object()

    sender = publisher.KafkaPublisher(Batches(), None)  # type: ignore[arg-type]
    with pytest.raises(RecordTooLargeError, match="capacity"):
        await sender.send(PLACE, [event])
