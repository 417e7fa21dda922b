"""A service is a value: what it decides, what it reacts to, what it keeps, what it can be asked.

Everything that runs (HTTP, command line, scenario runs, the simulation, the live consumers) is derived from
it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from infra.event_store import Cut, Recorded
from infra.past import Past
from schemas.decision import Aggregate, Decide, Order, Origin, Place, Refused, Sent, Timer
from schemas.message import Command, Event, Question


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How one command type is decided.

    Attributes:
        command: its class.
        log: the log it appends to.
        subject: the field that names its object and so its URL, such as `contract`.
        verb: the last part of its URL, such as `sign`.
        place: names the book and the streams, from the command and the actor (short names are the actor's
            own).
            Raises ValueError with a message for the sender if the command names more than one book.
        decide: the pure decision.
        gather: runs before the batch and finds facts for `order.facts`; may read this and other logs.
        streams_of: names further streams of the book, from what was gathered.
        gathers_own: what it gathers may lie in its own log: in bulk it waits for what was asked before it.
        reported_as: the event type that stands for this command when a partner reports it as a CloudEvent.
        refers: fields that hold the sender's id of an earlier command; in a CloudEvent an id of its source.
        scope: what a credential must be allowed.
        internal: sent by our own machinery only; has no route.
    """

    command: type[Command]
    log: str
    place: Callable[[Any, str], Place]
    decide: Decide
    scope: str
    subject: str = ""
    verb: str = ""
    gather: Callable[[Order[Any], Past], Awaitable[Any]] | None = None
    streams_of: Callable[[Any], tuple[str, ...]] | None = None
    gathers_own: bool = True
    reported_as: type[Event] | None = None
    refers: tuple[str, ...] = ()
    internal: bool = False


LEDGER_READ = "ledger:read"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """From where a question is asked.

    Attributes:
        actor: the tenant of the credential.
        valid_at: the instant asked about; the clock if unsaid.
        now: the ledger's clock.
        past: everything known at the question's `known_at`.
        scopes: what the credential is allowed; none where nobody's is known.
        token: the sealed name of an event's place, for those who may not see positions.
    """

    actor: str
    valid_at: datetime
    now: datetime
    past: Past
    token: Callable[[Origin], str]
    scopes: frozenset[str] = frozenset()

    @property
    def of_operations(self) -> bool:
        """Whether every tenant's events may be told, and positions."""
        return LEDGER_READ in self.scopes


Answer = Callable[[Any, View], Awaitable[Any]]
"""`async (question, view) -> JSON-ready value | Refused`; datetimes, Schedules and structs are ready too."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question that the service answers. `path` is its URL below `/v1`, with `{field}` for parameters."""

    name: str
    question: type[Question]
    answer: Answer
    path: str
    scope: str
    version: int = 1


class Column(msgspec.Struct, frozen=True):
    """A column of a read model: `kind` is text, bigint, timestamptz, bytea or jsonb; null if `optional`."""

    name: str
    kind: str
    optional: bool = False


class Postings(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in double entry: the store takes only groups that sum to zero, and keeps each account's balance.

    Attributes:
        group: columns that tell the groups of one event apart.
        account: two columns or more that tell an account; an index begins with the first one.
        amount: a bigint column; debits are positive.
        balance: a bigint column that the store fills in: that of the account after the row.
    """

    group: tuple[str, ...]
    account: tuple[str, ...]
    amount: str
    balance: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """An insert-only read model; its rows also have log, shard, position, ordinal and recorded_at."""

    name: str
    columns: tuple[Column, ...]
    index: tuple[tuple[str, ...], ...] = ()
    postings: Postings | None = None


class Row(msgspec.Struct, frozen=True):
    """One row that an event adds to a table."""

    table: str
    values: Mapping[str, Any]


def nothing(_: Recorded) -> Sequence[Row]:
    """Return no rows."""
    return ()


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """A read model: pure, so that a rebuild gives the same rows. Rows are only ever added.

    Attributes:
        project: the rows that one event adds.
        running: instead, where that hangs on what came before it in the same book.
    """

    name: str
    follows: tuple[str, ...]
    tables: tuple[Table, ...]
    project: Callable[[Recorded], Sequence[Row]] = nothing
    running: "Running | None" = None
    version: int = 1


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of an event follow from a book's events up to it, and from nothing else.

    Attributes:
        restore: `async (recorded, past) -> state`: the book just before an event; `past` lies there.
        step: `async (state, recorded, past) -> rows`: the rows of an event; the state given goes on past it.
    """

    restore: Callable[[Recorded, Past], Awaitable[Any]]
    step: Callable[[Any, Recorded, Past], Awaitable[Sequence[Row]]]


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """Events of some logs lead to commands of this service: `react(recorded, past)`, past up to now.

    Its effect depends only on the event and on what is recorded; its commands must never be refused.
    """

    name: str
    follows: tuple[str, ...]
    react: Callable[[Recorded, Past], Awaitable[Sequence[Sent]]]


class TimerRule(msgspec.Struct, frozen=True, kw_only=True):
    """Events that set timers: `timers(recorded, past)`."""

    name: str
    follows: tuple[str, ...]
    timers: Callable[[Recorded, Past], Awaitable[Sequence[Timer]]]


def lacks_nothing() -> str | None:
    """Return that it can run with whatever is installed."""
    return None


Check = Callable[[Past, datetime], Awaitable[Sequence[str]]]
"""An invariant that must hold whenever the system is at rest: returns what is wrong, in words."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is to know about one service.

    `lacks` says in words what is not installed as its rules need it: without that it is not to run at all.
    """

    name: str
    logs: tuple[str, ...]
    aggregates: Mapping[str, Aggregate[Any, Any]]
    rules: tuple[Rule, ...]
    asks: tuple[Ask, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    projections: tuple[Projection, ...] = ()
    timers: tuple[TimerRule, ...] = ()
    checks: tuple[Check, ...] = ()
    lacks: Callable[[], str | None] = lacks_nothing


__all__ = [
    "Answer",
    "Ask",
    "Check",
    "Column",
    "Cut",
    "Postings",
    "Projection",
    "Reaction",
    "Refused",
    "Row",
    "Rule",
    "Running",
    "Service",
    "Table",
    "TimerRule",
    "View",
]
