"""The wire as documents: a JSON Schema for each message, AsyncAPI 3, the reference of events.

Run: `python -m schemas.export` (or `capledger schemas export`). A test fails when a committed file is stale.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from schemas.catalog import CONTEXTS, Context
from schemas.kernel.wire import schema_hook
from schemas.message import Command, Event, Question, short, tag

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ROOT / "schemas" / "generated"
REFERENCE = ROOT / "docs" / "reference"
Message = type[Event] | type[Command] | type[Question]

HEADERS: Mapping[str, str] = {
    "content-type": "application/json",
    "ce_specversion": "1.0",
    "ce_id": "the event's id",
    "ce_source": "ledger and log",
    "ce_type": "the message's full name",
    "ce_subject": "the stream",
    "ce_time": "effective_at",
    "ledger-position": "position in the shard: last + 1, or the reader fetches the gap over HTTP",
    "ledger-version": "version in the stream",
    "ledger-chain": "chain hash of the shard at this event, hexadecimal",
    "ledger-meta": "JSON: tenant, counterparty, recorded_at, causation, correlation, actor",
    "traceparent": "W3C trace context",
}


def main() -> None:
    """Write every document."""
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def documents() -> dict[Path, bytes]:
    """Return every document by its path."""
    found = {
        GENERATED / context.name / f"{name}.json": rendered(schema(message))
        for context in CONTEXTS
        for name, message in _named(context)
    }
    found[GENERATED / "asyncapi.json"] = rendered(asyncapi())
    found[REFERENCE / "events.md"] = events_reference().encode()
    return found


def schema(message: Message) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a message."""
    found: dict[str, Any] = msgspec.json.schema(message, schema_hook=schema_hook)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:capledger:{_name(message)}",
        **found,
    }


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 description: one channel for each log, one message for each event."""
    events = [event for context in CONTEXTS for event in context.events]
    refs, schemas = msgspec.json.schema_components(
        events, schema_hook=schema_hook, ref_template="#/components/schemas/{name}"
    )
    messages = {
        tag(event): {
            "name": tag(event),
            "title": short(event),
            "summary": _first_line(event),
            "contentType": "application/json",
            "headers": {"$ref": "#/components/schemas/RecordHeaders"},
            "payload": ref,
        }
        for event, ref in zip(events, refs, strict=True)
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Capledger topics",
            "version": "1.0.0",
            "description": "One topic for each log, one partition for each shard. Positions are gap-free: "
            "a reader drops what is at or below its own, and fetches a gap from /v1/logs/{log}/{shard}.",
        },
        "channels": {log: _channel(log, context) for context in CONTEXTS for log in context.logs},
        "operations": {
            f"publish-{log}": {"action": "send", "channel": {"$ref": f"#/channels/{log}"}}
            for context in CONTEXTS
            for log in context.logs
        },
        "components": {"messages": messages, "schemas": {**schemas, "RecordHeaders": _headers()}},
    }


def events_reference() -> str:
    """Return the reference of all events, for people."""
    lines = ["# Events", "", "Made by `capledger schemas export` from the declarations. Do not edit.", ""]
    for context in CONTEXTS:
        lines += [f"## {context.name}", ""]
        for event in context.events:
            lines += [f"### {tag(event)}", "", _first_line(event), ""]
            lines += _fields(event)
    return "\n".join(lines).rstrip() + "\n"


def rendered(document: Mapping[str, Any]) -> bytes:
    """Return a document as readable, stable JSON."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def properties(message: Message) -> Mapping[str, Any]:
    """Return the schema of each field of a message, its tag left out."""
    found: dict[str, Any] = msgspec.json.schema(message, schema_hook=schema_hook)
    own = found["$defs"][message.__name__]
    return {name: value for name, value in own["properties"].items() if name != "type"}


def words_for(field: Mapping[str, Any]) -> str:
    """Return what a field holds, in words."""
    match field:
        case {"$ref": ref}:
            return str(ref).rpartition("/")[2]
        case {"anyOf": branches}:
            return " or ".join(dict.fromkeys(words_for(branch) for branch in branches))
        case {"enum": values}:
            return ", ".join(f"`{value}`" for value in values)
        case {"type": "array", "items": items, **rest} if "description" not in rest:
            return f"list of {words_for(items)}"
        case {"description": text}:
            return str(text)
        case {"type": kind}:
            return str(kind)
        case _:
            return "any value"


def _fields(event: type[Event]) -> list[str]:
    rows = [f"| `{name}` | {words_for(field)} |" for name, field in properties(event).items()]
    return ["| field | holds |", "|---|---|", *rows, ""]


def _named(context: Context) -> Iterator[tuple[str, Message]]:
    for event in context.events:
        yield tag(event), event
    for command in context.commands:
        yield tag(command), command
    for question in context.questions:
        yield question.__name__, question


def _name(message: Message) -> str:
    return message.__name__ if issubclass(message, Question) else tag(message)


def _first_line(message: Message) -> str:
    return (message.__doc__ or "").strip().split("\n")[0]


def _channel(log: str, context: Context) -> dict[str, Any]:
    refs = {tag(event): {"$ref": f"#/components/messages/{tag(event)}"} for event in context.events}
    return {"address": f"capledger.{log}.events.v1", "messages": refs}


def _headers() -> dict[str, Any]:
    fields = {name: {"type": "string", "description": text} for name, text in HEADERS.items()}
    return {"type": "object", "properties": fields}


if __name__ == "__main__":
    main()
