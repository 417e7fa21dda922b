"""The shape of a decision: who asked for what and when, and what came of it. Pure; the machinery is `infra`.

A rule of the business is an *aggregate* (`initial`, `evolve`) and a *decide* function::

    decide(states, order) -> list[Emitted] | Refused

`states` holds the folded state of every stream that the command's `place` names; `order` holds the command
and everything from outside that a decision may depend on. `evolve` never looks at a clock.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from schemas.message import Command, Event

C = TypeVar("C", bound=Command)
C_co = TypeVar("C_co", bound=Command, covariant=True)
S = TypeVar("S")
E = TypeVar("E", bound=Event)


class Origin(msgspec.Struct, frozen=True, order=True):
    """The place of one event in one log: what an effect may wait for or be caused by."""

    log: str
    shard: int
    position: int


class Order(msgspec.Struct, Generic[C_co], frozen=True, kw_only=True):
    """One command, with who gave it, when, and what was gathered for it.

    Attributes:
        command: the command itself.
        id: the sender's id of it, the idempotency key within (book, actor).
        actor: the tenant of the credential, or `~reaction/<name>`, `~timer/<name>` for our own machinery.
        book: the tenant in whose book the decision falls (supplier, pool operator).
        at: our clock, at the decision; UTC.
        effective_at: when it is true in the world, said by the sender; the clock if unsaid; whole seconds,
            UTC.
        facts: what `gather` found before the batch, None where the rule has no `gather`. Never in the digest.
    """

    command: C_co
    id: str
    actor: str
    book: str
    at: datetime
    effective_at: datetime
    facts: Any = None

    @property
    def by_machine(self) -> bool:
        """Whether our own machinery gave the command: such an order may not end in a refusal."""
        return self.actor.startswith("~")


class Emitted(msgspec.Struct, frozen=True, kw_only=True):
    """One event to be appended.

    Attributes:
        stream: the stream it extends; one of those the command's `place` named.
        event: the event.
        counterparty: the one other tenant that may see it, None if none.
        effective_at: when it is true in the world; None for the order's.
        needs: what a reader must have consumed first.
    """

    stream: str
    event: Event
    counterparty: str | None = None
    effective_at: datetime | None = None
    needs: tuple[Origin, ...] = ()


class Refused(msgspec.Struct, frozen=True):
    """A rejection: the first rule, in the declared order, that the command breaks.

    `details` holds JSON-ready values (instants as datetime), such as `short_by`.
    """

    code: StrEnum
    details: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])


Outcome: TypeAlias = list[Emitted] | Refused


class Place(msgspec.Struct, frozen=True):
    """Where a command is decided: a book, and its streams whose states the decision reads or extends."""

    book: str
    streams: tuple[str, ...]


class Aggregate(msgspec.Struct, Generic[S, E], frozen=True, kw_only=True):
    """How the streams of one category fold to a state.

    Attributes:
        category: the part of a stream's name before its first `-`, such as `contract`.
        initial: makes the state of a stream without events.
        evolve: returns the state after one more event. It may change and return the state it was given: the
            handler owns it, and drops it whenever what was decided on it is not appended.
        version: raised whenever the shape or the meaning of the state changes; older snapshots are then
            ignored.
        state: the type of the state if it can be kept as a snapshot (a msgspec struct), otherwise None.
        pack: makes of the state the value of type `state` that is kept, where that is not the state itself.
        unpack: makes the state of it again.
    """

    category: str
    initial: Callable[[], S]
    evolve: Callable[[S, E], S]
    version: int = 1
    state: Any = None
    pack: Callable[[S], Any] | None = None
    unpack: Callable[[Any], S] | None = None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A command that a reaction sends because of an event.

    Attributes:
        command: the command; qualified names only, since it has no sender whose book could be meant.
        key: the business key that tells the commands caused by one event apart, such as the line. The
            command's
            id is derived from the cause's place and this key, so that a repeat does nothing twice.
        effective_at: None for that of the cause.
    """

    command: Command
    key: str
    effective_at: datetime | None = None


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A command to be sent when `due` has come. Timers only announce, or start work.

    `key` tells the timers set by one event apart; `effective_at` of the command is `due`.
    """

    due: datetime
    kind: str
    key: str
    command: Command


States: TypeAlias = Mapping[str, Any]
Decide: TypeAlias = Callable[[States, Order[Any]], Outcome]
Events: TypeAlias = Sequence[Event]
