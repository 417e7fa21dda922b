"""`capledger events post | show | why | tail`, `capledger basis`."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.connection import Connection, with_client
from cli.showing import show, show_line
from infra.client import Client, ClientError, fault_line
from schemas.catalog import CONTEXTS
from schemas.message import tag

GROUP = App(name="events", help="Report facts, and look at what was recorded.")
STDIN = Path("-")
CHUNK = 64 * 1024
_HERE = Connection()

Json = Annotated[bool, Parameter(negative="", help="Print JSON for programs.")]


class UnreadableFileError(ClientError):
    """A file that holds no CloudEvents."""


@GROUP.command
def post(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    *,
    json: Json = False,
    connection: Connection = _HERE,
) -> int:
    """Report facts as CloudEvents: a file with one, a list, or one a line; `-` for standard input.

    Exits with 1 if something was not accepted; the lines that were not are printed with what is wrong.
    """
    content = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    events = _events(content)
    results = with_client(connection, lambda client: _post(client, events))
    refused = [(i, result) for i, result in enumerate(results) if "problem" in result]
    if json:
        for result in results:
            show_line(result)
    else:
        counts = {name: sum(one["outcome"] == name for one in results) for name in ("accepted", "duplicate")}
        print(f"{counts['accepted']} accepted, {counts['duplicate']} known already, {len(refused)} not taken")
        for index, result in refused:
            _tell(index, result)
    return int(bool(refused))


@GROUP.command(name="show")
def show_event(
    id_: Annotated[str, Parameter(name="ID")], *, json: Json = False, connection: Connection = _HERE
) -> int:
    """Show one event."""
    found = with_client(connection, lambda client: client.get("contracts", f"/v1/events/{id_}"))
    show(found["event"], as_json=json)
    return 0


@GROUP.command
def why(
    id_: Annotated[str, Parameter(name="ID")], *, json: Json = False, connection: Connection = _HERE
) -> int:
    """Show the chain of causes that led to an event, and what followed."""
    found = with_client(connection, lambda client: client.get("contracts", f"/v1/events/{id_}/why"))
    if json:
        show_line(found)
        return 0
    out = Console(highlight=False, soft_wrap=True)
    here, root = found["event"]["id"], (found["causes"] or [found["event"]])[0]
    depths = {root["id"]: 0}
    out.print(_line(root, 0, here=root["id"] == here))
    for one in found["effects"]:
        depths[one["id"]] = depths.get(one["causedby"], 0) + 1
        out.print(_line(one, depths[one["id"]], here=one["id"] == here))
    if not found["complete"]:
        out.print("… and more, later than was looked")
    return 0


@GROUP.command
def tail(
    *,
    tenant: str | None = None,
    start: Annotated[bool, Parameter(negative="", help="From the first event on, not from now.")] = False,
    connection: Connection = _HERE,
) -> int:
    """Follow events as they happen, one JSON line each, until Ctrl-C."""
    query = {"tenant": tenant} if tenant else {}
    if start:
        query["from"] = "start"

    async def follow(client: Client) -> None:
        async for event in client.stream("contracts", query):
            show_line(event)

    with_client(connection, follow)
    return 0


def basis(token: str, *, json: Json = False, connection: Connection = _HERE) -> int:
    """Open a basis: the ask, the instant, and the positions that an answer rests on (operations)."""
    found = with_client(
        connection, lambda client: client.post("contracts", "/v1/basis/open", {"basis": token})
    )
    show(found, as_json=json)
    return 0


def _events(content: bytes) -> list[dict[str, Any]]:
    """Return the events of a file.

    Raises:
        UnreadableFileError: it holds none; with its line if it is one a line.
    """
    text = content.strip()
    if text.startswith(b"["):
        try:
            return msgspec.json.decode(text, type=list[dict[str, Any]])
        except msgspec.DecodeError as error:
            raise UnreadableFileError(f"the file: {error}") from error
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        return [msgspec.json.decode(text, type=dict[str, Any])]
    except msgspec.DecodeError:
        return [_decoded(line, f"line {number}") for number, line in enumerate(lines, 1)]


def _decoded(text: bytes, where: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise UnreadableFileError(f"{where}: {error}") from error


async def _post(client: Client, events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Post events service by service, in the order of the file within each; return results in its order."""
    by_service: dict[str, list[int]] = {}
    for index, event in enumerate(events):
        by_service.setdefault(_owner(event), []).append(index)
    results: dict[int, Mapping[str, Any]] = {}
    with _bar(len(events)) as progress:
        task = progress.add_task("posting", total=len(events))
        for service, places in by_service.items():
            lines = _lines([events[place] for place in places])
            numbers = iter(places)
            async for result in client.event_lines(service, lines):
                results[next(numbers)] = result
                progress.advance(task)
    return [results.get(index, {"outcome": "unknown", "problem": _CUT}) for index in range(len(events))]


_CUT: Mapping[str, Any] = {
    "code": "outcome_unknown",
    "detail": "no answer; post it again with the same id",
}


async def _lines(events: Sequence[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    chunk = bytearray()
    for event in events:
        chunk += msgspec.json.encode(event) + b"\n"
        if len(chunk) >= CHUNK:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)


def _owner(event: Mapping[str, Any]) -> str:
    """Return the service that takes a fact of this type; the first one, if it is unknown, says so."""
    for context in CONTEXTS:
        if any(tag(kind) == event.get("type") for kind in context.events):
            return context.name
    return CONTEXTS[0].name


def _bar(total: int) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = sys.stderr.isatty() and total > 1
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown)


def _tell(index: int, result: Mapping[str, Any]) -> None:
    problem = result["problem"]
    print(f"  {index + 1}: {result['outcome']}: {problem['code']}: {problem['detail']}")
    for fault in problem.get("errors", ()):
        print(f"      {fault_line(fault, 'the event')}")


def _line(event: Mapping[str, Any], depth: int, *, here: bool) -> str:
    mark = "▶ " if here else "  "
    return f"{mark}{'  ' * depth}{event['recordedtime']}  {event['type']}  {event['subject']}  {event['id']}"
