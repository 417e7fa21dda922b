"""Replicas share work: each a fair part, everything held by somebody, nothing by two."""

import pytest

from infra.leases import LeasesLostError, MemoryLeases, Shared, held_by

NAMES = [f"shard-{number}" for number in range(10)]


class Replicas:
    def __init__(self) -> None:
        self.table: dict[str, str] = {}
        self.alive: set[str] = set()

    def join(self, name: str) -> tuple[MemoryLeases, Shared]:
        return MemoryLeases(self.table, name, self.alive), Shared(NAMES)


async def balance(*replicas: tuple[MemoryLeases, Shared]) -> None:
    for _ in range(2):
        for leases, shared in replicas:
            await shared.balance(leases, await leases.beat())


async def test_one_alone_takes_everything() -> None:
    replicas = Replicas()
    one = replicas.join("one")
    await balance(one)
    assert one[1].held == set(NAMES)


async def test_a_second_gets_its_part_and_a_third_too() -> None:
    replicas = Replicas()
    one, two = replicas.join("one"), None
    await balance(one)
    two = replicas.join("two")
    await balance(one, two)
    assert len(one[1].held) == len(two[1].held) == 5
    three = replicas.join("three")
    await balance(one, two, three)
    held = [len(shared.held) for _, shared in (one, two, three)]
    assert sum(held) == 10
    assert max(held) <= 4
    assert not one[1].held & two[1].held


async def test_what_a_vanished_replica_held_is_taken_over() -> None:
    replicas = Replicas()
    one, two = replicas.join("one"), replicas.join("two")
    await balance(one, two)
    one[0].vanish()
    await balance(two)
    assert two[1].held == set(NAMES)
    assert held_by(replicas.table, "one") == []


async def test_who_loses_the_connection_holds_nothing() -> None:
    replicas = Replicas()
    leases, shared = replicas.join("one")
    await balance((leases, shared))

    class Lost(MemoryLeases):
        async def give_back(self, name: str) -> None:
            raise LeasesLostError(name)

    with pytest.raises(LeasesLostError):
        await shared.balance(Lost(replicas.table, "one", replicas.alive), 2)
    assert shared.held == set()
