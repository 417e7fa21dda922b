import asyncio
import json
import re

import aiohttp
import pytest

from cli.composition import SERVICES
from infra.auth import SCOPES
from infra.http.application import app, routes_of
from infra.http.deadlines import Listener
from infra.http.site import EACH, PUBLIC, Limits
from infra.service import Service
from infra.tokens import Sealer
from tests.support.http_world import SEALING, World

TIGHT = Limits(
    body_bytes_max=2_000,
    header_seconds_max=0.2,
    body_seconds_max=0.2,
    idle_seconds_max=0.3,
    requests_per_second=40,
    refusals_per_second=5,
    in_flight_max=2,
)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_route_states_its_scope(service: Service) -> None:
    for route in routes_of(service):
        assert route.scope in {PUBLIC, EACH, *SCOPES}, route.path
        assert (route.serve is None) != (route.handle is None)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_command_and_every_ask_has_a_route_of_its_own(service: Service) -> None:
    routes = routes_of(service)
    commands = [route for route in routes if "command" in route.operation]
    asks = {route.operation["ask"].name for route in routes if "ask" in route.operation}
    assert len(commands) == sum(not rule.internal for rule in service.rules)
    assert asks == {ask.name for ask in service.asks}
    keys = [(route.method, re.sub(r"\{\w+\}", "{}", route.path)) for route in routes]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_the_description_holds_every_route_and_every_reference_leads_somewhere(
    service: Service,
) -> None:
    world = await World.open()
    try:
        told = (await world.call(service.name, "GET", "/openapi.json")).json
        for route in routes_of(service):
            assert route.method.lower() in told["paths"][route.path]
        text = json.dumps(told)
        for ref in set(re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', text)):
            assert ref[1] in told["components"][ref[0]], ref
        topics = (await world.call(service.name, "GET", "/asyncapi.json")).json
        assert topics["asyncapi"] == "3.0.0"
        page = await world.call(service.name, "GET", "/docs")
        assert page.headers["Content-Type"].startswith("text/html")
        types = (await world.call(service.name, "GET", "/v1/event-types")).json["types"]
        assert any(one["reported_by"] for one in types)
    finally:
        await world.close()


async def test_too_large_too_many_and_too_fast_are_told_with_what_to_do() -> None:
    world = await World.open(limits=TIGHT)
    try:
        large = await world.call("contracts", "POST", "/v1/commands", as_="spacex", raw=b" " * 2_001)
        assert (large.status, large.code) == (413, "too_large")
        replies = [await world.call("contracts", "GET", "/v1/basis", as_="spacex") for _ in range(60)]
        slow = [reply for reply in replies if reply.status == 429]
        assert slow
        assert slow[0].code == "rate_limited"
        assert slow[0].headers["Retry-After"] == "1"
        assert slow[0].headers["RateLimit"] == '"requests";r=0;t=1'
        assert replies[0].headers["RateLimit-Policy"] == '"requests";q=40;w=1'
        other = await world.call("contracts", "GET", "/v1/basis", as_="google")
        assert other.status == 200
    finally:
        await world.close()


async def test_whoever_guesses_keys_is_slowed_down() -> None:
    world = await World.open(limits=TIGHT)
    try:
        headers = {"Authorization": "Bearer clk_guess"}
        replies = [await world.call("contracts", "GET", "/v1/basis", headers=headers) for _ in range(60)]
        assert {reply.status for reply in replies} == {401, 429}
    finally:
        await world.close()


async def test_a_large_chunked_body_is_stopped_where_it_becomes_too_large() -> None:
    world = await World.open(limits=TIGHT)

    async def pieces() -> object:
        for _ in range(100):
            yield b" " * 1_000

    try:
        headers = {"Authorization": f"Bearer {await world.key('spacex')}", "Content-Type": "application/json"}
        client = world.clients["contracts"]
        try:
            async with client.post("/v1/commands", data=pieces(), headers=headers) as response:
                assert response.status == 413
        except aiohttp.ClientConnectionError:
            pass  # the server may hang up before the rest is sent
        assert (await world.call("contracts", "GET", "/health/live")).status == 200
    finally:
        await world.close()


async def _talk(port: int, *pieces: bytes, apart: float = 0.0) -> bytes:
    """Send pieces some seconds apart; return what came back until the other side hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(5):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if apart and await _hangs_up_within(reader, apart):
                    return b""
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def _hangs_up_within(reader: asyncio.StreamReader, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await reader.read(1) == b""
    except TimeoutError:
        return False


async def test_slow_heads_slow_bodies_and_no_http_at_all_end_within_their_deadlines() -> None:
    world = await World.open()
    service = SERVICES[0]
    listener = Listener(
        app(service, world.desks(service), Sealer({"k1": SEALING}, "k1"), limits=TIGHT), TIGHT
    )
    port = await listener.open("127.0.0.1", 0)
    try:
        key = await world.key("spacex")
        assert await _talk(port, b"GET /health/live HT") == b""
        assert await _talk(port) == b""
        drip = [bytes([byte]) for byte in b"GET /health/live HTTP/1.1\r\n"]
        assert await _talk(port, *drip, apart=0.05) == b""
        head = f"POST /v1/commands HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        head += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n["
        answer = await _talk(port, head.encode())
        assert b"408" in answer
        assert b"request_timeout" in answer
        answer = await _talk(port, b"\x00\x01 nonsense\r\n\r\n")
        assert b"400" in answer
        assert b"application/problem+json" in answer
        good = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert b'"status":"live"' in await _talk(port, good)
    finally:
        await listener.close(1.0)
        await world.close()
