from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from infra.client import RefusedError
from infra.node import Ledger
from infra.scenario.live import LivePlayer
from infra.scenario.model import load
from infra.scenario.play import play
from infra.scenario.source import ScenarioError
from tests.support.memory_sandboxes import Stack
from tests.tidy.sources import ROOT

GOLDEN = ROOT / "scenarios" / "golden"
CASES = (
    "contracts/01",
    "contracts/03",
    "contracts/08",
    "capacity/01",
    "capacity/05",
    "settlement/01",
    "settlement/14",
    "settlement/22",
)
UNQUOTED = """do: contracts.SetFee
    as: a
    with: {contract: c, charge: x, start: 2026-10-01T00:00:00Z, amount: 5}"""


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    found = await Stack().open()
    yield found
    await found.close()


@pytest.mark.parametrize("case", CASES)
async def test_a_golden_case_comes_out_over_http_as_in_memory(stack: Stack, case: str) -> None:
    group, number = case.split("/")
    (path,) = (GOLDEN / group).glob(f"{number}-*.yaml")
    loaded = load(path)
    async with await stack.client() as client:
        async with await LivePlayer.open(client, loaded.scenario.clock) as player:
            assert player.ledger in stack.sandboxes.systems
            wrong = [line async for played in play(loaded, player) for line in played.wrong]
        assert wrong == []
        assert not stack.sandboxes.systems


async def test_a_step_that_cannot_be_read_is_told_with_its_place(stack: Stack, tmp_path: Path) -> None:
    for text, told in (
        ("do: contracts.Fly\n    as: a", "there is no command"),
        (UNQUOTED, "quote it"),
        ("ask: contracts.nothing\n    as: a", ""),
        ("ask: nothing.at-all\n    as: a", "there is no question"),
        ("ask: contracts.terms\n    as: a\n    with: {contract: c}\n    known_at: never", "no mark"),
    ):
        path = tmp_path / "broken.yaml"
        path.write_text(f"scenario: broken\nclock: 2026-06-08T00:00:00Z\nsteps:\n  - {text}\n")
        loaded = load(path)
        async with (
            await stack.client() as client,
            await LivePlayer.open(client, loaded.scenario.clock) as player,
        ):
            with pytest.raises(ScenarioError) as caught:
                [played async for played in play(loaded, player)]
            assert "broken.yaml:" in str(caught.value)
            assert told in str(caught.value)


async def test_a_live_ledger_refuses_to_be_moved_or_dropped(stack: Stack) -> None:
    stack.desks["contracts"]["main"].node.ledger = _live(stack)
    async with await stack.client() as client:
        for path, body in (("/v1/clock/advance", {"to": "2030-01-01T00:00:00Z"}), ("/v1/clock/rest", {})):
            with pytest.raises(RefusedError) as caught:
                await client.post("contracts", path, body)
            assert caught.value.code == "not_a_sandbox"
        with pytest.raises(RefusedError) as caught:
            await client.delete("contracts", "/v1/ledgers/main")
        assert caught.value.code == "not_a_sandbox"


async def test_a_sandbox_is_made_once_and_its_clock_never_goes_back(stack: Stack) -> None:
    async with await stack.client() as client:
        body = {"ledger": "mine", "clock": "2026-06-08T00:00:00Z"}
        made = await client.post("contracts", "/v1/ledgers", body)
        with pytest.raises(RefusedError) as caught:
            await client.post("contracts", "/v1/ledgers", body)
        assert caught.value.code == "ledger_exists"
        own = client.with_key(made["key"]["secret"])
        moved = await own.post("capacity", "/v1/clock/advance", {"to": "2026-06-09T00:00:00Z"})
        assert moved["now"] == "2026-06-09T00:00:00Z"
        with pytest.raises(RefusedError) as caught:
            await own.post("capacity", "/v1/clock/advance", {"to": "2026-06-08T00:00:00Z"})
        assert caught.value.code == "invalid"
        await own.delete("contracts", "/v1/ledgers/mine")
        with pytest.raises(RefusedError) as caught:
            await own.get("contracts", "/v1/clock")
        assert caught.value.code == "credential_invalid"


def _live(stack: Stack) -> Ledger:
    return msgspec.structs.replace(stack.desks["contracts"]["main"].node.ledger, mode="live")
