"""What a consumer could not apply is looked at, applied by a later release, or discarded."""

import msgspec
import pytest

from infra.quarantine import NotParkedError, Quarantine
from infra.service import Projection
from schemas.decision import Origin
from tests.support.echo import CAPACITY
from tests.support.ledger_room import LENIENT, PROJECTION, Room

SEEN = PROJECTION.name


def quarantine(room: Room, projection: Projection = PROJECTION) -> Quarantine:
    return Quarantine(room.node(msgspec.structs.replace(CAPACITY, projections=(projection,))))


async def poisoned(room: Room) -> int:
    """One stream with an event that cannot be applied and two behind it, and another stream; the shard."""
    await room.record("a", "poison-1", "b", "c")
    await room.record("other", pool="q")
    await room.consume()
    shard = await room.store.placed("capacity", "ada")
    assert shard is not None
    return shard


async def test_what_cannot_be_applied_waits_and_only_its_stream_with_it(room: Room) -> None:
    shard = await poisoned(room)
    found = await quarantine(room).list()
    assert [(one.shard, one.position) for one in found] == [(shard, 2), (shard, 3), (shard, 4)]
    assert await room.milestones() == ["a", "other"]


async def test_it_is_shown_with_what_it_holds(room: Room) -> None:
    shard = await poisoned(room)
    parked, recorded = await quarantine(room).find(SEEN, Origin("capacity", shard, 2))
    assert parked.reason == "ValueError: this one cannot be applied"
    assert b"poison-1" in recorded.payload


async def test_a_retry_with_the_same_release_changes_nothing(room: Room) -> None:
    await poisoned(room)
    assert await quarantine(room).retry(SEEN) == (0, 3)
    assert await room.milestones() == ["a", "other"]


async def test_a_later_release_applies_it_and_what_waits_behind_follows(room: Room) -> None:
    await poisoned(room)
    assert await quarantine(room, LENIENT).retry(SEEN) == (3, 0)
    assert await room.milestones() == ["a", "b", "c", "other", "poison-1"]
    assert await quarantine(room, LENIENT).retry(SEEN) == (0, 0)


async def test_one_place_is_retried_alone(room: Room) -> None:
    shard = await poisoned(room)
    await room.record("poison-2", pool="q")
    await room.consume()
    assert await quarantine(room, LENIENT).retry(SEEN, Origin("capacity", shard, 2)) == (3, 1)


async def test_what_is_discarded_has_no_effect_and_what_waits_behind_follows(room: Room) -> None:
    shard = await poisoned(room)
    assert await quarantine(room).discard(SEEN, Origin("capacity", shard, 2)) == 2
    assert await room.milestones() == ["a", "b", "c", "other"]
    assert not await quarantine(room).list()


async def test_nothing_is_settled_out_of_turn(room: Room) -> None:
    shard = await poisoned(room)
    place = Origin("capacity", shard, 4)
    with pytest.raises(NotParkedError, match="waits behind"):
        await quarantine(room, LENIENT).retry(SEEN, place)
    with pytest.raises(NotParkedError, match="waits behind"):
        await quarantine(room).discard(SEEN, place)
    assert len(await quarantine(room).list()) == 3


async def test_what_is_not_there_is_not_found(room: Room) -> None:
    shard = await poisoned(room)
    for consumer, position in ((SEEN, 1), ("capacity.other", 2)):
        with pytest.raises(NotParkedError):
            await quarantine(room).find(consumer, Origin("capacity", shard, position))


async def test_a_running_consumer_goes_on_after_a_retry_beside_it(room: Room) -> None:
    await poisoned(room)
    running = room.subscriptions(LENIENT)
    for one in running:
        await one.open()
    await quarantine(room, LENIENT).retry(SEEN)
    await room.record("later")
    for one in running:
        await one.advance()
        await one.heal()
    assert (await room.milestones())[-2:] == ["other", "poison-1"]
    assert "later" in await room.milestones()
