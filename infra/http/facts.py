"""`POST /v1/events`: facts from partners as CloudEvents 1.0: structured, batch, binary, and JSON lines."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from infra.http.body import lines
from infra.http.commands import Entry, asked_of, each, entry, flag, rehearsal, rehearse, sandbox, single
from infra.http.outcomes import outcome_of
from infra.http.reading import faults_in, read_judged
from infra.http.replies import JSON, NDJSON, line, reply
from infra.http.serving import IN_FLIGHT, REQUEST_ID, authenticate
from infra.http.site import EACH, Caller, Route, Site
from infra.intake import Intended
from infra.problems import Code, Fault, FaultCode, ProblemError
from infra.strict_json import UnreadableError, is_list
from infra.validation import FaultyMessageError

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = ("application/jsonl", NDJSON)
TAKEN = (STRUCTURED, BATCH, JSON, *LINES)


def routes() -> list[Route]:
    """Return the route of facts."""
    return [
        Route(
            method="POST",
            path="/v1/events",
            scope=EACH,
            handle=take,
            operation={
                "summary": "Report facts as CloudEvents; (source, id) is the idempotency key, for ever.",
                "requestBody": "CloudEvents",
                "replies": {"200": "CommandReply or BatchReply; one result line for each line of jsonl"},
            },
        )
    ]


async def take(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Take facts in whatever form they come."""
    media = request.content_type if "Content-Type" in request.headers else ""
    if media in LINES:
        return await _stream(site, caller, request)
    if media not in TAKEN:
        detail = f"this operation takes {', '.join(TAKEN)}"
        raise ProblemError(Code.MEDIA_TYPE_UNKNOWN, detail, extra={"expected": list(TAKEN)})
    attributes = _attributes(request.headers) if media == JSON and "ce-id" in request.headers else None

    def whole(data: Any) -> Any:
        return data if attributes is None else {**attributes, "data": data}

    async with request.app[IN_FLIGHT].body(request) as body:
        value = whole(read_judged(body, lambda data: _judge(site, whole(data))))
    if media != BATCH and not (media == JSON and is_list(value)):
        return await _one(site, caller, request, value)
    if not is_list(value):
        raise FaultyMessageError([Fault("", FaultCode.TYPE, "a batch is a list of CloudEvents", "array")])
    if len(value) > site.limits.items_max:
        raise ProblemError(Code.TOO_LARGE, f"at most {site.limits.items_max} events")
    entries = [entry(site, caller, "event", one, (index,)) for index, one in enumerate(value)]
    if flag(request, "dry_run"):
        results = [await rehearse(site, caller, one, request) for one in entries]
    else:
        results = await each(site, caller, entries, request)
    return reply({"results": results, **sandbox(caller)})


def _judge(site: Site, value: Any) -> None:
    """Look for all that is wrong with one event, or with a list of them.

    Raises:
        FaultyMessageError: with every fault.
    """
    if not is_list(value):
        site.intake.cloud_event(value)
        return
    found: list[Fault] = []
    for index, item in enumerate(value):
        found += faults_in(partial(site.intake.cloud_event, at=(index,)), item)
    if found:
        raise FaultyMessageError(found)


async def _one(site: Site, caller: Caller, request: web.Request, value: Any) -> web.StreamResponse:
    found = entry(site, caller, "event", value, ())
    if not isinstance(found, Intended):
        raise found
    if flag(request, "dry_run"):
        return single(found.id, await rehearsal(site, caller, found, request), caller, request)
    asked = asked_of(caller, found, request.headers.get("traceparent"))
    (result,) = await caller.desk.node.commands.submit_each([asked])
    return single(found.id, await outcome_of(site, caller, result), caller, request)


async def _stream(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Answer line by line, in order, while lines come in; what is answered is durable."""
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    await response.prepare(request)
    try:
        async for group in lines(request, site.limits):
            # a stream may outlive its key: it must still hold, and keep its pace
            caller = await authenticate(site, request)
            entries = [_entry(site, caller, one) for one in group]
            results = await each(site, caller, entries, request)
            await response.write(b"".join(line({**result, **sandbox(caller)}) for result in results))
    except ProblemError as problem:
        await response.write(line({"outcome": "stopped", "problem": problem.body(request[REQUEST_ID])}))
        response.force_close()
    await response.write_eof()
    return response


def _entry(site: Site, caller: Caller, text: bytes | None) -> Entry:
    if text is None:
        most = site.limits.line_bytes_max
        fault = Fault("", FaultCode.TOO_LARGE, f"a line of more than {most} bytes", most)
        return FaultyMessageError([fault])
    try:
        value = read_judged(text, site.intake.cloud_event)
    except (UnreadableError, FaultyMessageError) as error:
        return error
    return entry(site, caller, "event", value, ())


def _attributes(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the attributes of a CloudEvent in binary form: `ce-*` headers, percent-decoded."""
    found: dict[str, Any] = {
        name.lower().removeprefix("ce-"): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith("ce-")
    }
    return found
