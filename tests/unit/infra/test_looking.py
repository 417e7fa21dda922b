"""Newest states are read once for all who ask at one time, and never from before somebody asked."""

import asyncio

import pytest

from infra.looking import Looking
from infra.past import Folded


class Tail:
    """A stream of which each read waits to be let go."""

    def __init__(self) -> None:
        self.version, self.reads = 0, 0
        self.begun, self.gate = asyncio.Event(), asyncio.Event()
        self.broken = False

    async def read(self, known: Folded | None) -> Folded:
        self.reads += 1
        self.begun.set()
        seen = self.version
        await self.gate.wait()
        if self.broken:
            raise ValueError("unreadable")
        before: list[int] = [] if known is None else known.state
        return Folded([*before, seen], seen, None)


async def test_those_who_ask_at_once_share_one_read() -> None:
    tail, looking = Tail(), Looking[str]()
    tail.gate.set()
    states = await asyncio.gather(*(looking.newest("pool", tail.read) for _ in range(100)))
    assert states == [[0]] * 100
    assert tail.reads == 1


async def test_who_asks_while_a_read_is_under_way_gets_a_newer_one() -> None:
    tail, looking = Tail(), Looking[str]()
    first = asyncio.create_task(looking.newest("pool", tail.read))
    await tail.begun.wait()
    tail.version = 1
    later = [asyncio.create_task(looking.newest("pool", tail.read)) for _ in range(3)]
    await asyncio.sleep(0)
    tail.gate.set()
    assert await first == [0]
    assert await asyncio.gather(*later) == [[0, 1]] * 3
    assert tail.reads == 2


async def test_who_goes_away_takes_nothing_from_the_others() -> None:
    tail, looking = Tail(), Looking[str]()
    leaves = asyncio.create_task(looking.newest("pool", tail.read))
    stays = asyncio.create_task(looking.newest("pool", tail.read))
    await asyncio.sleep(0)
    leaves.cancel()
    tail.gate.set()
    assert await stays == [0]


async def test_a_failed_read_is_told_to_all_and_the_next_begins_anew() -> None:
    tail, looking = Tail(), Looking[str]()
    tail.gate.set()
    assert await looking.newest("pool", tail.read) == [0]
    tail.broken = True
    with pytest.raises(ValueError, match="unreadable"):
        await looking.newest("pool", tail.read)
    tail.broken = False
    assert await looking.newest("pool", tail.read) == [0]
