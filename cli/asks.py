"""`capledger contracts|capacity|settlement ASK …`: every question, made from the declarations."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from cli.asking import show_reply
from cli.composition import SERVICES
from cli.connection import Connection, with_client
from infra.client import Client
from infra.service import Ask, Service
from infra.validation import field_schemas, value_of_text
from schemas.export import words_for

_HERE = Connection()


def group(service: Service) -> App:
    """Return the commands of one service's questions."""
    found = App(name=service.name, help=f"Ask the {service.name} service.")
    for ask in service.asks:
        found.command(_command(ask), name=ask.name.partition(".")[2])
    return found


def _command(ask: Ask) -> Callable[..., int]:
    """Return a function whose options are the fields of the question, and when it is asked as of."""
    fields = {_python_name(field.encode_name): field for field in msgspec.structs.fields(ask.question)}
    schemas = field_schemas(ask.question)

    def command(*positional: object, **named: object) -> int:
        given: dict[str, Any] = signature.bind(*positional, **named).arguments
        given = {**_DEFAULTS, **given}
        connection: Connection = given["connection"] or _HERE
        when = {name: given[name] for name in ("valid_at", "known_at", "after")}
        question = {
            field.encode_name: value_of_text(schemas[field.encode_name], [given[name]])
            for name, field in fields.items()
            if given.get(name) is not None
        }
        asked = {name: value for name, value in when.items() if value is not None}

        async def ask_it(client: Client) -> Mapping[str, Any]:
            return await client.ask(ask.name, question, when=asked, wait_seconds=given["wait"])

        reply = with_client(connection, ask_it)
        show_reply(ask.name, question, reply, as_json=given["json"])
        return 0

    parameters = [
        _parameter(name, field, words_for(schemas[field.encode_name]).removesuffix(" or null"))
        for name, field in fields.items()
    ]
    signature = inspect.Signature([*parameters, *_WHEN])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in (*parameters, *_WHEN)}
    command.__name__ = ask.name.partition(".")[2]
    command.__doc__ = (ask.question.__doc__ or "").strip().split("\n")[0]
    return command


def _parameter(name: str, field: msgspec.structs.FieldInfo, words: str) -> inspect.Parameter:
    option = "--" + field.encode_name.replace("_", "-")
    kind: Any = Annotated[str, Parameter(name=option, help=words)]
    default: Any = inspect.Parameter.empty
    if not field.required:
        kind, default = Annotated[str | None, Parameter(name=option, help=words)], None
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind)


def _keyword(name: str, kind: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


_WHEN = (
    _keyword("valid_at", Annotated[str | None, Parameter(help="The instant asked about.")], None),
    _keyword("known_at", Annotated[str | None, Parameter(help="A past instant, or a basis.")], None),
    _keyword("after", Annotated[str | None, Parameter(help="A receipt or basis to wait for.")], None),
    _keyword("wait", Annotated[int, Parameter(help="Seconds to wait for it at most.")], 0),
    _keyword("json", Annotated[bool, Parameter(negative="", help="Print JSON for programs.")], default=False),
    _keyword("connection", Connection | None, None),
)

_DEFAULTS = {one.name: one.default for one in _WHEN}


def _python_name(name: str) -> str:
    return f"{name}_" if name in {"from", "in", "as"} else name


CONTRACTS, CAPACITY, SETTLEMENT = (group(service) for service in SERVICES)
