"""Events over HTTP: a history, one event with its causes and effects, whole logs for operations."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

from infra.auth import HISTORY_READ, LEDGER_FOLLOW, LEDGER_READ
from infra.event_store import Cut, Recorded
from infra.http.asks import wait_seconds
from infra.http.commands import sandbox
from infra.http.knowing import cut_for, token_problem, when
from infra.http.replies import NDJSON, line, reply
from infra.http.serving import authenticate
from infra.http.shown import followed, shown
from infra.http.site import Caller, Route, Site
from infra.parties import moved
from infra.problems import Code, Fault, FaultCode, ProblemError
from infra.tokens import Basis, EventMark, PageMark, TokenError, cut_of, positions_of
from infra.validation import FaultyMessageError
from schemas.catalog import LOGS
from schemas.decision import Origin
from schemas.kernel.names import is_id
from schemas.visibility import sees

PAGE_DEFAULT = 100
PAGE_STREAMED = 500
AROUND_ID = timedelta(seconds=60)
CHAIN_EVENTS_MAX = 20_000
CHAIN_TIME = timedelta(days=1)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def routes() -> list[Route]:
    """Return the routes that tell events."""
    return [
        Route(
            method="GET",
            path="/v1/history",
            scope=HISTORY_READ,
            handle=history,
            operation={
                "summary": "The events in which one is a party, over all logs, oldest first.",
                "query": ("tenant", "known_at", "after", "cursor", "limit"),
                "replies": {"200": "HistoryPage, or one event a line with Accept: application/x-ndjson"},
            },
        ),
        Route(
            method="GET",
            path="/v1/events/{id}",
            scope=HISTORY_READ,
            handle=one,
            operation={"summary": "One event, by its id or its token.", "replies": {"200": "Event"}},
        ),
        Route(
            method="GET",
            path="/v1/events/{id}/why",
            scope=HISTORY_READ,
            handle=why,
            operation={
                "summary": "The chain of causes that led to an event, and all that followed from the first.",
                "replies": {"200": "Why"},
            },
        ),
        _LOGS,
    ]


def reader_of(caller: Caller, tenant: str | None) -> tuple[str | None, str | None]:
    """Return whose eyes read, and about whom: a tenant with its own, operations with all."""
    if caller.credential.allows(LEDGER_READ):
        return None, tenant
    return caller.actor, None if tenant == caller.actor else tenant


def tenant_in(request: web.Request) -> str | None:
    """Return the tenant that a query names.

    Raises:
        FaultyMessageError: it is no id.
    """
    tenant = request.query.get("tenant")
    if tenant is not None and not is_id(tenant):
        raise FaultyMessageError([Fault("/tenant", FaultCode.PATTERN, "no id", "an id")])
    return tenant


async def history(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Tell a tenant's history: a page with a cursor, or all of it as one event a line."""
    _only(request, {"tenant", "known_at", "after", "cursor", "limit"})
    reader, about = reader_of(caller, tenant_in(request))
    limit = whole(request, "limit", PAGE_DEFAULT, 1, site.limits.page_max)
    if "cursor" in request.query:
        found = _page(site, caller, request.query["cursor"], reader, about)
        up_to, after = cut_of(found.up_to), cut_of(found.after)
    else:
        given = {name: request.query[name] for name in ("known_at", "after") if name in request.query}
        up_to = await cut_for(caller.desk.node, when(site, caller, given, wait_seconds(request)))
        after = Cut({})
    basis = site.sealer.seal("basis", caller.ledger, Basis(None, 0, None, positions_of(up_to)))
    if NDJSON in request.headers.get("Accept", ""):
        return await _streamed(site, caller, request, (reader, about), (after, up_to), basis)
    events = await caller.desk.events.events(reader, about, LOGS, after, up_to, limit)
    end = PageMark(reader, about, positions_of(up_to), positions_of(moved(after, events)))
    cursor = site.sealer.seal("page", caller.ledger, end) if len(events) == limit else None
    told = [shown(caller, recorded) for recorded in events]
    return reply({"events": told, "cursor": cursor, "basis": basis, **sandbox(caller)})


async def one(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Tell one event, if the caller may see it."""
    recorded = await _find(site, caller, request)
    return reply({"event": shown(caller, recorded), **sandbox(caller)})


async def why(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Tell what led to an event and what followed, as far as the caller may see it."""
    recorded = await _find(site, caller, request)
    root, causes = recorded, [recorded]
    while (before := await _cause(caller, root)) is not None:
        root = before
        causes.insert(0, before)
    effects, complete = await _effects(caller, root)
    ids = {found.origin: str(found.event_id) for found in (*causes, *effects)}
    return reply(
        {
            "event": _link(caller, recorded, ids),
            "causes": [_link(caller, found, ids) for found in causes[:-1]],
            "effects": [_link(caller, found, ids) for found in effects],
            "complete": complete,
            **sandbox(caller),
        }
    )


async def log(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Tell a shard of a log as it is."""
    _only(request, {"after", "limit"})
    store, name = caller.desk.node.store, request.match_info["log"]
    shard = request.match_info["shard"]
    if name not in LOGS or not shard.isascii() or not shard.isdecimal() or int(shard) >= store.shards:
        raise ProblemError(Code.NOT_FOUND)
    after = whole(request, "after", 0, 0, 2**62)
    limit = whole(request, "limit", site.limits.page_max, 1, site.limits.page_max)
    events = await store.shard(name, int(shard), after, limit)
    body = b"".join(line(followed(recorded)) for recorded in events)
    return web.Response(body=body, content_type=NDJSON)


def whole(request: web.Request, name: str, default: int, least: int, most: int) -> int:
    """Return a whole number of the query.

    Raises:
        FaultyMessageError: it is none, or out of range.
    """
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or not least <= int(text[:20]) <= most:
        expected = f"a whole number from {least} to {most}"
        raise FaultyMessageError([Fault(f"/{name}", FaultCode.RANGE, "out of range", expected)])
    return int(text)


def _only(request: web.Request, known: set[str]) -> None:
    unknown = sorted(set(request.query) - known)
    if unknown:
        raise FaultyMessageError(
            [Fault(f"/{name}", FaultCode.UNKNOWN_FIELD, "no such parameter") for name in unknown]
        )


def _page(site: Site, caller: Caller, token: str, reader: str | None, about: str | None) -> PageMark:
    try:
        found: PageMark = site.sealer.open("page", caller.ledger, token).mark
    except TokenError as error:
        raise token_problem("cursor", str(error)) from None
    if (found.reader, found.about) != (reader, about):
        raise token_problem("cursor", "the cursor of another history")
    return found


async def _streamed(
    site: Site,
    caller: Caller,
    request: web.Request,
    eyes: tuple[str | None, str | None],
    span: tuple[Cut, Cut],
    basis: str,
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": NDJSON, "Capledger-Basis": basis})
    await response.prepare(request)
    async for events in _pages(caller, eyes, span):
        caller = await authenticate(site, request)
        await response.write(b"".join(line(shown(caller, recorded)) for recorded in events))
    await response.write_eof()
    return response


async def _pages(
    caller: Caller, eyes: tuple[str | None, str | None], span: tuple[Cut, Cut]
) -> AsyncIterator[Sequence[Recorded]]:
    after, up_to = span
    while events := await caller.desk.events.events(*eyes, LOGS, after, up_to, PAGE_STREAMED):
        yield events
        after = moved(after, events)


async def _find(site: Site, caller: Caller, request: web.Request) -> Recorded:
    """Return the event of an id or a token, if the caller may see it.

    An id holds the time at which it was made, so that it is looked for in one minute of the logs.

    Raises:
        ProblemError: there is none that the caller may know of.
    """
    if site.sealer.kind(request.match_info["id"]) == "event":
        return await _named(site, caller, request.match_info["id"])
    try:
        id_ = UUID(request.match_info["id"])
    except ValueError:
        raise ProblemError(Code.NOT_FOUND) from None
    store = caller.desk.node.store
    now = await store.now()
    made = datetime.fromtimestamp((id_.int >> 80) / 1000, UTC) if id_.int >> 80 < 2**42 else now
    if made > now + AROUND_ID or made < _EARLIEST:
        raise ProblemError(Code.NOT_FOUND)
    span = (
        await store.resolve(min(made - AROUND_ID, now)),
        await _up_to(caller, made + AROUND_ID, now),
    )
    async for events in _pages(caller, reader_of(caller, None), span):
        for recorded in events:
            if recorded.event_id == id_:
                return recorded
    raise ProblemError(Code.NOT_FOUND)


async def _named(site: Site, caller: Caller, token: str) -> Recorded:
    """Return the event whose place a token seals; a token lets nobody see what it may not see otherwise."""
    try:
        mark: EventMark = site.sealer.open("event", caller.ledger, token).mark
    except TokenError:
        raise ProblemError(Code.NOT_FOUND) from None
    found = await caller.desk.node.store.shard(mark.log, mark.shard, mark.position - 1, 1)
    for recorded in found:
        party = sees(caller.actor, recorded.tenant, recorded.counterparty, recorded.stream)
        if party or caller.credential.allows(LEDGER_READ):
            return recorded
    raise ProblemError(Code.NOT_FOUND)


async def _up_to(caller: Caller, end: datetime, now: datetime) -> Cut:
    node = caller.desk.node
    return await node.past.heads() if end >= now else await node.store.resolve(end)


async def _cause(caller: Caller, recorded: Recorded) -> Recorded | None:
    cause = recorded.meta.causation
    if cause is None:
        return None
    (found,) = await caller.desk.node.store.shard(cause.log, cause.shard, cause.position - 1, 1)
    return found if _may_see(caller, found) else None


async def _effects(caller: Caller, root: Recorded) -> tuple[list[Recorded], bool]:
    """Return what followed from an event, oldest first, and whether all that may have was looked at."""
    node = caller.desk.node
    now = await node.store.now()
    start = await node.store.resolve(root.recorded_at - timedelta(microseconds=1))
    span = (start, await _up_to(caller, root.recorded_at + CHAIN_TIME, now))
    known, found, seen = {root.origin}, list[Recorded](), 0
    async for events in _pages(caller, reader_of(caller, None), span):
        for recorded in events:
            cause = recorded.meta.causation
            if cause is not None and cause in known:
                known.add(recorded.origin)
                found.append(recorded)
        seen += len(events)
        if seen >= CHAIN_EVENTS_MAX:
            return found, False
    return found, True


def _may_see(caller: Caller, recorded: Recorded) -> bool:
    if caller.credential.allows(LEDGER_READ):
        return True
    return sees(caller.actor, recorded.tenant, recorded.counterparty, recorded.stream)


def _link(caller: Caller, recorded: Recorded, ids: Mapping[Origin, str]) -> Mapping[str, Any]:
    cause = recorded.meta.causation
    return {**shown(caller, recorded), "causedby": None if cause is None else ids.get(cause)}


_LOGS = Route(
    method="GET",
    path="/v1/logs/{log}/{shard}",
    scope=LEDGER_FOLLOW,
    handle=log,
    operation={
        "summary": "A shard of a log after a position, as one event a line (operations).",
        "query": ("after", "limit"),
        "replies": {"200": "one FollowedEvent a line"},
    },
)
