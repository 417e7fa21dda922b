import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from infra.client import Client, RefusedError, UnreachableError, quiet_retries
from infra.gapless import GapError, Gapless
from tests.support.http_deals import terms
from tests.support.memory_sandboxes import Stack

SIGN = {"contract": "one", "terms": terms("spacex", "google")}


@pytest.fixture
async def spacex() -> AsyncIterator[Client]:
    stack = await Stack().open()
    async with await stack.client() as client:
        made = await client.post("contracts", "/v1/tenants", {"tenant": "spacex"})
        yield client.with_key(made["key"]["secret"])
    await stack.close()


class Flaky:
    """A service whose answers get lost, or that is busy, before it answers; it counts what it was asked."""

    def __init__(self, failures: Sequence[str]) -> None:
        self.failures, self.bodies = list(failures), list[Any]()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        if not self.failures:
            ids = [item["id"] for item in self.bodies[-1]["commands"]]
            return web.json_response({"results": [{"id": id_, "outcome": "accepted"} for id_ in ids]})
        match self.failures.pop(0):
            case "lost":
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case "busy":
                return web.json_response({"code": "busy", "retryable": True, "status": 503}, status=503)
            case "gateway":
                return web.Response(text="<html>bad gateway", status=502)
            case "unknown":
                problem = {"code": "outcome_unknown", "retryable": True}
                return web.json_response({"results": [{"id": "x", "outcome": "unknown", "problem": problem}]})
            case _:
                return web.json_response({"code": "invalid", "detail": "no", "status": 422}, status=422)


async def _ask_flaky(failures: Sequence[str], seconds: float = 5.0) -> tuple[Flaky, Any]:
    quiet_retries()
    flaky = Flaky(failures)
    application = web.Application()
    application.router.add_post("/v1/commands", flaky.serve)
    server = TestServer(application)
    await server.start_server()
    try:
        async with Client({"contracts": str(server.make_url(""))}, "k", retry_seconds=seconds) as client:
            item: dict[str, Any] = {"type": "contracts.AcceptContract.v1", "data": {}}
            return flaky, await client.commands("contracts", [item])
    finally:
        await server.close()


async def test_whatever_may_pass_is_tried_again_with_the_same_id() -> None:
    flaky, (result,) = await _ask_flaky(["lost", "busy", "gateway", "unknown"])
    assert result["outcome"] == "accepted"
    assert len(flaky.bodies) == 5
    assert len({body["commands"][0]["id"] for body in flaky.bodies}) == 1


async def test_what_will_not_pass_is_raised_at_once() -> None:
    with pytest.raises(RefusedError) as caught:
        await _ask_flaky(["invalid"])
    assert (caught.value.code, caught.value.status) == ("invalid", 422)


async def test_a_deadline_ends_the_tries() -> None:
    with pytest.raises(UnreachableError):
        await _ask_flaky(["unknown"] * 1000, seconds=0.3)


async def test_a_command_returns_its_receipt_and_a_refusal_is_raised(spacex: Client) -> None:
    receipt = await spacex.command("contracts.SignContract", SIGN, id_="a")
    again = await spacex.command("contracts.SignContract.v1", SIGN, id_="a")
    assert (receipt.outcome, again.outcome) == ("accepted", "duplicate")
    assert (receipt.token, receipt.chain, receipt.events) == (again.token, again.chain, again.events)
    assert [warning["party"] for warning in receipt.warnings] == ["google"]
    with pytest.raises(RefusedError) as caught:
        await spacex.command("contracts.SetFee", {"contract": "none", "charge": "x"})
    assert any("/0/data/amount" in line or "amount" in line for line in caught.value.lines())


async def test_answers_histories_lines_and_feeds_come_through(spacex: Client) -> None:
    await spacex.command("contracts.SignContract", SIGN)
    reply = await spacex.ask("contracts.terms", {"contract": "one"})
    assert reply["answer"]["customer"] == "google"
    for number in range(3):
        data = {"contract": f"more-{number}", "terms": terms("spacex", "google")}
        await spacex.command("contracts.SignContract", data)
    history = [event async for event in spacex.history("contracts", {"limit": "2"})]
    assert len([event for event in history if event["type"] == "contracts.ContractSigned.v1"]) == 4
    async for first in spacex.stream("contracts", {"from": "start"}):
        assert first["id"] == history[0]["id"]
        break
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/crm",
        "type": "contracts.ContractSigned.v1",
        "data": {"contract": "by-event", "terms": terms("spacex", "google")},
    }
    lines = json.dumps(event).encode() + b"\n" + b"{}\n"
    results = [result async for result in spacex.event_lines("contracts", lines)]
    assert [result["outcome"] for result in results] == ["accepted", "rejected"]
    (result,) = await spacex.events("contracts", [event])
    assert result["outcome"] == "duplicate"


class Log:
    """A log of ten events, and a topic that is read from it."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def fetch(self, log: str, shard: int, after: int) -> Sequence[Mapping[str, Any]]:
        assert (log, shard) == ("usage", 3)
        self.asked.append(after)
        return [{"position": position} for position in range(after + 1, min(after + 3, 10) + 1)]


async def test_a_topic_reader_drops_repeats_and_fetches_gaps() -> None:
    log = Log()
    reader = Gapless(log.fetch, {("usage", 3): 1})
    seen: list[int] = []
    for position in (1, 2, 2, 7, 4, 8, 3, 10):
        seen += [one["position"] for one in await reader.offer("usage", 3, {"position": position})]
    assert seen == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert log.asked == [2, 5, 8]
    assert reader.last["usage", 3] == 10


async def test_a_gap_that_the_log_does_not_fill_stops_the_reader() -> None:
    async def nothing(*_: object) -> Sequence[Mapping[str, Any]]:
        return []

    with pytest.raises(GapError):
        await Gapless(nothing, {}).offer("usage", 0, {"position": 5})
