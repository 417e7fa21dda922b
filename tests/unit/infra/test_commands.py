"""From command to durable outcome, on the log in memory."""

import asyncio
from datetime import datetime

import pytest

from infra.commands import Commands
from infra.event_store import Batch
from infra.event_store.memory import MemoryEventStore
from infra.node import Ledger, Node
from infra.outcomes import Accepted, Asked, IdReused, NotDone, NotOneBookError, Rejected, Result
from infra.read_store.memory import MemoryReadStore
from tests.support.milestones import AT, SERVICE, record


def clock() -> datetime:
    return AT


class World:
    """One store, and as many processes on it as are asked for."""

    def __init__(self) -> None:
        self.store = MemoryEventStore(clock, shards=1)
        self.commands = self.process()

    def process(self) -> Commands:
        ledger = Ledger(name="test", mode="sandbox", shards=1)
        return Node(SERVICE, ledger, self.store, MemoryReadStore(), clock).commands

    async def names(self) -> list[str]:
        events = await self.store.shard("capacity", 0, 0, 10_000)
        return [recorded.event.milestone for recorded in events]  # type: ignore[attr-defined]


def asked(milestone: str, id_: str | None = None, *, pool: str = "p", book: str = "own") -> Asked:
    return Asked(command=record(milestone, pool, book), id=id_ or f"id-{milestone}", actor="spacex")


async def test_what_is_accepted_is_in_the_log_once_with_its_place() -> None:
    world = World()
    result = await world.commands.submit(asked("energised"))
    assert isinstance(result, Accepted)
    assert (result.place.first, result.place.last, result.duplicate) == (1, 1, False)
    assert await world.names() == ["energised"]


async def test_the_retry_of_something_accepted_is_answered_as_accepted_though_it_would_be_refused_now() -> (
    None
):
    world = World()
    first = await world.commands.submit(asked("energised"))
    for commands in (world.commands, world.process()):
        again = await commands.submit(asked("energised"))
        assert isinstance(again, Accepted)
        assert isinstance(first, Accepted)
        assert again.duplicate
        assert (again.place.first, again.place.last) == (first.place.first, first.place.last)
    assert await world.names() == ["energised"]


async def test_a_refusal_is_not_kept_so_the_same_id_may_succeed_later() -> None:
    world = World()
    await world.commands.submit(asked("energised"))
    assert isinstance(await world.commands.submit(asked("energised", "x")), Rejected)
    assert isinstance(await world.commands.submit(asked("ordered", "x")), Accepted)


async def test_the_same_id_with_other_content_is_told_and_changes_nothing() -> None:
    world = World()
    await world.commands.submit(asked("energised", "x"))
    assert await world.commands.submit(asked("ordered", "x")) == IdReused()
    assert await world.names() == ["energised"]


async def test_ids_of_two_actors_in_one_book_do_not_meet() -> None:
    world = World()
    results = [
        await world.commands.submit(Asked(command=record(name, book="book-1"), id="x", actor=actor))
        for actor, name in (("google", "a"), ("anthropic", "b"))
    ]
    assert all(isinstance(result, Accepted) and not result.duplicate for result in results)


async def test_many_callers_on_one_stream_are_decided_one_upon_the_other() -> None:
    world = World()
    waiting = [world.commands.submit(asked(f"m{n % 50}", f"id-{n}")) for n in range(200)]
    results = await asyncio.gather(*waiting)
    assert sum(isinstance(result, Accepted) for result in results) == 50
    assert sum(isinstance(result, Rejected) for result in results) == 150
    assert sorted(await world.names()) == sorted(f"m{n}" for n in range(50))


async def test_two_equal_commands_in_one_batch_give_one_event_and_one_duplicate() -> None:
    world = World()
    one, two, other = await asyncio.gather(
        world.commands.submit(asked("a")),
        world.commands.submit(asked("a")),
        world.commands.submit(asked("b")),
    )
    assert isinstance(one, Accepted)
    assert isinstance(two, Accepted)
    assert isinstance(other, Accepted)
    assert (one.duplicate, two.duplicate, other.duplicate) == (False, True, False)
    assert sorted(await world.names()) == ["a", "b"]


async def test_a_stale_cache_costs_a_second_try_and_never_a_wrong_answer() -> None:
    world = World()
    other = world.process()
    await world.commands.submit(asked("a"))
    await other.submit(asked("b"))
    refused = await world.commands.submit(asked("b", "x"))
    assert isinstance(refused, Rejected)
    assert refused.refused.details == {"count": 2}
    assert isinstance(await world.commands.submit(asked("c")), Accepted)
    assert await world.names() == ["a", "b", "c"]


async def test_two_processes_on_one_hot_stream_settle_everything() -> None:
    world = World()
    processes = [world.process(), world.process()]
    waiting = [processes[n % 2].submit(asked(f"m{n}")) for n in range(100)]
    results = await asyncio.gather(*waiting)
    assert all(isinstance(result, Accepted) for result in results)
    assert sorted(await world.names()) == sorted(f"m{n}" for n in range(100))


async def test_an_accepted_command_that_changes_nothing_is_kept_all_the_same() -> None:
    world = World()
    await world.commands.submit(asked("a"))
    first = await world.commands.submit(asked("nothing"))
    again = await world.commands.submit(asked("nothing"))
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert (first.place.first, first.duplicate, again.duplicate) == (None, False, True)
    assert await world.commands.submit(asked("b", "id-nothing")) == IdReused()


async def test_a_group_is_durable_whole_or_not_at_all() -> None:
    world = World()
    await world.commands.submit(asked("a"))
    results = await world.commands.submit_all([asked("b"), asked("a", "x"), asked("c")])
    kinds: list[type[Result]] = [type(result) for result in results]
    assert kinds == [NotDone, Rejected, NotDone]
    assert await world.names() == ["a"]
    results = await world.commands.submit_all([asked("b"), asked("double-c"), asked("d")])
    assert [result.place.first for result in results if isinstance(result, Accepted)] == [2, 3, 5]
    assert await world.names() == ["a", "b", "double-c", "double-c", "d"]


async def test_a_group_over_two_books_is_refused_before_anything_is_decided() -> None:
    world = World()
    with pytest.raises(NotOneBookError):
        await world.commands.submit_all([asked("a", book="book-1"), asked("b", book="book-2")])
    assert await world.names() == []


async def test_a_bug_in_a_rule_fails_its_own_command_and_no_other() -> None:
    world = World()
    names = ("a", "bug", "b", "a2", "c")
    results = await asyncio.gather(
        *(world.commands.submit(asked(name)) for name in names), return_exceptions=True
    )
    assert isinstance(results[1], ZeroDivisionError)
    assert [isinstance(result, Accepted) for result in results] == [True, False, True, True, True]
    versions = [recorded.version for recorded in await world.store.shard("capacity", 0, 0)]
    assert versions == [1, 2, 3, 4]


async def test_a_rehearsal_tells_and_appends_nothing() -> None:
    world = World()
    await world.commands.submit(asked("a"))
    told = await world.commands.submit(asked("b"), dry_run=True)
    assert isinstance(told, Accepted)
    assert len(told.emitted) == 1
    assert isinstance(await world.commands.submit(asked("a", "x"), dry_run=True), Rejected)
    await world.commands.submit_all([asked("b"), asked("c")], dry_run=True)
    assert await world.names() == ["a"]
    assert isinstance(await world.commands.submit(asked("b")), Accepted)


async def test_a_refusal_in_a_book_without_events_leaves_no_trace() -> None:
    world = World()
    await world.commands.submit(asked("nothing", book="book-new"), dry_run=True)
    assert await world.store.placed("capacity", "never") is None


async def test_a_store_that_fails_is_told_to_everybody_and_the_next_batch_is_served() -> None:
    world = World()
    writer = world.store.writer

    class Failing:
        def __init__(self) -> None:
            self.left = 1

        def __call__(self, log: str, shard: int) -> object:
            real = writer(log, shard)
            failing = self

            class Writer:
                stream = real.stream

                async def append(self, batch: Batch) -> object:
                    if failing.left:
                        failing.left -= 1
                        raise ConnectionError("gone")
                    return await real.append(batch)

            return Writer()

    world.store.writer = Failing()  # type: ignore[method-assign,assignment]
    with pytest.raises(ConnectionError):
        await world.commands.submit(asked("a"))
    assert isinstance(await world.commands.submit(asked("a")), Accepted)
    assert await world.names() == ["a"]
