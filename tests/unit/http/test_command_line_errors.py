"""What the command line says when something is wrong: what, where, and what would be right."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cli.app import main
from cli.connection import keep_key
from tests.support.http_deals import terms
from tests.support.memory_sandboxes import Stack

Run = Callable[..., Any]
EVENT = {
    "specversion": "1.0",
    "id": "deal",
    "source": "/crm",
    "type": "contracts.ContractSigned.v1",
    "data": {"contract": "deal", "terms": terms("operations", "google")},
}


@pytest.fixture
async def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Run]:
    """Runs a command line against a stack; returns its exit code, what it printed, and what was wrong."""
    stack = await Stack().open()
    keep_key(tmp_path, "operations", stack.key)

    async def command(*words: str) -> tuple[int, str, str]:
        where = ("--url", stack.urls["contracts"], "--dir", str(tmp_path))
        code = await asyncio.to_thread(main, [*words, *where])
        told = capsys.readouterr()
        return code, told.out, told.err

    with capture_logs():
        yield command
        await stack.close()


async def test_every_fault_of_a_question_is_told_with_its_place_and_what_was_expected(run: Run) -> None:
    code, _, told = await run("contracts", "commitments", "--tenant", "spacex", "--from", "x", "--to", "5")
    assert code == 1
    for place in ("/with/from", "/with/to"):
        assert f"  {place}: " in told
    assert "RFC 3339" in told


async def test_facts_can_come_by_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(EVENT).encode())))
    code, out, told = await run("events", "post", "-")
    assert (code, told) == (0, "")
    assert out.startswith("1 accepted")


async def test_a_file_that_is_not_there_is_named_once(run: Run) -> None:
    code, _, told = await run("events", "post", "/nowhere/facts.jsonl")
    assert code == 1
    assert told == "capledger: /nowhere/facts.jsonl: No such file or directory\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("keys", "create", "big"),
            "capledger keys create takes no further words: big\nSee: capledger keys create",
        ),
        (("history", "a", "--as-of", "x"), "Did you mean --as?\nSee: capledger history --help"),
        (("nonsense",), "Available commands"),
    ],
)
def test_a_command_that_was_called_wrongly_says_how_and_where_its_help_is(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(words)) == 2
    assert told in capsys.readouterr().err
