import asyncio
from datetime import timedelta

import pytest

from infra.chain import link
from infra.event_store import (
    GENESIS,
    Appended,
    Conflict,
    InstantInFutureError,
    Known,
    Place,
    Reused,
    Snapshot,
    StreamName,
)
from tests.conformance.batches import batch, command, event, fill, whole
from tests.conformance.worlds import World
from tests.ledgers import START

LOG = "contracts"
SECOND = timedelta(seconds=1)
A = StreamName("acme", "contract-a")


async def test_positions_of_a_shard_and_versions_of_a_stream_count_from_one(world: World) -> None:
    shard = await world.store.place(LOG, "acme")
    a, b = command("1", event("contract-a", 1), event("contract-b", 1)), command("2", event("contract-a", 2))
    outcome = await world.store.writer(LOG, shard).append(batch(a, b))
    assert isinstance(outcome, Appended)
    assert [(place.first, place.last) for place in outcome.places] == [(1, 2), (3, 3)]
    assert [(r.position, r.stream, r.version) for r in await whole(world.store, shard)] == [
        (1, "contract-a", 1),
        (2, "contract-b", 1),
        (3, "contract-a", 2),
    ]


async def test_an_event_comes_back_as_it_was_given(world: World) -> None:
    shard = await world.store.place(LOG, "acme")
    instant = START.replace(microsecond=123456)
    given = event("contract-ü", 1, b'{"n":"\xe2\x82\xac"}', counterparty="buyer", effective_at=instant)
    await world.store.writer(LOG, shard).append(batch(command("1", given)))
    (kept,) = await world.store.stream(LOG, "acme", "contract-ü")
    assert (kept.log, kept.shard, kept.position, kept.recorded_at) == (LOG, shard, 1, START)
    assert (kept.tenant, kept.counterparty, kept.stream, kept.version) == ("acme", "buyer", "contract-ü", 1)
    assert (kept.event_id, kept.type, kept.effective_at) == (given.event_id, given.type, instant)
    assert (kept.payload, kept.meta_bytes) == (given.payload, given.meta)


async def test_the_chain_is_what_a_reader_computes(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 4))
    await world.advance(START + SECOND)
    parts = [event("contract-b", v, counterparty="buyer", payload=b"x" * v) for v in (1, 2)]
    await world.store.writer(LOG, shard).append(batch(command("b", *parts, cause=START + 3 * SECOND)))
    chain = GENESIS
    for recorded in await whole(world.store, shard):
        chain = link(chain, recorded.position, recorded.recorded_at, recorded.leaf())
        assert recorded.chain == chain
    head = (await world.store.heads(LOG))[shard]
    assert (head.position, head.chain, head.recorded_at) == (5, chain, START + 3 * SECOND)


async def test_a_repeated_command_with_events_is_a_conflict_that_tells_its_first_place(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 3))
    again = command("contract-a-2", event("contract-a", 3))
    outcome = await world.store.writer(LOG, shard).append(
        batch(again, command("new", event("contract-b", 1)))
    )
    assert outcome == Conflict((Known(Place(2, 2, START, known=True)), None), {})
    assert len(await whole(world.store, shard)) == 2


async def test_a_repeat_that_is_refused_this_time_is_answered_with_its_first_place(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 2))
    refused = command("contract-a-1", refused=True)
    added = command("b", event("contract-b", 1))
    outcome = await world.store.writer(LOG, shard).append(batch(refused, added, on=[("contract-a", 1)]))
    assert isinstance(outcome, Appended)
    assert outcome.places == (Place(1, 1, START, known=True), Place(2, 2, START))


async def test_an_id_with_other_content_is_reused_and_nothing_is_written(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 2))
    other = command("contract-a-1", content="something else")
    for reused in (other, command("contract-a-1", content="something else", refused=True)):
        outcome = await world.store.writer(LOG, shard).append(
            batch(command("b", event("contract-b", 1)), reused)
        )
        assert outcome == Conflict((None, Reused()), {})
    assert len(await whole(world.store, shard)) == 1


async def test_a_refused_command_is_not_kept_and_its_id_may_succeed_later(world: World) -> None:
    shard = await world.store.place(LOG, "acme")
    writer = world.store.writer(LOG, shard)
    outcome = await writer.append(batch(command("1", refused=True, content="first"), on=[("contract-a", 0)]))
    assert isinstance(outcome, Appended)
    assert outcome.places == (Place(None, None, START),)
    assert await world.store.known(LOG, "acme", "acme", "1") is None
    again = await writer.append(batch(command("1", event("contract-a", 1), content="second")))
    assert isinstance(again, Appended)


async def test_an_accepted_command_without_events_is_kept_for_ever(world: World) -> None:
    shard = await world.store.place(LOG, "acme")
    writer = world.store.writer(LOG, shard)
    await writer.append(batch(command("1"), on=[("contract-a", 0)]))
    assert await world.store.known(LOG, "acme", "acme", "1") == Place(None, None, START)
    assert (await world.store.heads(LOG))[shard].position == 0
    await world.advance(START + SECOND)
    outcome = await writer.append(batch(command("1"), on=[("contract-a", 0)]))
    assert isinstance(outcome, Appended)
    assert outcome.places == (Place(None, None, START, known=True),)


async def test_a_duplicate_outranks_a_refusal_that_was_decided_before_it_arrived(world: World) -> None:
    shard = await world.store.place(LOG, "acme")
    writer = world.store.writer(LOG, shard)
    await writer.append(batch(command("1"), on=[("contract-a", 0)]))
    outcome = await writer.append(batch(command("1", refused=True), on=[("contract-a", 0)]))
    assert isinstance(outcome, Appended)
    assert outcome.places[0].known


async def test_actors_and_books_do_not_meet_in_one_name_space(world: World) -> None:
    shard = await world.store.place(LOG, "acme")
    writer = world.store.writer(LOG, shard)
    await writer.append(batch(command("1", event("contract-a", 1))))
    rival = command("1", event("contract-a", 2), actor="rival", content="other")
    assert isinstance(await writer.append(batch(rival)), Appended)
    elsewhere = event("contract-a", 1, tenant="zeta")
    book = command("1", elsewhere, tenant="zeta", content="third")
    assert isinstance(await writer.append(batch(book)), Appended)
    places = [await world.store.known(LOG, "acme", actor, "1") for actor in ("acme", "rival", "nobody")]
    assert [None if place is None else place.first for place in places] == [1, 2, None]


async def test_a_stale_stream_is_a_conflict_with_its_actual_version(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 4))
    late = command("late", event("contract-a", 2))
    fresh = command("fresh", event("contract-b", 1))
    outcome = await world.store.writer(LOG, shard).append(batch(late, fresh))
    assert outcome == Conflict((None, None), {A: 3})
    assert len(await whole(world.store, shard)) == 3


async def test_a_stale_stream_under_a_refusal_is_a_conflict_too(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 3))
    wrongly = command("wrongly", refused=True)
    outcome = await world.store.writer(LOG, shard).append(batch(wrongly, on=[("contract-a", 1)]))
    assert outcome == Conflict((None,), {A: 2})


async def test_an_empty_stream_that_is_believed_to_have_events_is_stale(world: World) -> None:
    shard = await world.store.place(LOG, "acme")
    outcome = await world.store.writer(LOG, shard).append(batch(command("1"), on=[("contract-a", 1)]))
    assert outcome == Conflict((None,), {A: 0})
    assert await world.store.known(LOG, "acme", "acme", "1") is None


async def test_findings_and_stale_streams_are_told_together(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 3))
    commands = (
        command("contract-a-1", event("contract-a", 2)),
        command("contract-a-2", content="other"),
        command("x", event("contract-b", 1)),
    )
    outcome = await world.store.writer(LOG, shard).append(batch(*commands))
    assert outcome == Conflict((Known(Place(1, 1, START, known=True)), Reused(), None), {A: 2})


async def test_no_event_is_recorded_before_its_cause_or_before_its_predecessor(world: World) -> None:
    shard = await world.store.place(LOG, "acme")
    commands = (
        command("1", event("contract-a", 1)),
        command("2", event("contract-a", 2), cause=START + 2 * SECOND),
        command("3", event("contract-a", 3), cause=START + SECOND),
        command("4"),
        command("5", cause=START + 4 * SECOND),
        command("6", event("contract-a", 4)),
    )
    outcome = await world.store.writer(LOG, shard).append(batch(*commands))
    assert isinstance(outcome, Appended)
    seconds = [(place.recorded_at - START) // SECOND for place in outcome.places]
    assert seconds == [0, 2, 2, 2, 4, 2]
    assert [(r.recorded_at - START) // SECOND for r in await whole(world.store, shard)] == [0, 2, 2, 2]
    later = await world.store.writer(LOG, shard).append(batch(command("7", event("contract-a", 5))))
    assert isinstance(later, Appended)
    assert later.head.recorded_at == START + 2 * SECOND


async def test_what_was_known_at_an_instant_never_grows(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 3))
    assert (await world.store.resolve(START)).position(LOG, shard) == 2
    await fill(world.store, "contract-a", range(3, 5))
    assert (await world.store.resolve(START)).position(LOG, shard) == 2
    assert all(r.recorded_at > START for r in (await whole(world.store, shard))[2:])


async def test_an_instant_lies_between_what_was_recorded_before_and_after_it(world: World) -> None:
    shard = await world.store.place(LOG, "acme")
    for step in range(6):
        await world.advance(START + step * SECOND)
        await fill(world.store, "contract-a", range(3 * step + 1, 3 * step + 4))
    await world.advance(START + timedelta(days=1))
    for step in range(6):
        for instant, position in ((-0.5, 3 * step), (0.0, 3 * step + 3), (0.5, 3 * step + 3)):
            cut = await world.store.resolve(START + (step + instant) * SECOND)
            assert cut.position(LOG, shard) == position
    assert (await world.store.resolve(START - SECOND)).position(LOG, shard) == 0
    assert (await world.store.resolve(START + timedelta(days=1))).position(LOG, shard) == 18


async def test_the_future_cannot_be_known(world: World) -> None:
    with pytest.raises(InstantInFutureError):
        await world.store.resolve(START + timedelta(microseconds=1))


async def test_the_clock_is_the_ledgers(world: World) -> None:
    assert await world.store.now() == START
    await world.advance(START + SECOND)
    assert await world.store.now() == START + SECOND


async def test_a_tenant_is_placed_once_and_where_the_fewest_are(world: World) -> None:
    assert await world.store.placed(LOG, "t0") is None
    shards = [await world.store.place(LOG, f"t{number}") for number in range(6)]
    assert shards == [0, 1, 2, 3, 0, 1]
    assert [await world.store.place(LOG, f"t{number}") for number in range(6)] == shards
    assert await world.store.placed(LOG, "t5") == 1


async def test_logs_are_placed_apart(world: World) -> None:
    await world.store.place(LOG, "t0")
    assert await world.store.place(LOG, "t1") == 1
    assert await world.store.placed("capacity", "t1") is None


async def test_a_stream_is_read_after_a_version_and_up_to_a_position(world: World) -> None:
    await fill(world.store, "contract-a", range(1, 4))
    await fill(world.store, "contract-b", range(1, 2))
    await fill(world.store, "contract-a", range(4, 6))
    read = world.store.stream
    assert [r.version for r in await read(LOG, "acme", "contract-a", 2)] == [3, 4, 5]
    assert [r.version for r in await read(LOG, "acme", "contract-a", 1, up_to=5)] == [2, 3, 4]
    assert await read(LOG, "acme", "contract-z") == []
    assert await read(LOG, "nobody", "contract-a") == []


async def test_a_shard_is_read_page_by_page(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 8))
    read = world.store.shard
    assert [r.position for r in await read(LOG, shard, 0, 3)] == [1, 2, 3]
    assert [r.position for r in await read(LOG, shard, 5)] == [6, 7]
    assert await read(LOG, shard, 7) == []
    pages = [page async for page in world.store.scan(LOG, shard, 2, up_to=6)]
    assert [r.position for page in pages for r in page] == [3, 4, 5, 6]


async def test_scan_and_pages_give_the_same_events(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 4))
    parts = [event("contract-b", 1, b"", counterparty="b"), event("contract-b", 2, b"y" * 5000)]
    await world.store.writer(LOG, shard).append(batch(command("b", *parts)))
    assert await whole(world.store, shard) == list(await world.store.shard(LOG, shard, 0))


async def test_streams_are_found_by_tenant_and_by_counterparty_at_a_cut(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 3))
    writer = world.store.writer(LOG, shard)
    await writer.append(batch(command("a", event("contract-a", 3, counterparty="buyer"))))
    await writer.append(batch(command("b", event("contract-b", 1, counterparty="buyer"))))
    await writer.append(batch(command("c", event("contracted-c", 1), event("pool-d", 1))))
    past = world.store.streams
    b = StreamName("acme", "contract-b")
    assert await past(LOG, "acme", "contract") == [A, b]
    assert await past(LOG, "buyer", "contract") == [A, b]
    assert await past(LOG, "buyer", "pool") == []
    assert await past(LOG, "stranger", "contract") == []
    await world.advance(START + SECOND)
    early = await world.store.resolve(START)
    await writer.append(batch(command("e", event("contract-e", 1, counterparty="buyer"))))
    assert await past(LOG, "acme", "contract", early) == [A, b]
    assert await past(LOG, "buyer", "contract", early) == [A, b]
    assert len(await past(LOG, "buyer", "contract")) == 3


async def test_a_counterparty_does_not_see_a_stream_before_its_first_event_in_it(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 3))
    await world.advance(START + SECOND)
    early = await world.store.resolve(START)
    await world.store.writer(LOG, shard).append(
        batch(command("a", event("contract-a", 3, counterparty="buyer")))
    )
    assert await world.store.streams(LOG, "buyer", "contract", early) == []
    assert await world.store.streams(LOG, "acme", "contract", early) == [A]


async def test_who_holds_the_head_cannot_be_overtaken(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 2))
    async with world.store.exclusive(LOG, shard) as writer:
        (first,) = await writer.stream("acme", "contract-a")
        mine = batch(command("mine", event("contract-a", first.version + 1)))
        outcome = await writer.append(mine)
    assert isinstance(outcome, Appended)
    assert len(await whole(world.store, shard)) == 2


async def test_holders_of_one_head_come_one_after_the_other(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 2))

    async def extend(name: str) -> Appended | Conflict:
        async with world.store.exclusive(LOG, shard) as writer:
            last = (await writer.stream("acme", "contract-a"))[-1].version
            return await writer.append(batch(command(name, event("contract-a", last + 1))))

    outcomes = await asyncio.gather(*(extend(f"c{number}") for number in range(8)))
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert [r.version for r in await whole(world.store, shard)] == list(range(1, 10))


async def test_a_holder_that_appends_nothing_leaves_nothing(world: World) -> None:
    shard = await fill(world.store, "contract-a", range(1, 2))
    async with world.store.exclusive(LOG, shard) as writer:
        await writer.stream("acme", "contract-a")
    with pytest.raises(ZeroDivisionError):
        async with world.store.exclusive(LOG, shard):
            _ = 1 / 0
    assert await fill(world.store, "contract-a", range(2, 3)) == shard


async def test_a_holder_may_append_several_times(world: World) -> None:
    shard = await world.store.place(LOG, "acme")
    async with world.store.exclusive(LOG, shard) as writer:
        for version in (1, 2, 3):
            tail = await writer.stream("acme", "contract-a", version - 1)
            assert list(tail) == []
            assert isinstance(
                await writer.append(batch(command(f"{version}", event("contract-a", version)))), Appended
            )
        conflict = await writer.append(batch(command("x", event("contract-a", 3))))
        assert isinstance(conflict, Conflict)
        assert isinstance(await writer.append(batch(command("y", event("contract-a", 4)))), Appended)
    assert len(await whole(world.store, shard)) == 4


async def test_writers_side_by_side_leave_no_gap_and_lose_nothing(world: World) -> None:
    shard = await world.store.place(LOG, "acme")

    async def write(name: str) -> int:
        conflicts = 0
        writer = world.store.writer(LOG, shard)
        for number in range(10):
            while True:
                version = len(await writer.stream("acme", "contract-hot")) + 1
                own = event(f"contract-{name}", number + 1)
                outcome = await writer.append(
                    batch(command(f"{name}-{number}", event("contract-hot", version), own))
                )
                if isinstance(outcome, Appended):
                    break
                conflicts += 1
        return conflicts

    await asyncio.gather(*(write(name) for name in "abc"))
    kept = await whole(world.store, shard)
    assert [r.position for r in kept] == list(range(1, 61))
    assert [r.version for r in kept if r.stream == "contract-hot"] == list(range(1, 31))
    instants = [r.recorded_at for r in kept]
    assert instants == sorted(instants)


async def test_snapshots_are_found_by_version_of_their_state_and_at_a_position(world: World) -> None:
    await fill(world.store, "contract-a", range(1, 4))
    early, late = Snapshot(1, 1, b"one"), Snapshot(3, 3, b"three")
    keep, find = world.store.keep_snapshot, world.store.snapshot
    for snapshot in (late, early, late):
        await keep(LOG, "acme", "contract-a", 1, snapshot)
    assert await find(LOG, "acme", "contract-a", 1, None) == late
    assert await find(LOG, "acme", "contract-a", 1, 2) == early
    assert await find(LOG, "acme", "contract-a", 2, None) is None
    assert await find(LOG, "acme", "contract-b", 1, None) is None
