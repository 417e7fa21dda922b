"""Questions over HTTP: one GET for each ask, `POST /v1/asks` for all, and the bases that answers rest on."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from infra.clock import current
from infra.codec import encode, plain
from infra.event_store import Cut
from infra.http.commands import json_only, sandbox
from infra.http.knowing import WHEN, When, cut_for, opened, when
from infra.http.reading import faults_in
from infra.http.replies import reply
from infra.http.serving import IN_FLIGHT, require
from infra.http.site import EACH, Caller, Handler, Route, Site
from infra.http.touched import Touched, TouchedPast
from infra.intake import owner_of_ask
from infra.node import event_token
from infra.problems import Code, Fault, FaultCode, ProblemError, refusal
from infra.service import Ask, Service, View
from infra.strict_json import UnreadableError, is_object, read
from infra.tokens import Basis, Opened, positions_of
from infra.validation import FaultyMessageError, field_schemas, take, value_of_text
from schemas.decision import Refused

Q = TypeVar("Q")
DIGEST_BYTES, QUESTION_BYTES = 16, 8
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,3})(?:$|[,;\s])")


def routes(service: Service) -> list[Route]:
    """Return the routes of all asks."""
    found = [
        Route(
            method="POST",
            path="/v1/asks",
            scope=EACH,
            handle=post,
            operation={
                "summary": "Ask any question, also one that takes Schedules.",
                "requestBody": "Ask",
                "replies": {"200": "Answer"},
            },
        ),
        Route(
            method="GET",
            path="/v1/basis",
            scope=EACH,
            handle=mark,
            operation={"summary": "Mark everything known now.", "replies": {"200": "Basis"}},
        ),
        Route(
            method="POST",
            path="/v1/basis/open",
            scope="ledger:read",
            handle=open_basis,
            operation={"summary": "Say what a basis holds (operations).", "replies": {"200": "OpenedBasis"}},
        ),
    ]
    return found + [_route(ask, path) for ask in service.asks for path in paths_of(ask)]


def paths_of(ask: Ask) -> list[str]:
    """Return the paths of an ask: as declared, and without the parts that stand for fields left out."""
    path = "/v1/" + ask.path.strip("/")
    optional = {name for name, field in _fields(ask).items() if not field.required and f"{{{name}}}" in path}
    found = [path]
    if optional:
        kept = [part for part in path.split("/") if part.strip("{}") not in optional]
        found.append("/".join(kept))
    return found


async def post(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Answer `{ask, with, valid_at, known_at, after}`."""
    json_only(request)
    async with request.app[IN_FLIGHT].body(request) as body:
        value = read(body)
    if not is_object(value):
        raise FaultyMessageError([Fault("", FaultCode.TYPE, "a question is an object", "object")])
    unknown = [name for name in value if name not in {"ask", "with", *WHEN}]
    if unknown:
        faults = [Fault(f"/{name}", FaultCode.UNKNOWN_FIELD, "there is no such field") for name in unknown]
        raise FaultyMessageError(faults)
    name = value.get("ask")
    ask = caller.desk.node.asks.get(name) if isinstance(name, str) else None
    if ask is None:
        owner = owner_of_ask(name, site.service.name) if isinstance(name, str) else None
        told = f"belongs to the {owner} service" if owner else "there is no such ask"
        fault = Fault("/ask", FaultCode.CHOICE, told, sorted(caller.desk.node.asks))
        raise ProblemError(Code.TYPE_UNKNOWN, errors=[fault])
    require(caller, ask.scope)
    question, asked = _together(
        lambda: take(ask.question, value.get("with", {}), ("with",)),
        lambda: when(site, caller, value, wait_seconds(request)),
    )
    return await answer(site, caller, ask, question, asked)


async def mark(site: Site, caller: Caller, _: web.Request) -> web.StreamResponse:
    """Mark now: the heads of all shards."""
    heads = await caller.desk.node.past.heads()
    basis = Basis(None, 0, None, positions_of(heads))
    return reply({"basis": site.sealer.seal("basis", caller.ledger, basis), **sandbox(caller)})


async def open_basis(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Say what a basis holds, positions and all."""
    json_only(request)
    async with request.app[IN_FLIGHT].body(request) as body:
        value = read(body)
    token = value.get("basis") if is_object(value) else None
    if not isinstance(token, str):
        raise FaultyMessageError([Fault("/basis", FaultCode.REQUIRED, "the basis of a reply", "string")])
    found = opened(site, caller, "basis", token)
    basis: Basis = found.mark
    return reply(
        {
            "ask": basis.ask,
            "version": basis.version,
            "valid_at": basis.valid_at,
            "positions": heads_of(basis.cut),
            "digest": basis.digest.hex(),
            "key": found.key,
            **sandbox(caller),
        }
    )


async def answer(
    site: Site, caller: Caller, ask: Ask, question: msgspec.Struct, asked: When
) -> web.StreamResponse:
    """Return the answer to a question with its basis; the same basis gives the same bytes.

    Raises:
        ProblemError: refused, not visible yet, or the basis is of an earlier version of the ask.
    """
    node = caller.desk.node
    given: Basis | None = None if asked.basis is None else asked.basis.mark
    if given is not None and given.ask == ask.name and given.version != ask.version:
        raise ProblemError(Code.BASIS_OUTDATED)
    cut = await cut_for(node, asked)
    touched = Touched(node)
    view = await _view(site, caller, asked, TouchedPast(node.past.at(cut), touched))
    found = await ask.answer(question, view)
    if isinstance(found, Refused):
        raise refusal(found, plain(found.details), asked=True)
    value = plain(found)
    basis = Basis(
        ask=ask.name,
        version=ask.version,
        valid_at=view.valid_at,
        positions=positions_of(touched.of(cut)),
        question=sha256(encode([caller.actor, view.of_operations, question])).digest()[:QUESTION_BYTES],
        digest=sha256(encode(value)).digest()[:DIGEST_BYTES],
    )
    if given is not None and _same_question(given, basis) and given.digest != basis.digest:
        raise ProblemError(Code.BASIS_OUTDATED)
    token = site.sealer.seal("basis", caller.ledger, basis, _key(asked.basis))
    return reply({"answer": value, "valid_at": view.valid_at, "basis": token, **sandbox(caller)})


def wait_seconds(request: web.Request) -> float:
    """Return how long the sender is ready to wait (`Prefer: wait=5`, RFC 7240)."""
    match = _WAIT.search(request.headers.get("Prefer", ""))
    return 0.0 if match is None else float(match[1])


async def _view(site: Site, caller: Caller, asked: When, past: TouchedPast) -> View:
    now: datetime = await current(caller.desk.node.clock)
    before: datetime | None = None if asked.basis is None else asked.basis.mark.valid_at
    valid_at = asked.valid_at or before or now.replace(microsecond=0)
    # nothing an answer says may come from the clock, or the same basis would not give the same bytes
    scopes = frozenset(caller.credential.scopes)
    token = event_token(site.sealer, caller.ledger, _key(asked.basis))
    return View(actor=caller.actor, valid_at=valid_at, now=valid_at, past=past, token=token, scopes=scopes)


def _same_question(given: Basis, basis: Basis) -> bool:
    return (given.ask, given.question, given.valid_at, given.positions) == (
        basis.ask,
        basis.question,
        basis.valid_at,
        basis.positions,
    )


def _key(given: Opened | None) -> str | None:
    return None if given is None else given.key


def _route(ask: Ask, path: str) -> Route:
    return Route(
        method="GET",
        path=path,
        scope=ask.scope,
        handle=_handler(ask),
        operation={
            "summary": (ask.question.__doc__ or "").strip().split("\n")[0],
            "ask": ask,
            "replies": {"200": "Answer"},
        },
    )


def _handler(ask: Ask) -> Handler:
    async def handle(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
        given = {name: value for name, value in request.query.items() if name in WHEN}
        question, asked = _together(
            lambda: take(ask.question, _question(ask, request)),
            lambda: when(site, caller, given, wait_seconds(request)),
        )
        return await answer(site, caller, ask, question, asked)

    return handle


def _together(question: Callable[[], Q], as_of: Callable[[], When]) -> tuple[Q, When]:
    """Return a question and as of when it is asked.

    Raises:
        FaultyMessageError: with the faults of both.
        ProblemError: a token does not hold.
    """
    try:
        asked = as_of()
    except FaultyMessageError as error:
        others = faults_in(lambda _: question(), None)
        raise FaultyMessageError([*others, *error.faults]) from None
    return question(), asked


def _question(ask: Ask, request: web.Request) -> dict[str, Any]:
    """Return the fields of a question from path and query, each read as its type asks."""
    schemas = field_schemas(ask.question)
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    texts: dict[str, list[str]] = {name: [text] for name, text in request.match_info.items()}
    for name, text in request.query.items():
        if name not in WHEN:
            texts.setdefault(name, []).append(text)
    for name, values in texts.items():
        try:
            found[name] = value_of_text(schemas.get(name, {}), values)
        except UnreadableError as error:
            faults += [msgspec.structs.replace(fault, pointer=f"/{name}") for fault in error.faults]
    if faults:
        raise FaultyMessageError(faults)
    return found


def _fields(ask: Ask) -> Mapping[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(ask.question)}


def heads_of(cut: Cut) -> Mapping[str, Mapping[str, int]]:
    """Return a cut by log and shard, for operations."""
    return {log: {str(shard): at for shard, at in shards} for log, shards in positions_of(cut)}
