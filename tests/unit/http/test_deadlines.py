import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvloop
from aiohttp import web

from infra.http.deadlines import Listener
from infra.http.site import Limits

LIMITS = Limits(header_seconds_max=0.2)
HEAD = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def listening(seconds: float) -> AsyncGenerator[int, None]:
    """A server that reads a body, and answers it some time later."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        released = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(seconds, released.set_result, None)
        await released
        return web.Response(text="done")

    application = web.Application()
    application.router.add_post("/", answer)
    listener = Listener(application, LIMITS)
    port = await listener.open("127.0.0.1", 0)
    try:
        yield port
    finally:
        await listener.close()


async def said(port: int, *parts: bytes, turns: int = 1) -> bytes:
    """What comes back for parts that are sent one after another, some turns of the loop apart."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        for _ in range(turns):
            await asyncio.sleep(0)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def test_a_request_may_take_longer_than_its_head_however_its_body_was_cut() -> None:
    async def all_cuts() -> None:
        async with listening(0.5) as port:
            cuts = [said(port, HEAD, b"5\r\nhello\r\n", b"0\r\n\r\n", turns=turns) for turns in range(8)]
            assert all([b"done" in await cut for cut in cuts])

    uvloop.run(all_cuts())  # the loop of the services: it reads a body a turn earlier than asyncio's own


def test_a_head_that_does_not_end_is_cut_off() -> None:
    async def cut_off() -> None:
        async with listening(0) as port:
            assert await said(port, HEAD[:-2]) == b""

    uvloop.run(cut_off())


def test_an_address_that_is_too_long_is_told_so_and_where_long_questions_go() -> None:
    async def main() -> bytes:
        async with listening(0) as port:
            return await said(port, b"GET /?a=" + b"a" * 9000 + b" HTTP/1.1\r\nHost: here\r\n\r\n")

    told = uvloop.run(main())
    assert b" 400 " in told.splitlines()[0]
    assert b"longer than 8190 bytes" in told
    assert b"POST /v1/asks" in told
