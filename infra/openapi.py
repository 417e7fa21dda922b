"""OpenAPI 3.1 from the declarations: nothing about a command or an ask is written by hand here."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from infra.http.site import EACH, PUBLIC, Route
from infra.intake import Intake
from infra.problems import ABOUT, MEDIA_TYPE, Code, FaultCode, rejection_codes
from infra.service import Ask, Rule, Service
from schemas import export
from schemas.catalog import CONTEXTS
from schemas.kernel.wire import schema_hook
from schemas.message import tag

_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_WHEN: Sequence[tuple[str, str]] = (
    ("valid_at", "The instant asked about, or a day (its midnight in UTC); the clock if left out."),
    ("known_at", "A past instant or day, or the basis of an earlier reply."),
    ("after", "A receipt or basis that must show in the answer; waits with `Prefer: wait=5`."),
)


def document(service: Service, routes: Iterable[Route]) -> bytes:
    """Return the description of a service's routes."""
    components = _Components(service)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, components)
    return export.rendered(
        {
            "openapi": "3.1.0",
            "info": {
                "title": f"Capledger: {service.name}",
                "version": "1.0.0",
                "description": "Amounts and rates are text; instants are RFC 3339 with offset. Every error "
                "is a problem document. Every answer has a basis; the same basis gives the same bytes.",
            },
            "security": [{"key": []}],
            "paths": paths,
            "components": {
                "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "clk_…"}},
                "schemas": {**components.schemas, **_SCHEMAS},
                "responses": {"Problem": _problem()},
            },
        }
    )


@cache
def asyncapi() -> bytes:
    """Return the description of the topics."""
    return export.rendered(export.asyncapi())


def event_types(intake: Intake) -> list[dict[str, Any]]:
    """Return every event type of the service's own, with its schema, and what may be reported as such."""
    context = next((c for c in CONTEXTS if c.name == intake.service.name), None)
    events = () if context is None else context.events
    found: list[dict[str, Any]] = []
    for event in events:
        rule = intake.reports.get(tag(event))
        found.append(
            {
                "type": tag(event),
                "summary": (event.__doc__ or "").strip().split("\n")[0],
                "schema": export.schema(event),
                "reported_by": None if rule is None else _reported(rule),
            }
        )
    return found


def _reported(rule: Rule) -> dict[str, Any]:
    return {"scope": rule.scope, "data": export.schema(rule.command)}


def errors_reference() -> str:
    """Return the reference of all errors, for people."""
    lines = [
        "# Errors",
        "",
        "Made by `capledger schemas export` from the catalogue. Do not edit.",
        "Every error is RFC 9457 `application/problem+json` with `code`, `request_id`, `retryable`, and",
        "`errors`: one (pointer, code, detail, expected) for each fault.",
        "| code | status | retry | cause | cure |",
        "|---|---|---|---|---|",
    ]
    for code in Code:
        about = ABOUT[code]
        retry = "yes" if about.retryable else "no"
        lines.append(f"| `{code}` | {int(about.status)} | {retry} | {about.cause} | {about.cure} |")
    lines += ["", "## Faults of a message", "", "`errors[].code` is one of: "]
    lines[-1] += ", ".join(f"`{code}`" for code in FaultCode) + "."
    lines += [
        "",
        "## Rejections by rule",
        "",
        "Status 409; for a question `…_unknown` is 404 and `not_yours_to_do` 403.",
    ]
    lines += ["", "| code | services |", "|---|---|"]
    lines += [f"| `{code}` | {', '.join(services)} |" for code, services in sorted(rejection_codes().items())]
    return "\n".join(lines) + "\n"


def operations_reference(service: Service, routes: Iterable[Route]) -> str:
    """Return the reference of a service's operations, for people."""
    lines = [
        f"# HTTP: {service.name}",
        "",
        "Made by `capledger schemas export` from the declarations. Do not edit.",
    ]
    lines += ["", "| operation | scope | what |", "|---|---|---|"]
    for route in routes:
        scope = {PUBLIC: "none", EACH: "that of each item"}.get(route.scope, f"`{route.scope}`")
        lines.append(f"| `{route.method} {route.path}` | {scope} | {route.operation['summary']} |")
    return "\n".join(lines) + "\n"


def page(described: bytes) -> bytes:
    """Return a description as one HTML page that needs nothing else."""
    told: dict[str, Any] = msgspec.json.decode(described)
    rows: list[str] = []
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            cells = (method.upper(), path, operation.get("x-scope", ""), operation["summary"])
            rows.append("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>")
    title = html.escape(told["info"]["title"])
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>{title}</title>"
        "<style>body{font:15px system-ui;margin:2em}td{padding:.2em 1em .2em 0}</style>"
        f"<h1>{title}</h1><p>{html.escape(told['info']['description'])} "
        "The whole description: <a href=/openapi.json>openapi.json</a>, "
        "<a href=/asyncapi.json>asyncapi.json</a>."
        f"<table><tr><th>method<th>path<th>scope<th>what</tr>{''.join(rows)}</table>"
    ).encode()


class _Components:
    """The schemas of all messages that a service's routes take, by reference."""

    def __init__(self, service: Service) -> None:
        rules = [rule for rule in service.rules if not rule.internal]
        types = [*(rule.command for rule in rules), *(ask.question for ask in service.asks)]
        refs, schemas = msgspec.json.schema_components(types, schema_hook=schema_hook, ref_template=_REF)
        self.refs = dict(zip(types, refs, strict=True))
        self.schemas: dict[str, Any] = schemas
        for rule in rules:
            self.schemas[rule.command.__name__] = _untagged(schemas[rule.command.__name__], rule)


def _operation(route: Route, components: _Components) -> dict[str, Any]:
    told = route.operation
    found: dict[str, Any] = {"summary": told["summary"], "x-scope": route.scope}
    found["operationId"] = told.get("operationId") or _operation_id(route)
    parameters = [_parameter(name, "path") for name in _PARAMETER.findall(route.path)]
    parameters += [_parameter(name, "query") for name in told.get("query", ())]
    match told.get("command"), told.get("ask"):
        case Rule() as rule, _:
            parameters += _command_parameters()
            found["requestBody"] = _json(components.refs[rule.command])
        case _, Ask() as ask:
            parameters += _ask_parameters(ask, route.path)
        case _:
            if "body" in told:
                found["requestBody"] = _json(_inlined(told["body"]))
            elif "requestBody" in told:
                found["requestBody"] = _json({"$ref": _REF.format(name=told["requestBody"])})
    if parameters:
        found["parameters"] = parameters
    if route.scope == PUBLIC:
        found["security"] = []
    found["responses"] = {
        **{status: _reply(name) for status, name in told["replies"].items()},
        "default": {"$ref": "#/components/responses/Problem"},
    }
    return found


def _reply(name: str) -> dict[str, Any]:
    if name in _SCHEMAS:
        return {
            "description": name,
            "content": {"application/json": {"schema": {"$ref": _REF.format(name=name)}}},
        }
    return {"description": name}


def _operation_id(route: Route) -> str:
    words = re.findall(r"[A-Za-z0-9]+", route.path)
    return route.method.lower() + "".join(word.capitalize() for word in words)


def _untagged(schema: Mapping[str, Any], rule: Rule) -> dict[str, Any]:
    properties = {name: value for name, value in schema["properties"].items() if name != "type"}
    required = [name for name in schema.get("required", ()) if name not in {"type", rule.subject}]
    return {**schema, "properties": properties, "required": required}


def _inlined(type_: type[msgspec.Struct]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.schema(type_, schema_hook=schema_hook)
    own: dict[str, Any] = found["$defs"][type_.__name__]
    return own


def _parameter(name: str, where: str, about: str = "", schema: Any = None) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": about or name.replace("_", " "),
        "schema": schema or {"type": "string"},
    }


def _command_parameters() -> list[dict[str, Any]]:
    return [
        _parameter("Idempotency-Key", "header", "The sender's id; a retry with it is safe for ever."),
        _parameter("effective_at", "query", "When it is true; the clock if left out."),
        _parameter("dry_run", "query", "Decide and tell, append nothing.", {"type": "boolean"}),
    ]


def _ask_parameters(ask: Ask, path: str) -> list[dict[str, Any]]:
    named = set(_PARAMETER.findall(path))
    found: list[dict[str, Any]] = []
    for field in msgspec.structs.fields(ask.question):
        if field.encode_name not in named:
            one = _parameter(field.encode_name, "query")
            found.append({**one, "required": field.required})
    return [*found, *(_parameter(name, "query", about) for name, about in _WHEN)]


def _json(schema: Any) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _problem() -> dict[str, Any]:
    return {
        "description": "RFC 9457 problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
    }


def _object(required: Sequence[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_ITEM = _object(("type", "data"), id=_TEXT, type=_TEXT, effective_at=_TIME, data={"type": "object"})
_SCHEMAS: Mapping[str, Any] = {
    "Problem": _object(
        ("type", "title", "status", "detail", "code", "errors", "retryable"),
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        code={"enum": [*(code.value for code in Code), *sorted(rejection_codes())]},
        request_id=_TEXT,
        errors={
            "type": "array",
            "items": _object(
                ("pointer", "code", "detail"),
                pointer=_TEXT,
                code={"enum": [code.value for code in FaultCode]},
                detail=_TEXT,
                expected={},
            ),
        },
        retryable={"type": "boolean"},
    ),
    "Receipt": _object(
        ("token", "recorded_at", "chain", "events"),
        token=_TEXT,
        recorded_at=_TIME,
        chain={"type": ["string", "null"]},
        events={"type": "array", "items": {"type": "object"}},
    ),
    "CommandReply": _object(
        ("id", "outcome"),
        id=_TEXT,
        outcome={"enum": ["accepted", "duplicate", "rejected", "conflict", "not_done", "unknown"]},
        receipt={"$ref": _REF.format(name="Receipt")},
        problem={"$ref": _REF.format(name="Problem")},
        warnings={"type": "array", "items": {"type": "object"}},
    ),
    "Batch": _object(
        ("commands",),
        mode={"enum": ["each", "all"]},
        dry_run={"type": "boolean"},
        commands={"type": "array", "maxItems": 1000, "items": _ITEM},
    ),
    "BatchReply": _object(
        ("results",), results={"type": "array", "items": {"$ref": _REF.format(name="CommandReply")}}
    ),
    "CloudEvents": {
        "description": "CloudEvents 1.0: structured, batch, binary (ce-*), or application/jsonl.",
        "type": ["object", "array"],
    },
    "Ask": _object(
        ("ask",), ask=_TEXT, valid_at=_TIME, known_at=_TEXT, after=_TEXT, **{"with": {"type": "object"}}
    ),
    "Answer": _object(("answer", "valid_at", "basis"), answer={}, valid_at=_TIME, basis=_TEXT),
    "Basis": _object(("basis",), basis=_TEXT),
}
