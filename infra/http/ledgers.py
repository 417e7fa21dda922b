"""Sandboxes over HTTP: made, moved, checked and dropped. A live ledger refuses all of it."""

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web

from infra.access.keys import OPERATIONS, shown
from infra.auth import LEDGER_REPLAY, SCOPES
from infra.http.commands import json_body, sandbox
from infra.http.replies import reply
from infra.http.site import EACH, Caller, Route, Sandboxes, Site
from infra.invariants import faults
from infra.problems import Code, Fault, FaultCode, ProblemError
from infra.tokens import Basis, positions_of
from infra.validation import FaultyMessageError, take
from schemas.kernel.wire import Instant

SHARDS_MAX = 16
LedgerName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$(?!\n)",
        description="Letters a-z, digits and -, at most 40, beginning with a letter or digit.",
    ),
]


class NewSandbox(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sandbox to be made, with the instant at which its clock stands."""

    ledger: LedgerName
    clock: Instant
    shards: Annotated[int, msgspec.Meta(ge=1, le=SHARDS_MAX)] = 4


class Advance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a sandbox's clock is to go."""

    to: Instant


def routes() -> list[Route]:
    """Return the routes of sandboxes and clocks."""
    return [
        Route.plain(
            "POST",
            "/v1/ledgers",
            LEDGER_REPLAY,
            create,
            "Make a sandbox; returns its first key.",
            NewSandbox,
            status="201",
        ),
        Route.plain("DELETE", "/v1/ledgers/{ledger}", LEDGER_REPLAY, drop, "Drop a sandbox.", status="204"),
        Route.plain("GET", "/v1/clock", EACH, clock, "The ledger's clock."),
        Route.plain("POST", "/v1/clock/advance", LEDGER_REPLAY, advance, "Move a sandbox's clock.", Advance),
        Route.plain("POST", "/v1/clock/rest", LEDGER_REPLAY, rest, "Wait until nothing moves in a sandbox."),
        Route.plain("POST", "/v1/checks", LEDGER_REPLAY, checks, "Check this service's invariants."),
    ]


async def create(site: Site, _: Caller, request: web.Request) -> web.StreamResponse:
    """Make a sandbox and its first key, which may do everything in it."""
    wanted = take(NewSandbox, await json_body(request))
    if wanted.ledger in site.desks:
        raise ProblemError(Code.LEDGER_EXISTS)
    await _sandboxes(site).create(wanted.ledger, wanted.clock, wanted.shards)
    desk = site.desks.get(wanted.ledger)
    if desk is None:
        raise ProblemError(Code.STORE_UNAVAILABLE, "the sandbox was made and is not served here yet")
    made, key = await desk.access.create(OPERATIONS, tuple(SCOPES), "sandbox", None)
    told = {"ledger": wanted.ledger, "clock": wanted.clock, "shards": wanted.shards, "sandbox": True}
    return reply({**told, "key": {**shown(made), "secret": str(key)}}, status=201)


async def drop(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Drop a sandbox, by one of its own keys or by operations of a live ledger."""
    name = request.match_info["ledger"]
    desk = site.desks.get(name)
    own = caller.ledger == name
    if desk is None or (caller.desk.node.ledger.mode == "sandbox" and not own):
        raise ProblemError(Code.NOT_FOUND)
    if desk.node.ledger.mode != "sandbox":
        raise ProblemError(Code.NOT_A_SANDBOX)
    await _sandboxes(site).drop(name)
    return web.Response(status=204)


async def clock(_: Site, caller: Caller, _request: web.Request) -> web.StreamResponse:
    """Tell the ledger's clock."""
    now: datetime = await caller.desk.node.store.now()
    return reply(
        {"ledger": caller.ledger, "mode": caller.desk.node.ledger.mode, "now": now, **sandbox(caller)}
    )


async def advance(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Move the clock; what falls due on the way happens first."""
    _only_sandbox(caller)
    wanted = take(Advance, await json_body(request))
    now = await caller.desk.node.store.now()
    if wanted.to < now.replace(microsecond=0):
        detail = "a clock never goes back"
        raise FaultyMessageError([Fault("/to", FaultCode.RANGE, detail, now.isoformat())])
    await _sandboxes(site).advance(caller.ledger, wanted.to)
    return await clock(site, caller, request)


async def rest(site: Site, caller: Caller, _: web.Request) -> web.StreamResponse:
    """Wait until nothing moves; returns a basis of everything known then."""
    _only_sandbox(caller)
    await _sandboxes(site).rest(caller.ledger)
    basis = Basis(None, 0, None, positions_of(await caller.desk.node.past.heads()))
    return reply({"basis": site.sealer.seal("basis", caller.ledger, basis), **sandbox(caller)})


async def checks(_: Site, caller: Caller, _request: web.Request) -> web.StreamResponse:
    """Check what this service states; in a sandbox also what holds of any ledger, which reads all of it."""
    node = caller.desk.node
    now = await node.store.now()
    found = await faults([node]) if node.ledger.mode == "sandbox" else []
    for check in node.service.checks:
        found += await check(node.past.at(await node.past.heads()), now)
    return reply({"service": node.service.name, "wrong": found, **sandbox(caller)})


def _only_sandbox(caller: Caller) -> None:
    if caller.desk.node.ledger.mode != "sandbox":
        raise ProblemError(Code.NOT_A_SANDBOX)


def _sandboxes(site: Site) -> Sandboxes:
    if site.sandboxes is None:
        raise ProblemError(Code.NOT_A_SANDBOX, "this process makes no sandboxes")
    return site.sandboxes
