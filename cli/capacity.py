"""`capledger capacity`: its questions, and a board of a pool."""

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from cli import boards
from cli.asking import Asker, Json, KnownAt, ValidAt, instant, moment, told
from cli.asks import CAPACITY as GROUP
from cli.connection import Connection, with_client
from infra.client import Client

MONTHS_BEFORE, MONTHS_SHOWN = 1, 14
_HERE = Connection()


@GROUP.command
def board(
    pool: Annotated[str, Parameter(help="A pool, or operator/pool.")],
    *,
    start: Annotated[str | None, Parameter(name="--from", help="An instant or day.")] = None,
    end: Annotated[str | None, Parameter(name="--to", help="An instant or day.")] = None,
    valid_at: ValidAt = None,
    known_at: KnownAt = None,
    json: Json = False,
    connection: Connection = _HERE,
) -> int:
    """Show a pool: its phases, what is short, and capacity, committed by tier, free, cut, over time.

    Args:
        pool: Which.
        start: The window; by default from the month before the one asked about.
        end: The window; by default a year later.
        valid_at: The instant or day asked about.
        known_at: A past instant or day, or a basis.
        json: Print JSON for programs.
        connection: How to reach the services.
    """

    async def ask(client: Client) -> Mapping[str, Any]:
        asker = await Asker.at_one_cut(client, "capacity", valid_at, known_at)
        found = await asker("capacity.pool", {"pool": pool})
        window = _window(found.valid_at, start, end)
        over_time = await asker("capacity.timeline", {"pool": pool, **window})
        return {
            "pool": found.answer,
            "timeline": over_time.answer,
            "valid_at": asker.valid_at,
            "basis": asker.known_at,
        }

    return told(with_client(connection, ask), _drawn, as_json=json)


def _drawn(found: Mapping[str, Any]) -> RenderableType:
    pool = found["pool"]["pool"]
    return Group(boards.pool(pool, found["pool"]), Text(), boards.timeline(pool, found["timeline"]))


def _window(valid_at: str, start: str | None, end: str | None) -> Mapping[str, str]:
    months = boards.months(instant(valid_at), MONTHS_SHOWN)
    before = boards.months(months[0].replace(year=months[0].year - 1), 13 - MONTHS_BEFORE)
    return {
        "from": moment(start) or f"{before[-1]:%Y-%m-%dT%H:%M:%SZ}",
        "to": moment(end) or f"{months[-1]:%Y-%m-%dT%H:%M:%SZ}",
    }
