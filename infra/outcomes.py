"""What commands are on their way, and what may come of them: done, refused, or unknown (an exception)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from infra.event_store import NewEvent, Place, Recorded, StreamName
from infra.service import Rule
from schemas.decision import Emitted, Order, Refused
from schemas.message import Command


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A command as it reached us. `cause` is the event behind a command of our own machinery."""

    command: Command
    id: str
    actor: str
    effective_at: datetime | None = None
    cause: Recorded | None = None
    credential: str | None = None
    source: str | None = None
    traceparent: str | None = None


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """Durable, or what would be (a dry run).

    Attributes:
        log: the log.
        shard: the shard.
        place: where its events lie; of a duplicate, its first place.
        chain: the chain hash of its last event, None where it is not known here (the store has it).
        events: what was appended; empty for duplicates.
        emitted: what a dry run would append.
        duplicate: it was known before.
    """

    log: str
    shard: int
    place: Place
    chain: bytes | None
    events: tuple[NewEvent, ...] = ()
    emitted: tuple[Emitted, ...] = ()
    duplicate: bool = False


class Rejected(msgspec.Struct, frozen=True):
    """Refused by a rule; not kept: the same id may be sent again and then succeed."""

    refused: Refused


class IdReused(msgspec.Struct, frozen=True):
    """The id is known with other content."""


class NotDone(msgspec.Struct, frozen=True):
    """Not refused itself, but in one all-or-nothing group with a command that was."""


Result: TypeAlias = Accepted | Rejected | IdReused | NotDone


class NotOneBookError(ValueError):
    """The commands of an all-or-nothing group lie in more than one book or log."""


class QueueFullError(Exception):
    """More commands are waiting than may: try again later."""


class Deciding(msgspec.Struct, frozen=True, kw_only=True):
    """A command on its way: what was asked, its rule, the order that it will decide, and on which streams."""

    asked: Asked
    rule: Rule
    order: Order[Any]
    names: tuple[StreamName, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """The idempotency key: (book, actor, command id)."""
        return (self.order.book, self.order.actor, self.order.id)


class Submission:
    """One or more commands that are settled together, and who waits for them."""

    __slots__ = ("commands", "dry_run", "future", "keys", "names")

    def __init__(self, commands: Sequence[Deciding], *, dry_run: bool) -> None:
        """Take the commands of one book in the order in which they are to be decided."""
        self.commands = tuple(commands)
        self.keys = [command.key for command in self.commands]
        self.names = [name for command in self.commands for name in command.names]
        self.dry_run = dry_run
        self.future: asyncio.Future[tuple[Result, ...]] = asyncio.get_running_loop().create_future()

    def settle(self, results: Sequence[Result]) -> None:
        """Answer whoever waits."""
        if not self.future.done():
            self.future.set_result(tuple(results))

    def fail(self, error: BaseException) -> None:
        """Tell whoever waits that it failed."""
        if not self.future.done():
            self.future.set_exception(error)
