"""`capledger settlement`: its questions, and how a bill comes about."""

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import RenderableType

from cli import boards
from cli.asking import Asker, Json, KnownAt, ValidAt, span, told
from cli.asks import SETTLEMENT as GROUP
from cli.connection import Connection, with_client
from infra.client import Client

_HERE = Connection()


@GROUP.command
def waterfall(
    name: Annotated[str, Parameter(help="A statement; with --interval a contract.")],
    *,
    interval: Annotated[str | None, Parameter(help="A..B: the preview of an interval.")] = None,
    valid_at: ValidAt = None,
    known_at: KnownAt = None,
    json: Json = False,
    connection: Connection = _HERE,
) -> int:
    """Show how a statement builds up: commitment, usage, reductions, credits, corrections, due.

    Args:
        name: A statement; with `--interval` a contract.
        interval: The billing interval of a preview: two instants or days, A..B.
        valid_at: The instant or day asked about.
        known_at: A past instant or day, or a basis.
        json: Print JSON for programs.
        connection: How to reach the services.
    """
    which: dict[str, Any] = {"statement": name}
    if interval is not None:
        start, end = span(interval)
        which = {"contract": name, "interval": {"start": start, "end": end}}

    async def ask(client: Client) -> Mapping[str, Any]:
        asker = await Asker.at_one_cut(client, "settlement", valid_at, known_at)
        statement = (await asker("settlement.statement", which)).answer
        balance = (await asker("settlement.balance", {"contract": statement["contract"]})).answer
        return {
            "statement": statement,
            "balance": balance,
            "valid_at": asker.valid_at,
            "basis": asker.known_at,
        }

    def draw(found: Mapping[str, Any]) -> RenderableType:
        return boards.waterfall(found["statement"], found["balance"])

    return told(with_client(connection, ask), draw, as_json=json)
