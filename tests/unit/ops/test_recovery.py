"""A log that was restored from an older backup gets its lost tail back from its topic, or says why not."""

import msgspec
import pytest

from infra.bus_memory import MemoryBus
from infra.event_store import Recorded
from infra.event_store.memory import MemoryEventStore
from infra.invariants import chain_faults
from infra.outcomes import Accepted, Asked
from infra.recovery import BookMovedError, Recovered, recover
from schemas.decision import Origin
from tests.support.echo import record
from tests.support.ledger_room import Room, copied, memory_room

LOGS = ("capacity",)


async def opened() -> Room:
    room = memory_room()
    await room.open()
    return room


async def relayed(room: Room, bus: MemoryBus) -> None:
    """Bring everything to the topics."""
    for shard in range(room.store.shards):
        place = ("capacity", shard)
        sent = len(bus.partitions[place].records)
        bus.store(place, [one async for page in room.store.scan(*place, sent) for one in page])


async def recovered(store: MemoryEventStore, bus: MemoryBus) -> list[Recovered]:
    return await recover(store, store, bus, LOGS, lambda _place, _position, _last: None)


async def events(store: MemoryEventStore) -> list[Recorded]:
    return [
        one
        for shard in range(store.shards)
        async for page in store.scan("capacity", shard, 0)
        for one in page
    ]


async def test_a_lost_tail_comes_back_as_it_was() -> None:
    room, bus = await opened(), MemoryBus()
    await room.record("a", "b")
    backup = copied(room.store)
    await room.record("double-c", "d")
    await room.record("e", tenant="bo")
    await relayed(room, bus)
    assert isinstance(room.store, MemoryEventStore)
    assert await events(backup) != await events(room.store)
    found = await recovered(backup, bus)
    assert sum(one.recovered for one in found) == 4
    assert await events(backup) == await events(room.store)
    assert not await chain_faults(backup, LOGS)


async def test_what_came_back_goes_on_as_if_it_had_never_been_lost() -> None:
    room, bus = await opened(), MemoryBus()
    backup = copied(room.store)
    await room.record("a", "b")
    await relayed(room, bus)
    await recovered(backup, bus)
    after = Room(backup, room.reads, room.asides, room.spoil)
    await after.open()
    again = await after.kept.commands.submit(Asked(command=record("a"), id="r-1", actor="ada"))
    assert isinstance(again, Accepted)
    assert again.duplicate
    assert again.place.first == 1
    later = await after.kept.commands.submit(Asked(command=record("c"), id="r-9", actor="ada"))
    assert isinstance(later, Accepted)
    assert later.place.first == 3
    assert not await chain_faults(backup, LOGS)


async def test_nothing_happens_to_a_log_that_has_lost_nothing() -> None:
    room, bus = await opened(), MemoryBus()
    await room.record("a")
    await relayed(room, bus)
    await room.record("not yet on the topic")
    assert isinstance(room.store, MemoryEventStore)
    found = await recovered(room.store, bus)
    assert [(one.recovered, one.broken) for one in found] == [(0, None)] * room.store.shards


async def test_a_log_that_has_gone_on_otherwise_is_left_alone() -> None:
    room, bus = await opened(), MemoryBus()
    await room.record("a")
    backup = copied(room.store)
    await room.record("b", "c")
    await relayed(room, bus)
    other = Room(backup, room.reads, room.asides, room.spoil, ids="o")
    await other.open()
    for more in (("x",), ("y", "z")):
        await other.record(*more)
        before = await events(backup)
        (broken,) = [one.broken for one in await recovered(backup, bus) if one.broken is not None]
        assert "gone on otherwise" in broken.found
        assert await events(backup) == before


async def test_what_retention_has_taken_cannot_come_back() -> None:
    room, bus = await opened(), MemoryBus()
    backup = copied(room.store)
    await room.record("a", "b", "c")
    shard = await room.store.placed("capacity", "ada")
    assert shard is not None
    place = ("capacity", shard)
    tail = [one async for page in room.store.scan(*place, 1) for one in page]
    bus.store(place, tail)
    (broken,) = [one.broken for one in await recovered(backup, bus) if one.broken is not None]
    assert broken.position == 1
    assert broken.found == "1 to 1 are no longer on the topic"


async def test_a_record_that_is_not_the_logs_event_is_not_put_back() -> None:
    room, bus = await opened(), MemoryBus()
    backup = copied(room.store)
    await room.record("a", "b")
    await relayed(room, bus)
    (records,) = [partition.records for partition in bus.partitions.values() if partition.records]
    records[1] = msgspec.structs.replace(records[1], payload=records[1].payload.replace(b'"b"', b'"z"'))
    (broken,) = [one.broken for one in await recovered(backup, bus) if one.broken is not None]
    assert broken.position == 2
    assert len(await events(backup)) == 0


async def test_a_book_that_was_placed_anew_meanwhile_is_not_torn_in_two() -> None:
    room, bus = await opened(), MemoryBus()
    backup = copied(room.store)
    await room.record("a")
    await relayed(room, bus)
    await backup.place("capacity", "cy")
    assert await backup.place("capacity", "ada") != await room.store.placed("capacity", "ada")
    with pytest.raises(BookMovedError):
        await recovered(backup, bus)


async def test_an_effect_whose_cause_is_lost_is_told() -> None:
    room, bus = await opened(), MemoryBus()
    await room.record("a")
    backup = copied(room.store)
    await room.record("cause")
    (cause,) = [one for one in await events(copied(room.store)) if b"cause" in one.payload]
    asked = Asked(command=record("effect"), id="e", actor="bo", cause=cause)
    assert isinstance(await room.kept.commands.submit(asked), Accepted)
    for shard in range(room.store.shards):
        kept = [one async for page in room.store.scan("capacity", shard, 0) for one in page]
        bus.store(("capacity", shard), [one for one in kept if one != cause])
    found = await recovered(backup, bus)
    assert [one.dangling for one in found if one.dangling] == [(Origin("capacity", cause.shard, 2),)]
