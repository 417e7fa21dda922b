"""From command to durable outcome: group commit, one task per shard.

A command waits in its shard's queue; the task drains what has collected, decides the commands one upon the
other, appends once, and only then answers, refusals included. While that append is in flight the next batch
collects. What is refused travels in the same append without events, so that the retry of an accepted
command is always answered as accepted. On a conflict the speculative states are dropped, and what is
unsettled is decided again while the shard's head is held.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from infra.appender import Appender
from infra.clock import current
from infra.event_store import EventStore, Place, StreamName
from infra.fold import category
from infra.ledger_past import LedgerPast
from infra.outcomes import Accepted, Asked, Deciding, NotDone, NotOneBookError, Rejected, Result, Submission
from infra.past import Past
from infra.service import Rule, Service
from schemas.decision import Aggregate, Emitted, Order, Refused
from schemas.message import Command


class Commands:
    """Decides and appends the commands of one service's logs in one ledger."""

    def __init__(
        self, store: EventStore, services: Sequence[Service], past: LedgerPast, clock: Callable[[], datetime]
    ) -> None:
        """Take the ledger's store, the services whose rules apply, its past up to now, and its clock."""
        self._store, self._past, self._clock = store, past, clock
        self._rules: Mapping[type[Command], Rule] = {r.command: r for s in services for r in s.rules}
        self._aggregates: Mapping[str, Mapping[str, Aggregate[Any, Any]]] = {
            log: service.aggregates for service in services for log in service.logs
        }
        self._appenders: dict[tuple[str, int], Appender] = {}

    async def submit(self, asked: Asked, *, dry_run: bool = False) -> Result:
        """Return what came of one command, once it is durable.

        Raises:
            OutcomeUnknownError: it may or may not be durable; a retry with the same id settles it.
            QueueFullError: too many commands are waiting.
            ValueError: the command names more than one book.
        """
        return (await self.submit_all([asked], dry_run=dry_run))[0]

    async def submit_all(self, group: Sequence[Asked], *, dry_run: bool = False) -> tuple[Result, ...]:
        """Return what came of a group: all of it durable, or nothing.

        Raises:
            NotOneBookError: the commands lie in more than one book or log.
            OutcomeUnknownError, QueueFullError, ValueError: as for `submit`.
        """
        past = self._past if len(group) == 1 else self._past.together()
        commands = [await self._prepare(asked, past) for asked in group]
        return await (await self._put(commands, dry_run=dry_run))

    async def submit_each(self, group: Sequence[Asked], *, dry_run: bool = False) -> list[Result | Exception]:
        """Return what came of each of several commands, settled apart but decided in their order.

        A command that could not be asked at all has its exception in its place.
        """
        waiting: list[asyncio.Future[tuple[Result, ...]] | Exception] = []
        for together in self._together(group):
            if self._rules[type(together[0].command)].gather is not None:
                # what it gathers may lie in what was asked before it
                await asyncio.gather(
                    *(one for one in waiting if isinstance(one, asyncio.Future)), return_exceptions=True
                )
            past = self._past.together()
            for asked in together:
                try:
                    waiting.append(await self._put([await self._prepare(asked, past)], dry_run=dry_run))
                except Exception as error:  # noqa: BLE001 it is the outcome of this one; the others go on
                    waiting.append(error)
        return [await _settled(one) for one in waiting]

    def _together(self, group: Sequence[Asked]) -> Iterator[Sequence[Asked]]:
        """Yield the runs of commands of which none gathers what another one of its run may bring about."""
        begin, logs = 0, set[str]()
        for index, asked in enumerate(group):
            rule = self._rules[type(asked.command)]
            if rule.gather is not None and logs and (rule.gathers_own or logs != {rule.log}):
                yield group[begin:index]
                begin, logs = index, set[str]()
            logs.add(rule.log)
        if group:
            yield group[begin:]

    async def _put(
        self, commands: Sequence[Deciding], *, dry_run: bool
    ) -> "asyncio.Future[tuple[Result, ...]]":
        if len({(command.rule.log, command.order.book) for command in commands}) != 1:
            raise NotOneBookError("all commands of a group must lie in one book of one log")
        log, book = commands[0].rule.log, commands[0].order.book
        submission = Submission(commands, dry_run=dry_run)
        shard = await self._store.placed(log, book)
        if shard is None and self._nothing_comes_of(submission):
            return submission.future
        if shard is None:
            shard = await self._store.place(log, book)
        self._appender(log, shard).put(submission)
        return submission.future

    async def close(self) -> None:
        """Let what waits be settled, then stop; what comes later fails."""
        for appender in self._appenders.values():
            await appender.close()

    def cached(self) -> Mapping[tuple[str, StreamName], tuple[int, Any]]:
        """Return the states kept for decisions: (version, state) by log and stream."""
        return {
            (log, name): kept
            for (log, _), appender in self._appenders.items()
            for name, kept in appender.cached().items()
        }

    def rule(self, command: type[Command]) -> Rule:
        """Return the rule of a command type."""
        return self._rules[command]

    async def _prepare(self, asked: Asked, past: Past) -> Deciding:
        rule = self._rules[type(asked.command)]
        place = rule.place(asked.command, asked.actor)
        at = await current(self._clock)
        order: Order[Any] = Order(
            command=asked.command,
            id=asked.id,
            actor=asked.actor,
            book=place.book,
            at=at,
            effective_at=asked.effective_at or at.replace(microsecond=0),
        )
        streams = place.streams
        if rule.gather is not None:
            order = msgspec.structs.replace(order, facts=await rule.gather(order, past))
            if rule.streams_of is not None:
                streams = tuple(dict.fromkeys((*streams, *rule.streams_of(order.facts))))
        names = tuple([StreamName(place.book, stream) for stream in streams])
        return Deciding(asked=asked, rule=rule, order=order, names=names)

    def _nothing_comes_of(self, submission: Submission) -> bool:
        """Settle a refusal or dry run in a book without events: no retry can be known, nothing is kept."""
        states: dict[str, Any] = {}
        outcomes: list[list[Emitted]] = []
        for number, command in enumerate(submission.commands):
            aggregates = self._aggregates[command.rule.log]
            for name in command.names:
                states.setdefault(name.stream, aggregates[category(name.stream)].initial())
            outcome = command.rule.decide(states, command.order)
            if isinstance(outcome, Refused):
                results: list[Result] = [NotDone() for _ in submission.commands]
                results[number] = Rejected(outcome)
                submission.settle(results)
                return True
            outcomes.append(outcome)
            for one in outcome:
                states[one.stream] = aggregates[category(one.stream)].evolve(states[one.stream], one.event)
        if submission.dry_run:
            submission.settle([self._told(c, o) for c, o in zip(submission.commands, outcomes, strict=True)])
        return submission.dry_run

    def _told(self, command: Deciding, outcome: Sequence[Emitted]) -> Accepted:
        place = Place(None, None, command.order.at)
        return Accepted(log=command.rule.log, shard=0, place=place, chain=None, emitted=tuple(outcome))

    def _appender(self, log: str, shard: int) -> Appender:
        found = self._appenders.get((log, shard))
        if found is None:
            found = Appender(self._store, log, shard, self._aggregates[log], self._clock)
            self._appenders[log, shard] = found
        return found


async def _settled(waiting: "asyncio.Future[tuple[Result, ...]] | Exception") -> Result | Exception:
    if isinstance(waiting, Exception):
        return waiting
    try:
        (result,) = await waiting
    except Exception as error:  # noqa: BLE001 it is the outcome of this one; the others have theirs
        return error
    return result
