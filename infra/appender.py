"""The one task that decides and appends for a shard."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from infra.chain import link
from infra.drafts import Draft, new_commands
from infra.event_store import (
    GENESIS,
    Appended,
    Batch,
    Conflict,
    DecidedOn,
    EventStore,
    Head,
    Known,
    NewCommand,
    Place,
    Reused,
    StreamName,
    Writer,
)
from infra.fold import category, fold, over
from infra.outcomes import Accepted, IdReused, NotDone, QueueFullError, Rejected, Result, Submission
from infra.past import Folded
from schemas.decision import Aggregate, Emitted, Outcome, Refused

BATCH_COMMANDS_MAX = 500
QUEUE_COMMANDS_MAX = 20_000
STREAMS_CACHED_MAX = 10_000
LOADS_AT_ONCE = 8


class _Kept:
    """A stream's state with its version. The state may change in place: whoever drops it loads it again."""

    __slots__ = ("state", "version")

    def __init__(self, state: Any, version: int) -> None:
        self.state, self.version = state, version


class _Pass:
    """One try at a batch: what was decided, on which streams, and who waits for it."""

    def __init__(self) -> None:
        self.submissions: list[Submission] = []
        self.results: list[list[Result | None]] = []
        self.drafts: list[Draft] = []
        self.owners: list[tuple[int, int]] = []
        self.streams: dict[StreamName, int] = {}
        self.keys: set[tuple[str, str, str]] = set()
        self.spoiled: set[StreamName] = set()


class Appender:
    """Settles the commands of one shard, in the order in which they came."""

    def __init__(
        self,
        store: EventStore,
        log: str,
        shard: int,
        aggregates: Mapping[str, Aggregate[Any, Any]],
        clock: Callable[[], datetime],
    ) -> None:
        """Start with nothing cached; the task begins with the first command."""
        self._store, self._log, self._shard = store, log, shard
        self._aggregates, self._clock = aggregates, clock
        self._states: OrderedDict[StreamName, _Kept] = OrderedDict()
        self._queue: asyncio.Queue[Submission] = asyncio.Queue()
        self._waiting = 0
        self._head = Head(0, GENESIS, None)
        self._task: asyncio.Task[None] | None = None

    def put(self, submission: Submission) -> None:
        """Queue a submission.

        Raises:
            QueueFullError: too many commands are waiting.
        """
        if self._waiting + len(submission.commands) > QUEUE_COMMANDS_MAX:
            raise QueueFullError
        self._waiting += len(submission.commands)
        self._queue.put_nowait(submission)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name=f"append-{self._log}-{self._shard}")

    def cached(self) -> Mapping[StreamName, tuple[int, Any]]:
        """Return the states kept now, each with its version; whoever looks must not change them."""
        return {name: (kept.version, kept.state) for name, kept in self._states.items()}

    async def close(self) -> None:
        """Wait until everything queued is settled."""
        if self._task is not None:
            await self._task

    async def _drain(self) -> None:
        """Settle batches until nothing waits; the next command starts the task anew."""
        while not self._queue.empty():
            batch = [self._queue.get_nowait()]
            count = len(batch[0].commands)
            while not self._queue.empty() and count < BATCH_COMMANDS_MAX:
                batch.append(self._queue.get_nowait())
                count += len(batch[-1].commands)
            self._waiting -= count
            try:
                await self._settle(batch)
            except Exception as error:  # noqa: BLE001 whoever waits must hear of it; the next batch is served
                self._states.clear()
                for submission in batch:
                    submission.fail(error)

    async def _settle(self, batch: list[Submission]) -> None:
        await self._load_together({name for s in batch for name in s.names if name not in self._states})
        left = await self._try(batch, self._store.writer(self._log, self._shard))
        if left:
            async with self._store.exclusive(self._log, self._shard) as writer:
                self._forget({name for s in left for name in s.names})
                while left:
                    left = await self._try(left, writer)

    async def _try(self, batch: Sequence[Submission], writer: Writer) -> list[Submission]:
        """Decide and append once; return what is not settled yet."""
        tried = _Pass()
        waiting: list[Submission] = []
        for number, submission in enumerate(batch):
            alone = len(submission.commands) > 1
            if tried.spoiled or (alone and tried.drafts) or not tried.keys.isdisjoint(submission.keys):
                waiting.extend(batch[number:])
                break
            await self._decide(submission, tried, writer)
            if alone and tried.submissions:
                waiting.extend(batch[number + 1 :])
                break
        if not tried.submissions:
            self._forget(tried.spoiled)
            return waiting
        commands = new_commands(tried.drafts)
        streams = tuple(
            [DecidedOn(name.tenant, name.stream, version) for name, version in tried.streams.items()]
        )
        answer = await writer.append(Batch(commands, streams))
        match answer:
            case Appended():
                self._answer(tried, commands, answer)
                self._forget(tried.spoiled)
                return waiting
            case Conflict():
                self._forget(tried.streams)
                return self._settle_known(tried, answer) + waiting

    async def _decide(self, submission: Submission, tried: _Pass, writer: Writer) -> None:
        """Decide one submission upon all before it. A bug in a rule fails this submission alone."""
        try:
            for name in submission.names:
                if name in self._states:
                    self._states.move_to_end(name)
                else:
                    await self._load(name, writer)
            outcomes = self._outcomes(submission, tried)
        except Exception as error:  # noqa: BLE001 a bug in one rule must not take the batch with it
            tried.spoiled.update(submission.names)
            submission.fail(error)
            return
        if submission.dry_run:
            submission.settle([self._told(outcome) for outcome in outcomes])
            return
        refused = any(isinstance(outcome, Refused) for outcome in outcomes)
        tried.keys.update(submission.keys)
        number = len(tried.submissions)
        tried.submissions.append(submission)
        tried.results.append([self._refusal(outcome, refused=refused) for outcome in outcomes])
        for index, (command, outcome) in enumerate(zip(submission.commands, outcomes, strict=True)):
            events: list[tuple[Emitted, int]] = []
            if not refused and not isinstance(outcome, Refused):
                events = self._numbered(command.order.book, outcome, outcomes[index + 1 :])
            tried.drafts.append(Draft(command, events, refused))
            tried.owners.append((number, index))

    def _outcomes(self, submission: Submission, tried: _Pass) -> list[Outcome]:
        """Decide the commands of a submission one upon the other, and take their events into the states."""
        for name in submission.names:
            tried.streams.setdefault(name, self._states[name].version)
        outcomes: list[Outcome] = []
        for command in submission.commands:
            states = {name.stream: self._states[name].state for name in command.names}
            outcome = command.rule.decide(states, command.order)
            outcomes.append(outcome)
            if isinstance(outcome, Refused):
                if len(outcomes) > 1:
                    self._forget(submission.names)
                break
            if not submission.dry_run or len(submission.commands) > 1:
                self._evolve(command.order.book, outcome)
        if submission.dry_run and len(submission.commands) > 1:
            self._forget(submission.names)
        missing = len(submission.commands) - len(outcomes)
        return outcomes + [[] for _ in range(missing)]

    def _evolve(self, book: str, emitted: Sequence[Emitted]) -> None:
        for one in emitted:
            kept = self._states[StreamName(book, one.stream)]
            kept.state = self._aggregates[category(one.stream)].evolve(kept.state, one.event)
            kept.version += 1

    def _numbered(
        self, book: str, emitted: Sequence[Emitted], later: Sequence[Outcome]
    ) -> list[tuple[Emitted, int]]:
        """Return events with their versions, counted back from states that hold the later ones too."""
        if len(emitted) == 1 and not later:
            return [(emitted[0], self._states[StreamName(book, emitted[0].stream)].version)]
        after = Counter(one.stream for others in later if not isinstance(others, Refused) for one in others)
        numbered: list[tuple[Emitted, int]] = []
        for one in reversed(emitted):
            version = self._states[StreamName(book, one.stream)].version - after[one.stream]
            numbered.append((one, version))
            after[one.stream] += 1
        return numbered[::-1]

    def _answer(self, tried: _Pass, commands: Sequence[NewCommand], appended: Appended) -> None:
        chains = self._chains(commands, appended)
        for (number, index), command, place in zip(tried.owners, commands, appended.places, strict=True):
            if place.known:
                tried.results[number][index] = self._duplicate(place)
            elif tried.results[number][index] is None:
                chain = None if place.last is None else chains.get(place.last)
                tried.results[number][index] = self._accepted(command, place, chain)
        for submission, results in zip(tried.submissions, tried.results, strict=True):
            submission.settle([result for result in results if result is not None])
        while len(self._states) > STREAMS_CACHED_MAX:
            self._states.popitem(last=False)

    def _settle_known(self, tried: _Pass, conflict: Conflict) -> list[Submission]:
        """Settle what is known or reused; return what must be decided again."""
        found = [list(results) for results in tried.results]
        known: set[int] = set()
        for (number, index), finding in zip(tried.owners, conflict.findings, strict=True):
            match finding:
                case Known(place=place):
                    found[number][index] = self._duplicate(place)
                    known.add(number)
                case Reused():
                    found[number][index] = IdReused()
                    known.add(number)
                case None:
                    pass
        for number in known:
            tried.submissions[number].settle([result or NotDone() for result in found[number]])
        return [submission for number, submission in enumerate(tried.submissions) if number not in known]

    def _chains(self, commands: Sequence[NewCommand], appended: Appended) -> dict[int, bytes]:
        """Return the chain at each command's last event; nothing where another writer came between."""
        position, chain, found = self._head.position, self._head.chain, dict[int, bytes]()
        for command, place in zip(commands, appended.places, strict=True):
            if place.known or place.first is None:
                continue
            if place.first != position + 1:
                break
            for event in command.events:
                position += 1
                chain = link(chain, position, place.recorded_at, event.leaf)
            found[position] = chain
        self._head = appended.head
        return found if chain == appended.head.chain else {}

    def _accepted(self, command: NewCommand, place: Place, chain: bytes | None) -> Accepted:
        return Accepted(log=self._log, shard=self._shard, place=place, chain=chain, events=command.events)

    def _duplicate(self, place: Place) -> Accepted:
        return Accepted(log=self._log, shard=self._shard, place=place, chain=None, duplicate=True)

    def _told(self, outcome: Outcome) -> Result:
        if isinstance(outcome, Refused):
            return Rejected(outcome)
        place = Place(None, None, self._clock())
        return Accepted(log=self._log, shard=self._shard, place=place, chain=None, emitted=tuple(outcome))

    @staticmethod
    def _refusal(outcome: Outcome, *, refused: bool) -> Result | None:
        if isinstance(outcome, Refused):
            return Rejected(outcome)
        return NotDone() if refused else None

    async def _load(self, name: StreamName, writer: Writer) -> None:
        """Bring a stream's state into the cache; inside a held head, read through its writer."""
        folded = await self._folded(name)
        tail = await writer.stream(name.tenant, name.stream, folded.version)
        newest = over(self._aggregates[category(name.stream)], folded.state, folded.version, tail)
        self._states[name] = _Kept(newest.state, newest.version)

    async def _load_together(self, names: Iterable[StreamName]) -> None:
        """Load streams, some at a time; what fails is tried again where it is needed."""
        missing = list(names)
        for start in range(0, len(missing), LOADS_AT_ONCE):
            some = missing[start : start + LOADS_AT_ONCE]
            found = await asyncio.gather(*(self._folded(name) for name in some), return_exceptions=True)
            for name, folded in zip(some, found, strict=True):
                if isinstance(folded, Folded):
                    self._states[name] = _Kept(folded.state, folded.version)

    async def _folded(self, name: StreamName) -> Folded:
        return await fold(
            self._store, self._log, self._aggregates[category(name.stream)], name.tenant, name.stream
        )

    def _forget(self, names: Iterable[StreamName]) -> None:
        for name in names:
            self._states.pop(name, None)
