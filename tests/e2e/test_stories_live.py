"""Stories come out over HTTP, Kafka and PostgreSQL as they do in memory."""

from pathlib import Path

import pytest

from cli.connection import Connection
from cli.playing import player
from infra.scenario.model import load
from infra.scenario.play import play

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
NAMED = {
    "golden/contracts": ("01", "02", "03", "06", "07", "08", "10"),
    "golden/capacity": ("01", "03", "04", "14", "24"),
    "golden/settlement": ("01", "02", "03", "07", "16"),
}
STORIES = [
    path
    for folder, numbers in NAMED.items()
    for number in numbers
    for path in (SCENARIOS / folder).glob(f"{number}-*.yaml")
] + sorted((SCENARIOS / "deals").glob("*.yaml"))

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


def test_the_named_stories_are_there() -> None:
    assert len(STORIES) == sum(map(len, NAMED.values())) + 1


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
async def test_it_comes_out_live_as_it_says(path: Path, stack: Path) -> None:
    loaded = load(path)
    async with player(loaded.scenario.clock, Connection(directory=stack)) as ledger:
        wrong = [
            f"step {played.index + 1}: {fault}"
            async for played in play(loaded, ledger)
            for fault in played.wrong
        ]
    assert not wrong, "\n".join(wrong)
