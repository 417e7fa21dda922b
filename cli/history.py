"""`capledger history` and `capledger as-of`: the time machine."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from cli.asking import moment, show_reply
from cli.changes import Change, changes
from cli.composition import SERVICES
from cli.connection import Connection, with_client
from cli.operations import Json, UnknownNameError, instant
from cli.showing import show, show_line
from infra.client import Client
from infra.config import ConfigError
from infra.service import Ask
from infra.validation import field_schemas, value_of_text

HERE = Connection()
NOW = "now"

Field = Annotated[str, Parameter(name="FIELD=VALUE", help="A field of the question.")]
Times = Annotated[str | None, Parameter(help="An instant, day or basis; or two of them, A..B; B may be now.")]


class Time(msgspec.Struct, frozen=True, kw_only=True):
    """From when a question is asked: valid at, as known at; None for now."""

    valid_at: str | None
    known_at: str | None

    @property
    def given(self) -> dict[str, str]:
        """What the service is told."""
        when = {"valid_at": self.valid_at, "known_at": self.known_at}
        return {name: value for name, value in when.items() if value is not None}

    @property
    def words(self) -> str:
        """It as the head of a column."""
        valid = f"valid {self.valid_at}, " if self.valid_at else ""
        return f"{valid}known {self.known_at or NOW}"


def history(
    tenant: str,
    *,
    known_at: str | None = None,
    valid_at: str | None = None,
    as_json: Json = False,
    connection: Connection = HERE,
) -> int:
    """Print every event in which a tenant is a party, from all logs, in the order in which they were learnt.

    Args:
        tenant: Whose history: of its own book, and of others' where it is the other party.
        known_at: As known at a past instant or day, or at the basis of an earlier reply.
        valid_at: Only what was true in the world by then.
        as_json: Print JSON for programs: one event a line, as it is in the log.
        connection: How to reach the services.
    """
    query = {"tenant": tenant, "limit": "1000"}
    if known_at is not None:
        query["known_at"] = moment(known_at) or ""
    until = None if valid_at is None else instant(moment(valid_at) or "")

    async def read(client: Client) -> int:
        events = _until(client.history(SERVICES[0].name, query), until)
        return await _print(events, tenant, as_json=as_json or not sys.stdout.isatty())

    count = with_client(connection, read)
    if not count:
        Console(stderr=True).print(f"no events of {tenant}", highlight=False)
    return 0


def as_of(
    ask: str,
    *fields: Field,
    known_at: Times = None,
    valid_at: Times = None,
    diff: Annotated[bool, Parameter(negative="", help="Show only what differs.")] = False,
    as_json: Json = False,
    connection: Connection = HERE,
) -> int:
    """Ask a question as of other times; at two times, for example to see what became known between them.

    With --diff: exits with 1 if the two answers differ, 0 if they are the same.

    Args:
        ask: The question, such as contracts.exposure.
        fields: Its fields, such as contract=google; lists and objects as JSON.
        known_at: As known when: one time, or two as A..B. With --diff one time is compared with now.
        valid_at: Asked about when: one time, or two as A..B.
        diff: Show only what differs.
        as_json: Print JSON for programs.
        connection: How to reach the services.
    """
    question = question_of(find(ask), fields)
    times = times_of(valid_at, known_at, diff=diff)
    replies = with_client(connection, lambda client: _replies(client, ask, question, times))
    if diff:
        found = list(changes(replies[0]["answer"], replies[1]["answer"]))
        _show_changes(found, times, as_json=as_json)
        return int(bool(found))
    for time, reply in zip(times, replies, strict=True):
        if len(times) > 1 and not as_json:
            print(time.words)
        show_reply(ask, question, reply, as_json=as_json)
    return 0


def find(ask: str) -> Ask:
    """Return the question of a name.

    Raises:
        UnknownNameError: there is none.
    """
    known = {one.name: one for service in SERVICES for one in service.asks}
    if ask not in known:
        raise UnknownNameError(f"no question {ask!r}; there are {', '.join(sorted(known))}")
    return known[ask]


def question_of(ask: Ask, fields: Sequence[str]) -> dict[str, Any]:
    """Return a question's fields as its declaration wants them.

    Raises:
        ConfigError: not written as name=value, or no such field.
    """
    schemas, found = field_schemas(ask.question), dict[str, Any]()
    for field in fields:
        name, equals, text = field.partition("=")
        if not equals:
            raise ConfigError(f"{field!r} is no field; expected name=value")
        if name not in schemas:
            raise UnknownNameError(f"{ask.name} has no field {name!r}; it has {', '.join(schemas)}")
        found[name] = value_of_text(schemas[name], [text])
    return found


def times_of(valid_at: str | None, known_at: str | None, *, diff: bool) -> list[Time]:
    """Return the one or two times of a question: `A..B` is two, and so is anything with `diff`."""
    valid, known = _pair(valid_at), _pair(known_at)
    if diff and len(valid) == len(known) == 1:
        if known == [None]:
            raise ConfigError("two times are needed for a difference: --known-at A..B, or --valid-at A..B")
        known = [*known, None]
    count = max(len(valid), len(known))
    pairs = zip(valid * (count // len(valid)), known * (count // len(known)), strict=True)
    return [Time(valid_at=v, known_at=k) for v, k in pairs]


def _pair(given: str | None) -> list[str | None]:
    """Return the times of `A..B`, or the one time; None stands for now."""
    if given is None:
        return [None]
    return [None if one in {"", NOW} else moment(one) for one in given.split("..", 1)]


async def _replies(
    client: Client, ask: str, question: Mapping[str, Any], times: Sequence[Time]
) -> list[Mapping[str, Any]]:
    return [await client.ask(ask, question, when=time.given) for time in times]


async def _until(
    events: AsyncIterator[Mapping[str, Any]], until: datetime | None
) -> AsyncIterator[Mapping[str, Any]]:
    async for event in events:
        if until is None or instant(event["time"]) <= until:
            yield event


async def _print(events: AsyncIterator[Mapping[str, Any]], tenant: str, *, as_json: bool) -> int:
    count = 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("learnt", "true from", "log", "what", "of", "with"):
        table.add_column(name, overflow="fold")
    async for event in events:
        count += 1
        if as_json:
            show_line(event)
        else:
            table.add_row(*_row(event, tenant))
    if count and not as_json:
        Console(highlight=False).print(table)
    return count


def _row(event: Mapping[str, Any], tenant: str) -> tuple[str, ...]:
    log = event["source"].rpartition("/")[2]
    other = event.get("counterparty") if event["tenant"] == tenant else event["tenant"]
    what = event["type"].split(".")[1]
    when = (event["recordedtime"][:19].replace("T", " "), event["time"][:10])
    return (*when, log, what, event["subject"], other or "")


def _show_changes(found: Sequence[Change], times: Sequence[Time], *, as_json: bool) -> None:
    if as_json or not sys.stdout.isatty():
        if as_json:
            show(found, as_json=True)
            return
        for change in found:
            print(f"{change.path}\t{_cell(change.before)}\t{_cell(change.after)}")
        return
    if not found:
        Console().print("the two answers are the same")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("", *(time.words for time in times)):
        table.add_column(name, overflow="fold")
    for change in found:
        table.add_row(change.path.removeprefix("$."), _cell(change.before), _cell(change.after))
    Console(highlight=False).print(table, markup=False)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
