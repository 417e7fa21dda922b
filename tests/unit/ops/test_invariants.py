"""What must hold of any ledger is found when it does not: each kind of damage by its own check."""

from typing import Any

import pytest

from infra.event_store import Snapshot
from infra.event_store.memory import MemoryEventStore
from infra.invariants import chain_faults, faults, row_faults, same, state_faults
from tests.support.ledger_room import Room, memory_room
from tests.support.milestones import Milestones


@pytest.fixture
async def room() -> Room:
    made = memory_room()
    await made.open()
    await made.record("a", "double-b", "c")
    await made.record("d", tenant="bo", pool="q")
    await made.consume()
    return made


async def test_a_ledger_that_nobody_touched_is_well(room: Room) -> None:
    assert await faults([room.kept]) == []


async def test_a_changed_event_is_found(room: Room) -> None:
    assert isinstance(room.store, MemoryEventStore)
    shard = await room.store.placed("capacity", "ada")
    assert shard is not None
    room.store.damage("capacity", shard, 2, b"{}")
    (found,) = await chain_faults(room.store, ("capacity",))
    assert "position 2: the chain does not hold" in found


async def test_a_state_kept_for_decisions_that_is_not_the_events_is_found(room: Room) -> None:
    (state,) = [kept for (_, name), (_, kept) in room.kept.commands.cached().items() if name.tenant == "bo"]
    state.names.append("never happened")
    (found,) = await state_faults(room.kept)
    assert "the state of pool-q (bo) kept is not the one folded" in found


async def test_a_snapshot_that_is_not_the_events_is_found(room: Room) -> None:
    last = (await room.store.stream("capacity", "ada", "pool-p"))[-1]
    snapshot = Snapshot(last.version, last.position, b'{"names":["a"]}')
    await room.store.keep_snapshot("capacity", "ada", "pool-p", 1, snapshot)
    (found,) = await state_faults(room.kept)
    assert "a snapshot of pool-p (ada) folds to another state" in found


async def test_a_row_that_is_not_the_events_is_found(room: Room) -> None:
    await room.spoil("c")
    (found,) = await row_faults(room.kept)
    assert "milestone is 'spoilt', rebuilt 'c'" in found


async def test_what_a_read_model_has_not_consumed_yet_is_no_fault(room: Room) -> None:
    await room.record("later")
    assert await faults([room.kept]) == []


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (Milestones(names=["a"]), Milestones(names=["a"]), True),
        (Milestones(names=["a"]), Milestones(names=["b"]), False),
        ({1, 2}, {2, 1}, True),
        (object(), object(), False),
    ],
)
def test_states_are_compared_by_what_they_hold(one: Any, other: Any, alike: bool) -> None:
    assert same(one, other) is alike
