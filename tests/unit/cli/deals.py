"""Answers of the Colossus deals, played in memory, as a client would get them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from cli.composition import SERVICES
from infra.codec import plain
from infra.scenario.memory import MemoryPlayer
from infra.scenario.model import Step, load
from infra.scenario.play import Refusal, play

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"
DEALS = SCENARIOS / "deals" / "colossus.yaml"
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)

ASKED: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {
    "terms": ("contracts.terms", {"contract": "anthropic"}, {}),
    "terms in May": ("contracts.terms", {"contract": "anthropic"}, {"known_at": "known-in-may"}),
    "history": ("contracts.history", {"contract": "anthropic"}, {}),
    "status": ("contracts.status", {"contract": "anthropic"}, {}),
    "exposure": (
        "contracts.exposure",
        {"contract": "anthropic", "seen_by": "supplier"},
        {"valid_at": OCTOBER},
    ),
    "exposures": ("contracts.exposure", {"tenant": "spacex", "seen_by": "supplier"}, {"valid_at": OCTOBER}),
    "obligations": (
        "contracts.obligations",
        {"tenant": "spacex", "from": "2026-10-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"},
        {},
    ),
    "timeline": (
        "capacity.timeline",
        {"pool": "colossus-2-gb300", "from": "2026-08-01T00:00:00Z", "to": "2027-09-01T00:00:00Z"},
        {},
    ),
    "pool": ("capacity.pool", {"pool": "colossus-2-gb300"}, {}),
    "statement": ("settlement.statement", {"statement": "spacex/google-2026-11"}, {}),
    "explanation": ("settlement.explain", {"statement": "spacex/google-2026-11", "line": 2}, {}),
    "balance": ("settlement.balance", {"contract": "google"}, {}),
}


@cache
def answers() -> Mapping[str, Any]:
    """Every answer of `ASKED` by its name, as plain JSON."""
    return asyncio.run(_answers())


async def _answers() -> Mapping[str, Any]:
    loaded = load(DEALS)
    player = await MemoryPlayer.open(SERVICES, loaded.scenario.clock)
    async for played in play(loaded, player):
        assert not played.wrong, played.wrong
    return {
        name: await ask(player, Step(as_="spacex", ask=asked, with_=question, **when))
        for name, (asked, question, when) in ASKED.items()
    }


async def ask(player: MemoryPlayer, step: Step) -> Any:
    """Answer a step's question as plain JSON."""
    answer = await player.ask(step)
    assert not isinstance(answer, Refusal), answer
    return as_json(answer)


def as_json(answer: Any) -> Any:
    """What is left of an answer when it has been sent."""
    return msgspec.json.decode(msgspec.json.encode(plain(answer)))


def stories(*folders: str) -> Sequence[Path]:
    """Every story below some folders of scenarios."""
    return sorted(path for folder in folders for path in (SCENARIOS / folder).rglob("*.yaml"))
