"""What follows a log: projections, timers and reactions, each as one kind of consumer with a name.

A consumer says what one event comes to. Rows and timers become durable together with the checkpoint; the
commands of a reaction are sent before it, under ids derived from the event, so that a repeat does nothing
twice.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from infra.codec import encode
from infra.commands import Commands
from infra.event_store import Cut, Recorded
from infra.outcomes import Accepted, Asked
from infra.past import Past
from infra.read_store import DueTimer
from infra.service import Projection, Reaction, Row, Running, TimerRule
from schemas.decision import Sent, Timer
from schemas.message import tag

BOOKS_KEPT_MAX = 1000


class Handled(msgspec.Struct, frozen=True, kw_only=True):
    """What one event comes to."""

    rows: tuple[Row, ...] = ()
    timers: tuple[DueTimer, ...] = ()


class ReactionRefusedError(Exception):
    """A command of our own machinery was refused: a reaction must record a refusal as a fact instead."""


class Consumer(Protocol):
    """One named follower of some logs."""

    @property
    def name(self) -> str:
        """The name under which its checkpoints are kept."""
        ...

    @property
    def follows(self) -> tuple[str, ...]:
        """The logs that it follows."""
        ...

    async def handle(self, recorded: Recorded) -> Handled:
        """Return what `recorded` comes to, after sending what it sends.

        Raises:
            Exception: it cannot be applied; the event is put in quarantine, unless the error is an
                operating one.
        """
        ...


class ProjectionConsumer:
    """Keeps the rows of one read model.

    The states of a running one are kept while its events come one after the other; after a gap, or when an
    event comes again, they are restored from the log.
    """

    def __init__(self, projection: Projection, past: Past) -> None:
        """Take the projection, and where a running one finds what came before."""
        self._projection, self._past = projection, past
        self.name, self.follows = projection.name, projection.follows
        self._reached: dict[tuple[str, int], int] = {}
        self._books: OrderedDict[tuple[str, int, str], Any] = OrderedDict()

    async def handle(self, recorded: Recorded) -> Handled:
        """See `Consumer.handle`."""
        if self._projection.running is not None:
            return Handled(rows=tuple(await self._run(self._projection.running, recorded)))
        return Handled(rows=tuple(self._projection.project(recorded)))

    async def _run(self, running: Running, recorded: Recorded) -> Sequence[Row]:
        place, book = (recorded.log, recorded.shard), (recorded.log, recorded.shard, recorded.tenant)
        if self._reached.pop(place, None) != recorded.position - 1:
            self._books = OrderedDict((k, v) for k, v in self._books.items() if k[:2] != place)
        before = self._past.at(Cut({place: recorded.position - 1}))
        state = self._books.pop(book, None)
        if state is None:
            state = await running.restore(recorded, before)
        rows = await running.step(state, recorded, before)
        self._books[book], self._reached[place] = state, recorded.position
        if len(self._books) > BOOKS_KEPT_MAX:
            self._books.popitem(last=False)
        return rows


class TimerConsumer:
    """Keeps the timers that events set."""

    def __init__(self, service: str, rule: TimerRule, past: Past) -> None:
        """Take the service that the timers belong to, and where to look things up."""
        self._service, self._rule, self._past = service, rule, past
        self.name, self.follows = rule.name, rule.follows

    async def handle(self, recorded: Recorded) -> Handled:
        """See `Consumer.handle`."""
        timers = await self._rule.timers(recorded, self._past)
        return Handled(timers=tuple(self._kept(recorded, timer) for timer in timers))

    def _kept(self, recorded: Recorded, timer: Timer) -> DueTimer:
        return DueTimer(
            id=derived_id(recorded, f"{timer.kind}:{timer.key}"),
            service=self._service,
            due=timer.due,
            kind=timer.kind,
            stream=recorded.stream,
            origin=recorded.origin,
            command_type=tag(type(timer.command)),
            command=encode(timer.command),
        )


class ReactionConsumer:
    """Sends the commands that events lead to."""

    def __init__(self, reaction: Reaction, commands: Commands, past: Past) -> None:
        """Take where commands go, and where to look things up."""
        self._reaction, self._commands, self._past = reaction, commands, past
        self.name, self.follows = reaction.name, reaction.follows

    async def handle(self, recorded: Recorded) -> Handled:
        """See `Consumer.handle`."""
        for sent in await self._reaction.react(recorded, self._past):
            await self._send(recorded, sent)
        return Handled()

    async def _send(self, recorded: Recorded, sent: Sent) -> None:
        asked = Asked(
            command=sent.command,
            id=derived_id(recorded, f"{self.name}:{sent.key}"),
            actor=f"~reaction/{self.name}",
            effective_at=sent.effective_at or recorded.effective_at,
            cause=recorded,
        )
        result = await self._commands.submit(asked)
        if not isinstance(result, Accepted):
            raise ReactionRefusedError(f"{tag(type(sent.command))} {asked.id}: {result}")


def derived_id(recorded: Recorded, key: str) -> str:
    """Return the id of a command caused by an event, found by the event's place as prefix."""
    return f"{recorded.log}:{recorded.shard}:{recorded.position}:{key}"


def consumers(
    projections: Sequence[Projection],
    timers: Sequence[TimerRule],
    reactions: Sequence[Reaction],
    *,
    service: str,
    commands: Commands,
    past: Past,
) -> list[Consumer]:
    """Return the consumers of one service: read models first, then timers, then reactions."""
    found: list[Consumer] = [ProjectionConsumer(projection, past) for projection in projections]
    found += [TimerConsumer(service, rule, past) for rule in timers]
    found += [ReactionConsumer(reaction, commands, past) for reaction in reactions]
    return found
