"""Every story comes out as it says, in memory. What is not expected yet is listed, and only shrinks."""

from pathlib import Path

import pytest

from cli.composition import SERVICES
from infra.scenario.memory import MemoryPlayer
from infra.scenario.model import load
from infra.scenario.play import play

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
NOT_YET: frozenset[str] = frozenset()


def name(path: Path) -> str:
    return str(path.relative_to(SCENARIOS))


def marked(path: Path) -> object:
    marks = [pytest.mark.xfail(strict=True, reason="not expected yet")] if name(path) in NOT_YET else []
    return pytest.param(path, id=name(path), marks=marks)


@pytest.mark.parametrize("path", [marked(path) for path in sorted(SCENARIOS.rglob("*.yaml"))])
async def test_it_comes_out_as_it_says(path: Path) -> None:
    loaded = load(path)
    player = await MemoryPlayer.open(SERVICES, loaded.scenario.clock)
    wrong = [
        f"step {played.index + 1}: {fault}" async for played in play(loaded, player) for fault in played.wrong
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_not_expected_yet_is_there() -> None:
    there = {name(path) for path in SCENARIOS.rglob("*.yaml")}
    assert there >= NOT_YET
