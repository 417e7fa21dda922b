"""Read models made anew beside the live ones: compared, kept up, put in their place, thrown away."""

import pytest

from infra import failpoints
from infra.failpoints import Failpoint, FailpointError
from infra.read_store import CheckpointMovedError
from infra.replay import NoShadowError, Replay
from infra.replay.asides import Kind
from infra.service import Projection
from tests.support.ledger_room import LENIENT, PROJECTION, SHOUTING, Room


def replay(room: Room, projection: Projection = PROJECTION) -> Replay:
    return Replay(room.store, room.asides, [projection])


async def filled(room: Room) -> None:
    await room.record("a", "double-b", "c", tenant="ada")
    await room.record("d", "e", tenant="bo", pool="q")
    await room.consume()


async def test_a_read_model_that_is_right_compares_as_the_same(room: Room) -> None:
    await filled(room)
    (checked,) = await replay(room).check()
    assert checked.same
    assert checked.rows == 6


async def test_a_row_changed_behind_its_back_is_named(room: Room) -> None:
    await filled(room)
    await room.spoil("c")
    (checked,) = await replay(room).check()
    assert checked.differences == 1
    told = str(checked.first[0])
    assert "milestone is 'spoilt', rebuilt 'c'" in told
    assert not checked.same


async def test_what_the_live_one_has_not_consumed_yet_is_no_difference(room: Room) -> None:
    await filled(room)
    await room.record("later")
    (checked,) = await replay(room).check()
    assert checked.same
    assert checked.rows == 6


async def test_a_check_leaves_nothing_behind(room: Room) -> None:
    await filled(room)
    await replay(room).check()
    assert await room.asides.find(PROJECTION, Kind.CHECK) is None
    assert "later" not in await room.milestones()


async def test_a_check_cut_off_in_the_middle_leaves_the_live_one_alone(room: Room) -> None:
    await filled(room)
    before = await room.milestones()
    failpoints.configure({Failpoint.REBUILD_MID: "raise"})
    with pytest.raises(FailpointError):
        await replay(room).check()
    failpoints.clear()
    assert await room.milestones() == before
    (checked,) = await replay(room).check()
    assert checked.same


async def test_what_waits_in_quarantine_shows_as_lacking(room: Room) -> None:
    await room.record("a", "poison-1")
    await room.record("after")
    await room.consume()
    (checked,) = await replay(room, LENIENT).check()
    assert [one.reason.split(":")[0] for one in checked.quarantined] == [
        "ValueError",
        "waits behind an earlier event of its stream",
    ]
    assert checked.differences == 2
    assert not checked.unapplied


async def test_a_release_that_cannot_apply_an_event_is_told_before_it_is_let_in(room: Room) -> None:
    await room.record("a", "poison-1")
    await room.consume(LENIENT)
    (checked,) = await replay(room).check()
    assert [one.reason.split(":")[0] for one in checked.unapplied] == ["ValueError"]
    assert checked.differences == 1


async def test_a_shadow_keeps_up_and_takes_the_live_ones_place(room: Room) -> None:
    await filled(room)
    anew = replay(room, SHOUTING)
    assert await anew.shadow() == 6
    await room.record("later")
    assert await anew.shadow() == 1
    await room.record("last")
    await anew.promote()
    assert await room.milestones() == sorted(["A", "DOUBLE-B", "DOUBLE-B", "C", "D", "E", "LATER", "LAST"])


async def test_after_a_promotion_a_running_consumer_goes_on_where_the_shadow_stood(room: Room) -> None:
    await filled(room)
    running = room.subscriptions(SHOUTING)
    for one in running:
        await one.advance()
    await room.record("meanwhile")
    await replay(room, SHOUTING).shadow()
    await replay(room, SHOUTING).promote()
    await room.record("next")
    moved = 0
    for one in running:
        try:
            await one.advance()
        except CheckpointMovedError:
            moved += 1
            await one.advance()
    assert moved == 1
    assert (await room.milestones())[-2:] == ["MEANWHILE", "NEXT"]
    (checked,) = await replay(room, SHOUTING).check()
    assert checked.same


async def test_a_promotion_can_be_followed_by_another(room: Room) -> None:
    await filled(room)
    for projection in (SHOUTING, PROJECTION, SHOUTING):
        await replay(room, projection).shadow()
        await replay(room, projection).promote()
    assert "DOUBLE-B" in await room.milestones()


async def test_a_promotion_heals_what_the_old_release_could_not_apply(room: Room) -> None:
    await room.record("a", "poison-1", "after")
    await room.consume()
    assert len(await room.reads.parked()) == 2
    await replay(room, LENIENT).shadow()
    await replay(room, LENIENT).promote()
    assert not await room.reads.parked()
    assert await room.milestones() == ["a", "after", "poison-1"]


async def test_a_promotion_takes_its_own_quarantine_along(room: Room) -> None:
    await room.record("a", "poison-1")
    await room.consume(LENIENT)
    await replay(room).shadow()
    await replay(room).promote()
    assert [one.consumer for one in await room.reads.parked()] == [PROJECTION.name]
    assert await room.milestones() == ["a"]


async def test_a_shadow_is_compared_before_it_is_promoted(room: Room) -> None:
    await filled(room)
    await replay(room, SHOUTING).shadow()
    (checked,) = await replay(room, SHOUTING).compare()
    assert (checked.rows, checked.differences) == (6, 6)


async def test_an_abandoned_shadow_is_gone(room: Room) -> None:
    await filled(room)
    await replay(room, SHOUTING).shadow()
    await replay(room, SHOUTING).abandon()
    await replay(room, SHOUTING).abandon()
    with pytest.raises(NoShadowError):
        await replay(room, SHOUTING).promote()
    assert "a" in await room.milestones()


async def test_a_shadow_cut_off_in_the_middle_goes_on_where_it_was(room: Room) -> None:
    await filled(room)
    failpoints.configure({Failpoint.REBUILD_MID: "raise@2"})
    with pytest.raises(FailpointError):
        await replay(room, SHOUTING).shadow()
    failpoints.clear()
    await replay(room, SHOUTING).shadow()
    await replay(room, SHOUTING).promote()
    assert len(await room.milestones()) == 6
