"""What stands before every handler: who asks, at what pace, with which scope; and what becomes of errors."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

from aiohttp import web

from infra.auth import MalformedKeyError, parse
from infra.http.body import InFlight
from infra.http.errors import problem_of
from infra.http.replies import problem_reply
from infra.http.site import EACH, Caller, Handler, OpenHandler, Route, Site
from infra.logging import logger
from infra.problems import Code, ProblemError

REQUEST_ID = web.RequestKey("request_id", str)
HEADERS = web.RequestKey("headers", dict[str, str])
IN_FLIGHT = web.AppKey("in_flight", InFlight)
SERVED = web.AppKey("served", Counter[tuple[str, str, int]])

_log = logger("capledger.http")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_NEXT = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def problems(request: web.Request, handler: _NEXT) -> web.StreamResponse:
    """Answer every error as a problem document; name, count and log every request, without payload."""
    sent = request.headers.get("X-Request-Id", "")
    request[REQUEST_ID] = sent if _REQUEST_ID.match(sent) else uuid4().hex
    request[HEADERS] = {}
    since = time.monotonic()
    try:
        async with request.app[IN_FLIGHT].one():
            response = await handler(request)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 whatever it is, the sender gets a problem document
        response = problem_reply(problem_of(error), request[REQUEST_ID])
        if response.status in {web.HTTPRequestTimeout.status_code, web.HTTPRequestEntityTooLarge.status_code}:
            response.force_close()
    route = _route(request)
    request.app[SERVED][request.method, route, response.status] += 1
    _log.info(
        "request",
        method=request.method,
        route=route,
        status=response.status,
        milliseconds=round((time.monotonic() - since) * 1000, 1),
        request_id=request[REQUEST_ID],
    )
    return response


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every reply has; streams get them before their first byte."""
    response.headers["X-Request-Id"] = request.get(REQUEST_ID, "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    for name, value in request.get(HEADERS, {}).items():
        response.headers.setdefault(name, value)


def guarded(site: Site, route: Route, handle: Handler) -> _NEXT:
    """Return the handler of a route that needs a credential."""

    async def serve(request: web.Request) -> web.StreamResponse:
        caller = await authenticate(site, request)
        require(caller, route.scope)
        return await handle(site, caller, request)

    return serve


def open_to_all(site: Site, serve: OpenHandler) -> _NEXT:
    """Return the handler of a route that needs none."""

    async def served(request: web.Request) -> web.StreamResponse:
        return await serve(site, request)

    return served


async def authenticate(site: Site, request: web.Request) -> Caller:
    """Return who asks.

    Raises:
        ProblemError: no credential, one that does not hold, or one that asks too fast.
    """
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise ProblemError(Code.CREDENTIAL_MISSING, headers=_challenge())
    refusals = f"refused:{request.remote}"
    if site.pace.left(refusals) < 1.0:
        raise _too_fast(site, None)
    try:
        key = parse(text.strip())
    except MalformedKeyError:
        key = None
    desk = None if key is None else site.desks.get(key.ledger)
    credential = None if key is None or desk is None else await desk.access.authenticate(key)
    if desk is None or credential is None:
        site.pace.take(refusals, site.limits.requests_per_second / site.limits.refusals_per_second)
        raise ProblemError(Code.CREDENTIAL_INVALID, headers=_challenge())
    left = site.pace.take(f"key:{credential.id}")
    request[HEADERS].update(site.pace.headers(left))
    if desk.node.ledger.mode == "sandbox":
        request[HEADERS]["Capledger-Sandbox"] = desk.node.ledger.name
    if left is None:
        raise _too_fast(site, left)
    return Caller(desk, credential)


def require(caller: Caller, scope: str) -> None:
    """Refuse a credential without a scope, and note it.

    Raises:
        ProblemError: it lacks the scope.
    """
    if scope == EACH or caller.credential.allows(scope):
        return
    caller.desk.access.note_refusal(caller.actor, caller.credential.id, f"scope_missing:{scope}")
    raise ProblemError(Code.SCOPE_MISSING, f"needs the scope {scope}", extra={"expected": scope})


def _too_fast(site: Site, left: float | None) -> ProblemError:
    return ProblemError(Code.RATE_LIMITED, headers={"Retry-After": "1", **site.pace.headers(left)})


def _challenge() -> Mapping[str, str]:
    return {"WWW-Authenticate": 'Bearer realm="capledger"'}


def _route(request: web.Request) -> str:
    """Return the pattern of the route, never the path: a path may name what a log must not."""
    resource = request.match_info.route.resource
    return "(none)" if resource is None else resource.canonical
