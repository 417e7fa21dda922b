"""Whatever the stories ask, their answers can be drawn, and their history is their terms."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cli.boards import BOARDS, contracts, waterfall
from cli.boards.drawing import instant
from cli.boards.printing import text_of
from cli.boards.wording import versions
from cli.composition import SERVICES
from infra.scenario.memory import MemoryPlayer
from infra.scenario.model import Step, load
from infra.scenario.play import Played, Refusal, play
from tests.unit.cli.deals import SCENARIOS, as_json, ask, stories

NARROW = 72


def name(path: Path) -> str:
    return str(path.relative_to(SCENARIOS))


async def answered(path: Path) -> AsyncIterator[tuple[Played, MemoryPlayer]]:
    loaded = load(path)
    player = await MemoryPlayer.open(SERVICES, loaded.scenario.clock)
    async for played in play(loaded, player):
        yield played, player


@pytest.mark.parametrize("path", stories("golden", "stories"), ids=name)
async def test_every_answer_of_a_story_can_be_drawn(path: Path) -> None:
    async for played, _ in answered(path):
        asked = played.step.ask
        if asked is None or played.answer is None or isinstance(played.answer, Refusal):
            continue
        answer = as_json(played.answer)
        board = BOARDS[asked](as_json(played.step.with_), answer)
        assert text_of(board)
        assert max(len(line) for line in text_of(board, NARROW).splitlines()) <= NARROW
        if asked == "settlement.statement":
            assert text_of(waterfall(answer))


@pytest.mark.parametrize("path", stories("golden/contracts", "contracts", "deals"), ids=name)
async def test_the_timeline_of_a_contract_is_what_its_terms_are_at_each_of_its_instants(path: Path) -> None:
    signed: dict[str, str] = {}
    player: MemoryPlayer | None = None
    async for played, playing in answered(path):
        player = playing
        if played.step.do == "contracts.SignContract" and played.step.refused is None:
            signed[played.step.with_["contract"]] = played.step.as_ or ""
    assert player is not None
    for contract, supplier in signed.items():
        history: Any = await ask(player, asked("contracts.history", contract, supplier))
        assert text_of(contracts.timeline(history))
        for version in versions(history):
            step = asked("contracts.terms", contract, supplier)
            moment = instant(version.start)
            found = await player.ask(Step(as_=step.as_, ask=step.ask, with_=step.with_, valid_at=moment))
            assert as_json(found) == version.terms, version.start


def asked(question: str, contract: str, supplier: str) -> Step:
    return Step(as_=supplier, ask=question, with_={"contract": contract})
