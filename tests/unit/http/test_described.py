"""What the description says of a reply is what the reply is."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from infra.http.application import routes_of
from services.contracts.__main__ import SERVICE
from tests.support.http_deals import terms
from tests.support.memory_sandboxes import Stack

TERMS = terms("spacex", "google")
NEW = {"ledger": "tried", "clock": "2026-06-08T00:00:00Z"}
SIGNED = "/v1/contracts/spacex/deal/sign"
EVENT = {
    "specversion": "1.0",
    "id": "signed-1",
    "source": "https://spacex.example",
    "type": "contracts.ContractSigned.v1",
    "time": "2026-06-08T00:00:00Z",
}


class Visitor:
    """Somebody with every right in a sandbox, who calls the contracts service."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession) -> None:
        self._stack, self._session = stack, session
        self.key = stack.key
        self.statuses: dict[tuple[str, str], int] = {}

    async def call(self, template: str, path: str | None = None, body: Any = None, media: str = "") -> Any:
        """Call one route, given as `GET /v1/…`; return the JSON that came back."""
        method, _, route = template.partition(" ")
        headers = {"Authorization": f"Bearer {self.key}"} | ({"Content-Type": media} if media else {})
        url = self._stack.urls[SERVICE.name] + (path or route)
        async with self._session.request(method, url, json=body, headers=headers) as reply:
            assert reply.status < 400, (template, await reply.text())
            self.statuses[method, route] = reply.status
            if route == "/v1/events/stream":
                return None
            return await reply.json() if reply.content_type == "application/json" else await reply.read()


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    stack = await Stack().open()
    async with aiohttp.ClientSession() as session:
        yield Visitor(stack, session)
    await stack.close()


async def visit_all(visitor: Visitor) -> None:
    """Call every route that is written by hand, one command and one question, each with success."""
    for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json", "/asyncapi.json", "/docs"):
        await visitor.call(f"GET {path}")
    for path in ("/v1/event-types", "/v1/services"):
        await visitor.call(f"GET {path}")
    made = await visitor.call("POST /v1/ledgers", body=NEW)
    visitor.key = operations = made["key"]["secret"]
    visitor.key = await _keys(visitor)
    await _events(visitor)
    visitor.key = operations
    await _clock(visitor)
    marked = await visitor.call("GET /v1/basis")
    await visitor.call("POST /v1/basis/open", body={"basis": marked["basis"]})
    await visitor.call("GET /v1/logs/{log}/{shard}", "/v1/logs/contracts/0")
    await visitor.call("DELETE /v1/ledgers/{ledger}", f"/v1/ledgers/{NEW['ledger']}")


async def _keys(visitor: Visitor) -> str:
    """Return the key of a tenant."""
    made = await visitor.call("POST /v1/keys", body={"label": "second"})
    for verb in ("rotate", "revoke"):
        await visitor.call(f"POST /v1/keys/{{id}}/{verb}", f"/v1/keys/{made['key']['id']}/{verb}")
    tenant = await visitor.call("POST /v1/tenants", body={"tenant": "spacex"})
    for path in ("/v1/keys", "/v1/tenants", "/v1/audit"):
        await visitor.call(f"GET {path}")
    return str(tenant["key"]["secret"])


async def _events(visitor: Visitor) -> None:
    signing = {"contract": "deal", "terms": TERMS}
    signed = await visitor.call("POST /v1/contracts/{owner}/{id}/sign", SIGNED, {"terms": TERMS})
    event = signed["receipt"]["events"][0]["event_id"]
    cloud = {**EVENT, "data": {**signing, "contract": "another"}}
    await visitor.call("POST /v1/events", body=cloud, media="application/cloudevents+json")
    batch = {"commands": [{"type": "contracts.SignContract.v1", "data": {**signing, "contract": "third"}}]}
    await visitor.call("POST /v1/commands", body=batch)
    await visitor.call("GET /v1/history", "/v1/history?tenant=spacex")
    await visitor.call("GET /v1/events/{id}", f"/v1/events/{event}")
    await visitor.call("GET /v1/events/{id}/why", f"/v1/events/{event}/why")
    await visitor.call("GET /v1/events/stream", "/v1/events/stream?tenant=spacex")
    question = {"ask": "contracts.terms", "with": {"contract": "spacex/deal"}}
    await visitor.call("POST /v1/asks", body=question)
    await visitor.call("GET /v1/contracts/{contract}/terms", "/v1/contracts/spacex/deal/terms")


async def _clock(visitor: Visitor) -> None:
    await visitor.call("GET /v1/clock")
    await visitor.call("POST /v1/clock/advance", body={"to": "2026-06-09T00:00:00Z"})
    await visitor.call("POST /v1/clock/rest")
    await visitor.call("POST /v1/checks")


async def test_every_route_replies_with_the_status_that_it_is_described_with(visitor: Visitor) -> None:
    await visit_all(visitor)
    routes = {(route.method, route.path): route for route in routes_of(SERVICE)}
    derived = {place for place, route in routes.items() if {"command", "ask"} & set(route.operation)}
    assert set(routes) - derived <= set(visitor.statuses), "a route that nobody tried"
    told = {place: [str(status)] for place, status in visitor.statuses.items()}
    assert told == {place: list(routes[place].operation["replies"]) for place in visitor.statuses}
