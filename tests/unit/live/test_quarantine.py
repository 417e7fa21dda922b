"""What cannot be applied stops its stream and nothing else; once it is settled, what waits follows."""

from collections.abc import Sequence

import pytest

from infra.consumers import consumers
from infra.event_store import Recorded
from infra.event_store.memory import MemoryEventStore
from infra.read_store import CheckpointMovedError
from infra.service import Projection, Row
from infra.subscriptions import StoreRewoundError, Subscription
from tests.support.echo import SEEN
from tests.unit.live.appended import PLACE, Log, clock


class Setting:
    """A consumer that cannot apply what is called poison, until it is cured."""

    def __init__(self) -> None:
        self.log, self.cured = Log(), False
        projection = Projection(name="seen", follows=("capacity",), tables=(SEEN,), project=self.project)
        node = self.log.node
        (self.consumer,) = consumers(
            [projection], (), (), service="capacity", commands=node.commands, past=node.past
        )
        self.subscription = self.new_subscription()

    def new_subscription(self) -> Subscription:
        return Subscription(self.consumer, *PLACE, self.log.store, self.log.reads)

    def project(self, recorded: Recorded) -> Sequence[Row]:
        if b"poison" in recorded.payload and not self.cured:
            raise ValueError("cannot be applied")
        values = {"tenant": "ada", "milestone": str(recorded.position), "origin": ""}
        return [Row("seen", values)]

    async def open(self) -> None:
        await self.log.reads.prepare([SEEN])
        await self.log.append(1, "plain")
        await self.log.append(1, "poison")
        await self.log.append(2, "plain")
        await self.log.append(1, "plain", pool="q")
        while await self.subscription.advance():
            pass

    async def seen(self) -> list[int]:
        return sorted(int(row["milestone"]) for row in await self.log.reads.rows("seen", {}, None))


async def test_a_stream_is_parked_and_others_go_on() -> None:
    setting = Setting()
    await setting.open()
    assert await setting.seen() == [1, 5]
    parked = await setting.subscription.quarantine()
    assert [one.position for one in parked] == [2, 3, 4]
    assert parked[0].reason == "ValueError: cannot be applied"
    assert setting.subscription.parked_streams == 1


async def test_what_still_cannot_be_applied_stays() -> None:
    setting = Setting()
    await setting.open()
    assert not await setting.subscription.retry((await setting.subscription.quarantine())[0])
    assert await setting.subscription.heal() == 0
    assert len(await setting.subscription.quarantine()) == 3


@pytest.mark.parametrize(("discard", "expected"), [(False, [1, 2, 3, 4, 5]), (True, [1, 3, 4, 5])])
async def test_once_the_first_is_settled_the_others_follow_each_once(
    discard: bool, expected: list[int]
) -> None:
    setting = Setting()
    await setting.open()
    first = (await setting.subscription.quarantine())[0]
    setting.cured = True
    await (setting.subscription.discard(first) if discard else setting.subscription.retry(first))
    assert await setting.subscription.heal() == 2
    assert await setting.seen() == expected
    assert await setting.subscription.quarantine() == []
    await setting.log.append(1)
    await setting.subscription.advance()
    assert await setting.seen() == [*expected, 6]


async def test_two_who_retry_the_same_event_apply_it_once() -> None:
    setting = Setting()
    await setting.open()
    first = (await setting.subscription.quarantine())[0]
    setting.cured = True
    assert await setting.subscription.retry(first)
    with pytest.raises(CheckpointMovedError):
        await setting.new_subscription().retry(first)
    assert await setting.seen() == [1, 2, 5]


async def test_a_store_that_lost_what_was_consumed_stops_the_consumer() -> None:
    setting = Setting()
    await setting.open()
    shorter = Log()
    await shorter.append(3)
    setting.log.store.__dict__.update(shorter.store.__dict__)
    for subscription in (setting.subscription, setting.new_subscription()):
        with pytest.raises(StoreRewoundError):
            await subscription.open()


async def test_a_store_that_was_rewound_and_grew_again_is_noticed_by_the_next_event() -> None:
    setting = Setting()
    await setting.open()
    other = Log()
    events = await other.append(8, "other")
    assert isinstance(setting.log.store, MemoryEventStore)
    setting.log.store.__dict__.update(other.store.__dict__)
    with pytest.raises(StoreRewoundError):
        await setting.subscription.offer(events[5:])
    assert clock() is not None
