"""The time machine and bundles on the command line: over HTTP, and without any server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cli.app import build
from cli.composition import SERVICES
from cli.connection import keep_key
from cli.operations import UnknownNameError
from infra.bundle import Selection, export
from infra.replay.rebuild import silent
from tests.support.deals import colossus
from tests.support.http_deals import terms
from tests.support.memory_sandboxes import Stack
from tests.unit.ops.test_bundle import changed

Run = Callable[..., Any]


@pytest.fixture
async def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Run]:
    """Runs a command against a stack with one contract; returns what it printed and its exit code."""
    stack = await Stack().open()
    keep_key(tmp_path, "operations", stack.key)

    async def command(*words: str, as_: str = "spacex") -> tuple[str, Any]:
        where = ("--url", stack.urls["contracts"], "--dir", str(tmp_path), "--as", as_)
        code = await asyncio.to_thread(build(), [*words, *where])
        return capsys.readouterr().out, code

    with capture_logs():
        try:
            for tenant in ("spacex", "google"):
                await command("tenants", "create", tenant, as_="operations")
            await deal(tmp_path, command)
            yield command
        finally:
            await stack.close()


async def deal(folder: Path, command: Run) -> None:
    """Sign two contracts."""
    type_, file = "contracts.ContractSigned.v1", folder / "facts.jsonl"
    facts = [{"contract": other, "terms": terms("spacex", other)} for other in ("google", "reflection")]
    lines = [
        {"specversion": "1.0", "id": str(n), "source": "/crm", "type": type_, "data": data}
        for n, data in enumerate(facts)
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    out, code = await command("events", "post", str(file))
    assert code == 0, out


async def test_a_history_holds_what_a_tenant_is_a_party_of_in_the_order_learnt(run: Run) -> None:
    out, code = await run("history", "spacex", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [one["subject"] for one in events] == ["contract-google", "contract-reflection"]
    assert [one["recordedtime"] for one in events] == sorted(one["recordedtime"] for one in events)
    out, _ = await run("history", "google", "--json", as_="google")
    assert [json.loads(line)["subject"] for line in out.splitlines()] == ["contract-google"]


async def test_a_history_ends_where_it_was_known_or_true(run: Run) -> None:
    for option in (("--known-at", "2026-01-01"), ("--valid-at", "2020-01-01")):
        out, code = await run("history", "spacex", "--json", *option)
        assert (out, code) == ("", 0)


async def test_a_question_is_asked_at_two_times_and_their_difference_is_told(run: Run) -> None:
    ask = ("as-of", "contracts.exposure", "contract=google", "seen_by=supplier")
    out, code = await run(*ask, "--valid-at", "2026-10-01..2027-10-01", "--diff", "--json")
    assert code == 1
    told = {one["path"]: (one["before"], one["after"]) for one in json.loads(out)}
    assert told["$.elapsed"] == ("0.00", "11040000000.00")
    out, code = await run(*ask, "--valid-at", "2026-10-01..2026-10-01", "--diff", "--json")
    assert (json.loads(out), code) == ([], 0)


async def test_a_question_at_two_times_is_answered_twice(run: Run) -> None:
    out, code = await run(
        "as-of", "contracts.terms", "contract=google", "--valid-at", "2026-11-01..2026-12-01", "--json"
    )
    assert code == 0
    assert [json.loads(line)["valid_at"] for line in out.splitlines()] == [
        "2026-11-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
    ]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What SpaceX may see of the Colossus deals."""
    system, path = colossus(), tmp_path_factory.mktemp("bundle") / "spacex.bundle"
    node = system.parts["contracts"].node

    async def write() -> None:
        cut = await system.heads()
        selection = Selection(tenant="spacex")
        await export(system.store, node.ledger, SERVICES, selection, cut, path, silent)

    asyncio.run(write())
    return path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, Any]:
    code = build()(["replay", "run", *words])
    return capsys.readouterr().out, code


def test_a_bundle_is_proved_and_folded(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, code = told(capsys, str(bundle))
    assert code == 0
    assert "spacex contract-google" in out
    out, _ = told(capsys, str(bundle), "--json")
    found = json.loads(out)
    assert found["header"]["tenant"] == "spacex"
    assert all(stream["why_not"] is None for stream in found["streams"])


def test_a_bundle_tells_one_state_and_answers_a_question(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, code = told(capsys, str(bundle), "--stream", "contract-google", "--json")
    assert (code, json.loads(out)[0]["stream"]) == (0, "contract-google")
    fields = '{"contract": "google", "seen_by": "supplier"}'
    when = ("--valid-at", "2026-10-01", "--known-at", "2026-07-01")
    out, code = told(capsys, str(bundle), "--ask", "contracts.exposure", "--with", fields, *when, "--json")
    assert code == 0
    assert json.loads(out)["headline"] == "30360000000.00"


def test_a_bundle_that_was_changed_is_refused(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(bundle.read_bytes())
    out, code = told(capsys, str(changed(copy, b"110000", b"990000")))
    assert code == 1
    assert "not the one that its leaf was made of" in out


def test_what_a_bundle_does_not_have_is_said(bundle: Path) -> None:
    for words in (("--stream", "contract-none"), ("--ask", "contracts.none")):
        with pytest.raises(UnknownNameError):
            build()(["replay", "run", str(bundle), *words])
