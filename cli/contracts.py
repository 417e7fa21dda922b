"""`capledger contracts`: its questions, and what a contract manager wants to see at once."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from cli.asking import Asker, Json, KnownAt, ValidAt, span, told
from cli.asks import CONTRACTS as GROUP
from cli.boards import contracts as boards
from cli.boards.drawing import when
from cli.boards.printing import show_board
from cli.boards.wording import differences
from cli.connection import Connection, with_client
from cli.showing import show as show_json
from infra.client import Client

_HERE = Connection()
Contract = Annotated[str, Parameter(help="A contract, or supplier/contract.")]


@GROUP.command
def show(
    contract: Contract,
    *,
    seen_by: Literal["supplier", "customer"] | None = None,
    valid_at: ValidAt = None,
    known_at: KnownAt = None,
    json: Json = False,
    connection: Connection = _HERE,
) -> int:
    """Show a contract at once: its terms over time, its lines, its exposure, how it was learnt.

    Args:
        contract: Which.
        seen_by: Whose exposure; by default of the one who asks.
        valid_at: The instant or day asked about.
        known_at: A past instant or day, or a basis.
        json: Print JSON for programs.
        connection: How to reach the services.
    """
    side = seen_by or side_of(contract, connection.as_)

    async def ask(client: Client) -> Mapping[str, Any]:
        asker = await Asker.at_one_cut(client, "contracts", valid_at, known_at)
        which = {"contract": contract}
        found: dict[str, Any] = {}
        for name in ("terms", "status", "history"):
            found[name] = (await asker(f"contracts.{name}", which)).answer
        found["exposure"] = (await asker("contracts.exposure", {**which, "seen_by": side})).answer
        return {**found, "valid_at": asker.valid_at, "basis": asker.known_at}

    return told(with_client(connection, ask), _drawn, as_json=json)


def _drawn(found: Mapping[str, Any]) -> RenderableType:
    parts = (
        boards.status(found["exposure"]["contract"], found["status"]),
        boards.timeline(found["history"]),
        boards.exposure(found["exposure"]),
        boards.history(found["history"]),
    )
    spaced = [piece for part in parts for piece in (part, Text())]
    return Group(*spaced[:-1])


@GROUP.command
def diff(
    contract: Contract,
    between: Annotated[str, Parameter(name="A..B", help="Two instants, days or bases: A..B.")],
    *,
    by: Literal["known", "valid"] = "known",
    valid_at: ValidAt = None,
    known_at: KnownAt = None,
    json: Json = False,
    connection: Connection = _HERE,
) -> int:
    """Show what differs between the terms as known at two times, or as valid at two times.

    Args:
        contract: Which.
        between: The two times.
        by: What the two times are: `known`, at one `--valid-at`; or `valid`, at one `--known-at`.
        valid_at: The instant or day asked about.
        known_at: A past instant or day, or a basis.
        json: Print JSON for programs.
        connection: How to reach the services.
    """
    first, second = span(between)

    async def ask(client: Client) -> list[Any]:
        fixed = await Asker.at_one_cut(client, "contracts", valid_at, known_at)
        fixed_valid = fixed.valid_at or (await client.get("contracts", "/v1/clock"))["now"]
        pairs = [(fixed_valid, t) if by == "known" else (t, fixed.known_at) for t in (first, second)]
        askers = [Asker(client, valid, known) for valid, known in pairs]
        return [(await asker("contracts.terms", {"contract": contract})).answer for asker in askers]

    before, after = with_client(connection, ask)
    if json:
        found = [{"path": d.path, "before": d.before, "after": d.after} for d in differences(before, after)]
        show_json({"before": before, "after": after, "differences": found}, as_json=True)
        return 0
    named = [when(time) if "T" in time else "a basis" for time in (first, second)]
    show_board(boards.difference(f"Terms of {contract}, {by} at {named[0]} and {named[1]}", before, after))
    return 0


def side_of(contract: str, tenant: str) -> str:
    """Return as what a tenant sees a contract: the owner of its name is the supplier."""
    owner, slash, _ = contract.partition("/")
    return "supplier" if not slash or owner == tenant else "customer"
