"""`GET /v1/events/stream`: what happens, as it happens, as Server-Sent Events.

Each event carries a sealed cursor as its id; a reader that comes back with `Last-Event-ID` misses nothing
and gets nothing twice.
"""

import asyncio
from collections import Counter
from datetime import timedelta

from aiohttp import web

from infra.auth import HISTORY_READ
from infra.codec import encode
from infra.event_store import Cut, Recorded
from infra.http.history import reader_of, tenant_in
from infra.http.knowing import token_problem
from infra.http.serving import authenticate
from infra.http.shown import shown
from infra.http.site import Caller, Route, Site
from infra.parties import moved
from infra.problems import Code, Fault, FaultCode, ProblemError
from infra.tokens import StreamMark, TokenError, cut_of, positions_of
from infra.validation import FaultyMessageError
from schemas.catalog import LOGS

LOOK_SECONDS = 0.1
LOOK_SECONDS_IDLE_MAX = 1.0
ALIVE = timedelta(seconds=15)
PAGE = 500
OPEN = web.AppKey("open_streams", Counter[tuple[str, str]])
CLOSING = web.AppKey("closing", asyncio.Event)


def routes() -> list[Route]:
    """Return the route of the feed."""
    return [
        Route(
            method="GET",
            path="/v1/events/stream",
            scope=HISTORY_READ,
            handle=stream,
            operation={
                "summary": "Follow the events in which one is a party (Server-Sent Events).",
                "query": ("tenant", "from"),
                "replies": {"200": "text/event-stream of Event"},
            },
        )
    ]


async def stream(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Follow events from a cursor, from the start (`from=start`), or from now."""
    reader, about = reader_of(caller, tenant_in(request))
    after = await _start(site, caller, request, (reader, about))
    held = (caller.ledger, caller.actor)
    if request.app[OPEN][held] >= site.limits.streams_per_tenant_max:
        raise ProblemError(Code.RATE_LIMITED, "too many feeds are open")
    request.app[OPEN][held] += 1
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    try:
        await response.prepare(request)
        await response.write(b": open\n\n")
        await _follow(site, request, response, (reader, about), after)
    except (ConnectionError, ProblemError):
        pass  # the reader has gone, or its key: it comes back with its cursor
    finally:
        request.app[OPEN][held] -= 1
    return response


async def _follow(
    site: Site,
    request: web.Request,
    response: web.StreamResponse,
    eyes: tuple[str | None, str | None],
    after: Cut,
) -> None:
    loop = asyncio.get_running_loop()
    closing, quiet_since, pause = request.app[CLOSING], loop.time(), LOOK_SECONDS
    seen: Cut | None = None
    while not closing.is_set():
        caller = await authenticate(site, request)
        heads = await caller.desk.node.past.heads()
        if heads == seen:
            if loop.time() - quiet_since > ALIVE.total_seconds():
                quiet_since = loop.time()
                await response.write(b": alive\n\n")
            await _pause(closing, pause)
            pause = min(pause * 1.5, LOOK_SECONDS_IDLE_MAX)
            continue
        while events := await caller.desk.events.events(*eyes, LOGS, after, heads, PAGE):
            for recorded in events:
                after = moved(after, [recorded])
                await response.write(_event(site, caller, recorded, StreamMark(*eyes, positions_of(after))))
        after, seen, pause, quiet_since = heads, heads, LOOK_SECONDS, loop.time()


async def _start(
    site: Site, caller: Caller, request: web.Request, eyes: tuple[str | None, str | None]
) -> Cut:
    token = request.headers.get("Last-Event-ID") or request.query.get("cursor")
    if request.query.get("from", "start") != "start":
        fault = Fault("/from", FaultCode.CHOICE, "the first event, or left out for now on", ["start"])
        raise FaultyMessageError([fault])
    if token is None:
        return Cut({}) if request.query.get("from") == "start" else await caller.desk.node.past.heads()
    try:
        found: StreamMark = site.sealer.open("stream", caller.ledger, token).mark
    except TokenError as error:
        raise token_problem("Last-Event-ID", str(error)) from None
    if (found.reader, found.about) != eyes:
        raise token_problem("Last-Event-ID", "the cursor of another feed")
    return cut_of(found.after)


def _event(site: Site, caller: Caller, recorded: Recorded, mark: StreamMark) -> bytes:
    cursor = site.sealer.seal("stream", caller.ledger, mark)
    data = encode(shown(caller, recorded)).decode()
    return f"id: {cursor}\nevent: {recorded.type}\ndata: {data}\n\n".encode()


async def _pause(closing: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await closing.wait()
    except TimeoutError:
        pass
