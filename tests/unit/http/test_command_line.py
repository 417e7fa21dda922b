import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cli.app import build
from cli.connection import keep_key, kept_key
from infra.client import RefusedError
from tests.support.http_deals import terms
from tests.support.memory_sandboxes import Stack

Run = Callable[..., Any]


@pytest.fixture
async def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Run]:
    """Runs a command line against a stack; returns what it printed and its exit code."""
    stack = await Stack().open()
    keep_key(tmp_path, "operations", stack.key)

    async def command(*words: str, as_: str = "operations") -> tuple[str, Any]:
        where = ("--url", stack.urls["contracts"], "--dir", str(tmp_path), "--as", as_)
        code = await asyncio.to_thread(build(), [*words, *where])
        return capsys.readouterr().out, code

    with capture_logs():
        yield command
        await stack.close()


def event(id_: str, **more: Any) -> dict[str, Any]:
    data = {"contract": id_, "terms": terms("spacex", "google")}
    envelope = {"specversion": "1.0", "id": id_, "source": "/crm", "type": "contracts.ContractSigned.v1"}
    return {**envelope, "data": data, **more}


async def test_a_tenant_is_made_and_its_key_is_kept_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    out, code = await run("tenants", "create", "spacex", "--json")
    assert code == 0
    kept = kept_key(tmp_path, "spacex")
    assert kept.read_text().strip() == json.loads(out)["secret"]
    assert kept.stat().st_mode & 0o077 == 0
    out, _ = await run("tenants", "list", "--json")
    assert {one["tenant"] for one in json.loads(out)} == {"operations", "spacex"}


async def test_facts_are_posted_from_a_file_and_what_is_wrong_is_told_by_line(
    run: Run, tmp_path: Path
) -> None:
    await run("tenants", "create", "spacex")
    file = tmp_path / "facts.jsonl"
    lines = [
        event("a"),
        event("b"),
        event("a"),
        event("c", time="noon"),
        {"type": "capacity.UsageReported.v1"},
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    out, code = await run("events", "post", str(file), as_="spacex")
    assert code == 1
    assert "2 accepted, 1 known already, 2 not taken" in out
    assert "/time: not of the form asked for (expected: RFC 3339" in out
    file.write_text(json.dumps(event("d"), indent=2))
    out, code = await run("events", "post", str(file), "--json", as_="spacex")
    assert (code, json.loads(out)["outcome"]) == (0, "accepted")
    file.write_text(json.dumps([event("a"), event("e")]))
    out, code = await run("events", "post", str(file), as_="spacex")
    assert (code, "1 accepted, 1 known already" in out) == (0, True)


async def test_every_question_is_a_command_with_its_fields_as_options(run: Run, tmp_path: Path) -> None:
    await run("tenants", "create", "spacex")
    file = tmp_path / "fact.json"
    file.write_text(json.dumps(event("a")))
    await run("events", "post", str(file), as_="spacex")
    ask = ("contracts", "exposure", "--seen-by", "supplier", "--contract", "a", "--json")
    out, code = await run(*ask, as_="spacex")
    told = json.loads(out)
    assert (code, told["answer"]["headline"]) == (0, "30360000000.00")
    again, _ = await run(*ask, "--known-at", told["basis"], as_="spacex")
    assert json.loads(again) == told
    opened, _ = await run("basis", told["basis"], "--json")
    assert json.loads(opened)["ask"] == "contracts.exposure"
    window = ("--from", "2026-10-01T00:00:00Z", "--to", "2026-11-01T00:00:00Z")
    out, _ = await run("contracts", "commitments", "--tenant", "spacex", *window, "--json", as_="spacex")
    assert len(json.loads(out)["answer"]["steps"]) == 1
    with pytest.raises(RefusedError) as caught:
        await run("contracts", "terms", "--contract", "nothing", as_="spacex")
    assert caught.value.code == "contract_unknown"


async def test_history_show_and_why_lead_from_an_event_to_its_causes(run: Run, tmp_path: Path) -> None:
    await run("tenants", "create", "spacex")
    file = tmp_path / "fact.json"
    file.write_text(json.dumps(event("a")))
    await run("events", "post", str(file), as_="spacex")
    out, _ = await run("history", "spacex", as_="spacex")
    (recorded,) = [json.loads(line) for line in out.splitlines()]
    out, _ = await run("events", "show", recorded["id"], "--json", as_="spacex")
    assert json.loads(out)["id"] == recorded["id"]
    out, _ = await run("events", "why", recorded["id"], as_="spacex")
    assert "ContractSigned" in out
    assert "▶" in out


async def test_keys_are_made_listed_rotated_revoked_and_audited(run: Run) -> None:
    await run("tenants", "create", "spacex")
    out, _ = await run("keys", "create", "--label", "ci", "--scope", "contracts:read", "--json", as_="spacex")
    made = json.loads(out)
    assert made["scopes"] == ["contracts:read"]
    out, code = await run("keys", "rotate", made["id"], "--json", as_="operations")
    assert (code, json.loads(out)["label"]) == (0, "ci")
    out, _ = await run("keys", "revoke", made["id"], "--json", as_="spacex")
    assert json.loads(out)["revoked_at"]
    out, _ = await run("keys", "list", "--json", as_="spacex")
    assert [one["revoked_at"] is None for one in json.loads(out) if one["label"] == "ci"] == [False, True]
    out, _ = await run("audit", "--json")
    actions = [entry["action"] for entry in json.loads(out)]
    assert actions == ["key.created", "key.created", "key.created", "key.rotated", "key.revoked"]


async def test_the_clock_is_shown_and_moved_where_it_may_be(run: Run) -> None:
    out, code = await run("clock", "show", "--json")
    assert (code, json.loads(out)["ledger"]) == (0, "main")
