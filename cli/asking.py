"""Several questions at one cut: what a board of several answers rests on is one state of knowledge."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from cli.boards import BOARDS
from cli.boards.printing import show_board
from cli.showing import show
from infra.client import Client, ClientError

ValidAt = Annotated[str | None, Parameter(help="The instant or day asked about.")]
KnownAt = Annotated[str | None, Parameter(help="A past instant or day, or a basis.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON for programs.")]
_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")


class UnreadableSpanError(ClientError):
    """Two times that are not written as `A..B`."""


class Reply(msgspec.Struct, frozen=True):
    """An answer with what it rests on."""

    answer: Any
    valid_at: str
    basis: str


class Asker:
    """Asks one service; all questions are valid at one instant, and rest on one cut."""

    def __init__(self, client: Client, valid_at: str | None, known_at: str) -> None:
        """Take a client and the times; `at_one_cut` finds them."""
        self._client, self._valid_at, self.known_at = client, valid_at, known_at
        self.valid_at = valid_at

    @classmethod
    async def at_one_cut(
        cls, client: Client, service: str, valid_at: str | None, known_at: str | None
    ) -> "Asker":
        """Return one that knows what is known now, or what was known then.

        Raises:
            ClientError: the service does not answer, or says no.
        """
        known = moment(known_at) or (await client.get(service, "/v1/basis"))["basis"]
        return cls(client, moment(valid_at), known)

    async def __call__(self, name: str, question: Mapping[str, Any]) -> Reply:
        """Return the reply to a question; the instant of the first holds for all that follow.

        Raises:
            RefusedError: it is refused.
        """
        given = {"valid_at": self.valid_at, "known_at": self.known_at}
        when = {key: value for key, value in given.items() if value is not None}
        reply = await self._client.ask(name, question, when=when)
        self.valid_at = self.valid_at or reply["valid_at"]
        return Reply(reply["answer"], reply["valid_at"], reply["basis"])


def moment(given: str | None) -> str | None:
    """Return an instant for one that is given as a day (its first second, UTC); anything else as it is."""
    return f"{given}T00:00:00Z" if given is not None and _DAY.match(given) else given


def span(given: str) -> tuple[str, str]:
    """Return the two times of `A..B`.

    Raises:
        UnreadableSpanError: they are not two.
    """
    first, dots, second = given.partition("..")
    if not dots or not first or not second:
        raise UnreadableSpanError(
            f"two times are written A..B, for example 2026-06-01..2026-07-01: {given!r}"
        )
    return moment(first) or "", moment(second) or ""


def instant(given: str) -> datetime:
    """Return an instant of a reply."""
    return datetime.fromisoformat(given)


def show_reply(name: str, question: Mapping[str, Any], reply: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the reply to one question: JSON for programs, its board for people."""
    if as_json or name not in BOARDS:
        show(reply, as_json=as_json)
        return
    board = BOARDS[name](question, reply["answer"])
    show_board(footed(board, reply["valid_at"], reply["basis"]))


def footed(board: RenderableType, valid_at: str | None, basis: str) -> RenderableType:
    """Return a board with what it rests on below, to be asked again."""
    rest = [Text(f"valid at {valid_at}", "dim")] if valid_at else []
    return Group(board, Text(), *rest, Text(f"basis {basis}", "dim", no_wrap=True, overflow="ignore"))


def told(
    found: Mapping[str, Any], draw: Callable[[Mapping[str, Any]], RenderableType], *, as_json: bool
) -> int:
    """Print what was found, as JSON or drawn with what it rests on; return the exit code."""
    if as_json:
        show(found, as_json=True)
    else:
        show_board(footed(draw(found), found["valid_at"], found["basis"]))
    return 0
