"""Commands over HTTP: one operation for each command, and batches. All of it is derived from the rules."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

from aiohttp import web

from infra.codec import plain
from infra.http.outcomes import Outcome, outcome_of, recorded_of, rehearsed, told, traceparent
from infra.http.reading import faults_in, read_judged
from infra.http.replies import JSON, problem_reply, reply
from infra.http.serving import IN_FLIGHT, REQUEST_ID, require
from infra.http.site import EACH, Caller, Handler, Route, Site
from infra.intake import IDEMPOTENCY_KEY, Intended
from infra.outcomes import Accepted, Asked, Result
from infra.problems import Code, Fault, FaultCode, ProblemError
from infra.service import Rule, Service
from infra.strict_json import is_list, is_object, read
from infra.validation import FaultyMessageError, field_schemas
from schemas.kernel.names import ID_PATTERN, qualify
from schemas.message import short

Entry = Intended | Exception


def routes(service: Service) -> list[Route]:
    """Return one route for each command, and the one for batches."""
    found = [_route(service, rule) for rule in service.rules if not rule.internal]
    found.append(
        Route(
            method="POST",
            path="/v1/commands",
            scope=EACH,
            handle=batch,
            operation={
                "summary": "Do up to 1,000 commands, each for itself or all or nothing.",
                "requestBody": "Batch",
                "replies": {"200": "BatchReply"},
            },
        )
    )
    return found


def path_of(service: Service, rule: Rule) -> str:
    """Return the path of a command: its object by owner and id, then the verb."""
    verb = rule.verb or short(rule.command).lower()
    if not rule.subject:
        return f"/v1/{service.name}/{verb}"
    return f"/v1/{_plural(rule.subject)}/{{owner}}/{{id}}/{verb}"


async def batch(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Do a batch: `[item, …]`, or `{"mode": "each" | "all", "dry_run": bool, "commands": [item, …]}`."""
    json_only(request)
    async with request.app[IN_FLIGHT].body(request) as body:
        told = read_judged(body, lambda value: _judge_batch(site, request, value))
        mode, dry_run, values, at = _batch(site, request, told)
        entries = [entry(site, caller, "command", value, (*at, i)) for i, value in enumerate(values)]
        if mode == "all":
            return await _all(site, caller, request, entries, dry_run=dry_run)
        if dry_run:
            results = [await rehearse(site, caller, one, request) for one in entries]
        else:
            results = await each(site, caller, entries, request)
    return reply({"results": results, **sandbox(caller)})


def entry(site: Site, caller: Caller, kind: str, value: Any, at: tuple[str | int, ...]) -> Entry:
    """Return one item as a command, or what is wrong with it; its scope is asked here."""
    try:
        found = site.intake.cloud_event(value, at) if kind == "event" else site.intake.command(value, at)
        require(caller, found.rule.scope)
    except (ValueError, ProblemError) as error:
        return error
    return found


async def each(
    site: Site, caller: Caller, entries: Sequence[Entry], request: web.Request
) -> list[dict[str, Any]]:
    """Do each command for itself, in order; return one result each."""
    header = request.headers.get("traceparent")
    asked = [asked_of(caller, one, header) for one in entries if isinstance(one, Intended)]
    answers = await caller.desk.node.commands.submit_each(asked)
    done, at_hand = iter(answers), await recorded_of(caller, answers)
    results: list[dict[str, Any]] = []
    for one in entries:
        result: Result | Exception = next(done) if isinstance(one, Intended) else one
        id_ = one.id if isinstance(one, Intended) else None
        outcome = await outcome_of(site, caller, result, at_hand)
        results.append(told(id_, outcome, request[REQUEST_ID]))
    return results


async def rehearse(site: Site, caller: Caller, one: Entry, request: web.Request) -> dict[str, Any]:
    """Decide one command and append nothing."""
    if not isinstance(one, Intended):
        return told(None, await outcome_of(site, caller, one), request[REQUEST_ID])
    outcome = await rehearsal(site, caller, one, request)
    return told(one.id, outcome, request[REQUEST_ID])


def asked_of(caller: Caller, intended: Intended, header: str | None) -> Asked:
    """Return a command as its shard's task takes it; the actor is the credential's tenant."""
    return Asked(
        command=intended.command,
        id=intended.key,
        actor=caller.actor,
        effective_at=intended.effective_at,
        credential=caller.credential.id,
        source=intended.source,
        traceparent=traceparent(header, intended),
    )


async def json_body(request: web.Request) -> Any:
    """Return what a small JSON body says; its bytes are counted until it is read.

    Raises:
        ProblemError: another media type, or a body that cannot be read.
    """
    json_only(request)
    async with request.app[IN_FLIGHT].body(request) as body:
        return read(body)


def json_only(request: web.Request) -> None:
    """Refuse a body that does not say that it is JSON.

    Raises:
        ProblemError: another media type, or none.
    """
    if request.content_type != JSON or "Content-Type" not in request.headers:
        detail = f"this operation takes {JSON}"
        raise ProblemError(Code.MEDIA_TYPE_UNKNOWN, detail, extra={"expected": [JSON]})


def sandbox(caller: Caller) -> Mapping[str, Any]:
    """Return what every reply of a sandbox says."""
    return {"sandbox": True} if caller.desk.node.ledger.mode == "sandbox" else {}


def single(id_: str, outcome: Outcome, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Return the reply to one command: its result, or its problem with the problem's own status."""
    name, problem, members = outcome
    if problem is None:
        return reply({"id": id_, "outcome": name, **members, **sandbox(caller)})
    problem.extra.update({"id": id_, "outcome": name})
    return problem_reply(problem, request[REQUEST_ID])


def flag(request: web.Request, name: str) -> bool:
    """Return a query parameter that is true or false.

    Raises:
        FaultyMessageError: it is neither.
    """
    text = request.query.get(name, "false")
    if text not in {"true", "false"}:
        raise FaultyMessageError([Fault(f"/{name}", FaultCode.CHOICE, "true or false", ["true", "false"])])
    return text == "true"


def _route(service: Service, rule: Rule) -> Route:
    return Route(
        method="POST",
        path=path_of(service, rule),
        scope=rule.scope,
        handle=_handler(rule),
        operation={
            "summary": (rule.command.__doc__ or "").strip().split("\n")[0],
            "operationId": short(rule.command),
            "command": rule,
            "requestBody": "command",
            "replies": {"200": "CommandReply"},
        },
    )


def _handler(rule: Rule) -> Handler:
    async def handle(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
        json_only(request)
        known = set(request.query) - {"dry_run", "effective_at"}
        if known:
            faults = [
                Fault(f"/{name}", FaultCode.UNKNOWN_FIELD, "no such parameter") for name in sorted(known)
            ]
            raise FaultyMessageError(faults)
        id_, at = _bare(request.headers.get(IDEMPOTENCY_KEY)), request.query.get("effective_at")

        def intend(value: Any) -> Intended:
            return site.intake.of_rule(rule, _with_subject(rule, value, request, caller.actor), id_, at)

        async with request.app[IN_FLIGHT].body(request) as body:
            intended = intend(read_judged(body, intend))
        if flag(request, "dry_run"):
            return single(intended.id, await rehearsal(site, caller, intended, request), caller, request)
        asked = asked_of(caller, intended, request.headers.get("traceparent"))
        (result,) = await caller.desk.node.commands.submit_each([asked])
        return single(intended.id, await outcome_of(site, caller, result), caller, request)

    return handle


async def rehearsal(site: Site, caller: Caller, one: Intended, request: web.Request) -> Outcome:
    """Decide one command and append nothing; return what would come of it."""
    asked = asked_of(caller, one, request.headers.get("traceparent"))
    (result,) = await caller.desk.node.commands.submit_each([asked], dry_run=True)
    if isinstance(result, Accepted):
        book = one.rule.place(one.command, caller.actor).book
        return ("accepted", None, rehearsed(caller, book, result))
    return await outcome_of(site, caller, result)


async def _all(
    site: Site, caller: Caller, request: web.Request, entries: Sequence[Entry], *, dry_run: bool
) -> web.StreamResponse:
    """Do all or nothing; what is refused is told with every command's own result."""
    intended = [one for one in entries if isinstance(one, Intended)]
    results: list[dict[str, Any]] = []
    header, request_id = request.headers.get("traceparent"), request[REQUEST_ID]
    if len(intended) == len(entries) and entries:
        asked = [asked_of(caller, one, header) for one in intended]
        try:
            done = await caller.desk.node.commands.submit_all(asked, dry_run=dry_run)
        except ValueError as error:
            (_, problem, _) = await outcome_of(site, caller, error)
            raise problem or error from error
        for one, result in zip(intended, done, strict=True):
            outcome = await outcome_of(site, caller, result)
            if dry_run and isinstance(result, Accepted):
                book = one.rule.place(one.command, caller.actor).book
                outcome = ("accepted", None, rehearsed(caller, book, result))
            results.append(told(one.id, outcome, request_id))
    else:
        for either in entries:
            if isinstance(either, Intended):
                results.append(
                    told(either.id, ("not_done", ProblemError(Code.GROUP_REFUSED), {}), request_id)
                )
            else:
                results.append(told(None, await outcome_of(site, caller, either), request_id))
    if all("problem" not in result for result in results):
        return reply({"results": results, **sandbox(caller)})
    invalid = any(result["problem"]["status"] == 422 for result in results if "problem" in result)  # noqa: PLR2004
    raise ProblemError(Code.GROUP_REFUSED, extra={"results": plain(results)}, status=422 if invalid else 409)


def _judge_batch(site: Site, request: web.Request, value: Any) -> None:
    """Look for all that is wrong with a batch and its items.

    Raises:
        FaultyMessageError: with every fault.
    """
    _, _, values, at = _batch(site, request, value)
    found: list[Fault] = []
    for index, item in enumerate(values):
        found += faults_in(partial(site.intake.command, at=(*at, index)), item)
    if found:
        raise FaultyMessageError(found)


def _batch(
    site: Site, request: web.Request, value: Any
) -> tuple[str, bool, Sequence[Any], tuple[str | int, ...]]:
    """Return mode, dry_run, the items, and where these lie; both may stand in the query as well."""
    given: Mapping[str, Any] = value if is_object(value) else {"commands": value}
    at: tuple[str | int, ...] = ("commands",) if is_object(value) else ()
    faults = [
        Fault(f"/{name}", FaultCode.UNKNOWN_FIELD, "there is no such field")
        for name in given
        if name not in {"mode", "dry_run", "commands"}
    ]
    mode = given.get("mode", request.query.get("mode", "each"))
    if mode not in {"each", "all"}:
        faults.append(Fault("/mode", FaultCode.CHOICE, "each or all", ["each", "all"]))
    dry_run = given.get("dry_run", flag(request, "dry_run"))
    if not isinstance(dry_run, bool):
        faults.append(Fault("/dry_run", FaultCode.TYPE, "true or false", "boolean"))
    items = given.get("commands")
    if not is_list(items):
        faults.append(Fault("/commands", FaultCode.TYPE, "a list of commands", "array"))
    if faults:
        raise FaultyMessageError(faults)
    assert is_list(items), "checked above"
    if len(items) > site.limits.items_max:
        raise ProblemError(Code.TOO_LARGE, f"at most {site.limits.items_max} commands")
    return str(mode), bool(dry_run), items, at


def _with_subject(rule: Rule, data: Any, request: web.Request, actor: str) -> Any:
    """Return the fields with the object that the path names; one in the body must be the same.

    Raises:
        FaultyMessageError: it is another.
    """
    if not rule.subject or not is_object(data):
        return data
    owner, id_ = request.match_info["owner"], request.match_info["id"]
    named = f"{owner}/{id_}"
    given = data.get(rule.subject, named)
    # what a sender makes anew under a plain id is its own; nobody makes it for another
    own = _is_plain_id(rule)
    if not isinstance(given, str) or qualify(given, owner) != named or (own and owner != actor):
        detail = "the path names another"
        raise FaultyMessageError([Fault(f"/{rule.subject}", FaultCode.RULE, detail, named)])
    return {**data, rule.subject: id_ if own else named}


@cache
def _is_plain_id(rule: Rule) -> bool:
    """Whether the field that names a command's object takes no owner."""
    fields = field_schemas(rule.command)
    return fields[rule.subject].get("pattern") == ID_PATTERN


def _bare(id_: str | None) -> str | None:
    """Return an Idempotency-Key without the quotes that its standard puts around it."""
    if id_ is not None and len(id_) > 1 and id_[0] == id_[-1] == '"':
        return id_[1:-1]
    return id_


def _plural(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
