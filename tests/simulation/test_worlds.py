"""A thousand seeded worlds: whatever is lost, doubled, delayed or killed, the checker finds nothing wrong.

A failing seed is named, and plays the same world again, step by step.
"""

import logging

import pytest

from tests.simulation.loop import run
from tests.simulation.plants import PLANTS
from tests.simulation.world import Ways, World, accepted, echoes

WORLDS, PER_TEST = 1000, 100
COMMANDS = 6
PLANTED_WORLDS_MAX = 60

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logging.getLogger("capledger").setLevel(logging.CRITICAL)
    logging.getLogger("capledger.supervision").setLevel(logging.CRITICAL)


async def played(seed: int, ways: Ways | None = None) -> list[str]:
    """Return what is wrong at the end of one world."""
    world = World(seed, ways)
    found = await world.play(COMMANDS)
    if not found and not accepted(world):
        found = ["nothing was accepted"]
    return found or await echoes(world)


@pytest.mark.parametrize("first", range(0, WORLDS, PER_TEST))
def test_nothing_is_lost_doubled_or_reordered_in_any_world(first: int) -> None:
    for seed in range(first, first + PER_TEST):
        assert run(played(seed)) == [], f"seed {seed}"


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_seen(name: str) -> None:
    for seed in range(PLANTED_WORLDS_MAX):
        if run(played(seed, PLANTS[name])):
            return
    pytest.fail(f"{name}: not seen in {PLANTED_WORLDS_MAX} worlds")


def test_a_seed_plays_the_same_world_again() -> None:
    async def told(seed: int) -> list[tuple[str, int, int]]:
        world = World(seed)
        await world.play(COMMANDS)
        return [
            (recorded.stream, shard, recorded.position)
            for shard in range(2)
            for recorded in await world.store.shard("contracts", shard, 0)
        ]

    assert run(told(7)) == run(told(7))
