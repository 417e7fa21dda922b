"""An answer may be null: a story can expect just that, and one that expects nothing compares nothing."""

from pathlib import Path

import pytest

from cli.composition import SERVICES
from infra.scenario.memory import MemoryPlayer
from infra.scenario.model import load
from infra.scenario.play import play

STORY = """
scenario: Before its first terms a contract has none
clock: 2027-01-01T00:00:00Z
steps:
  - do: contracts.SignContract
    as: acme
    with:
      contract: lease
      terms:
        supplier: acme
        customer: bolt
        term: {start: 2027-01-01T00:00:00Z, end: 2028-01-01T00:00:00Z}
        currency: USD
  - ask: contracts.terms
    as: bolt
    with: {contract: acme/lease}
    valid_at: 2026-12-31T00:00:00Z
"""


async def faults(path: Path) -> list[str]:
    loaded = load(path)
    player = await MemoryPlayer.open(SERVICES, loaded.scenario.clock)
    return [fault async for played in play(loaded, player) for fault in played.wrong]


@pytest.mark.parametrize("expectation", ["", "    expect: null\n"])
async def test_null_is_an_answer_like_others(tmp_path: Path, expectation: str) -> None:
    story = tmp_path / "story.yaml"
    story.write_text(STORY + expectation)
    assert await faults(story) == []


async def test_null_is_not_what_was_expected_of_terms(tmp_path: Path) -> None:
    story = tmp_path / "story.yaml"
    story.write_text(STORY.replace("2026-12-31", "2027-01-01") + "    expect: null\n")
    assert len(await faults(story)) == 1
