"""The deals of Colossus played in memory: a ledger with a history that is worth looking back at."""

import asyncio
from functools import cache
from pathlib import Path

from cli.composition import SERVICES
from infra.scenario.memory import MemoryPlayer
from infra.scenario.model import load
from infra.scenario.play import play
from infra.system import System

STORY = Path(__file__).resolve().parents[2] / "scenarios" / "deals" / "colossus.yaml"


async def played() -> System:
    """Return the system after the whole story."""
    loaded = load(STORY)
    player = await MemoryPlayer.open(SERVICES, loaded.scenario.clock)
    async for step in play(loaded, player):
        assert not step.wrong, step.wrong
    return player.system


@cache
def colossus() -> System:
    """Return it, played once a run; whoever takes it only reads. Not to be called inside a running loop."""
    return asyncio.run(played())
