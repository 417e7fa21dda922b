"""Golden cases without refusals, played without rest and in random order, end with the same answers."""

from pathlib import Path

import pytest

from cli.composition import SERVICES
from infra.scenario.model import Loaded, load
from tests.simulation.restless import last_answers

GOLDEN = Path(__file__).resolve().parents[2] / "scenarios" / "golden"
SEEDS = 3


def without_refusals(path: Path) -> bool:
    return all(step.refused is None for step in load(path).scenario.steps)


CASES = [path for path in sorted(GOLDEN.rglob("*.yaml")) if without_refusals(path)]


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_the_last_answers_do_not_depend_on_rest_or_order(path: Path) -> None:
    loaded: Loaded = load(path)
    for seed in range(SEEDS):
        assert await last_answers(loaded, SERVICES, seed) == [], f"seed {seed}"
