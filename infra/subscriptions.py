"""One consumer's work on one shard: from where it is to the head, each event's effect exactly once.

The log is the truth and the topic its fast path, so there is one way in: events are offered in position
order, what is old is dropped, and a hole is filled from the log. A checkpoint moves by compare-and-set
together with the effect, so that a holder whose lease has passed to another can do no harm.
"""

from collections.abc import Sequence

from infra.consumers import Consumer, Handled
from infra.event_store import (
    EventStore,
    OutcomeUnknownError,
    Recorded,
    StoreCorruptError,
    StoreError,
    StoreUnavailableError,
)
from infra.failpoints import Failpoint, reach
from infra.outcomes import QueueFullError
from infra.read_store import START, Checkpoint, CheckpointMovedError, DueTimer, Effect, Parked, ReadStore
from infra.records import follows
from infra.service import Row

PAGE = 1000
BEHIND = "waits behind an earlier event of its stream"
OPERATING_ERRORS = (
    OutcomeUnknownError,
    StoreUnavailableError,
    QueueFullError,
    CheckpointMovedError,
    ConnectionError,
)


class StoreRewoundError(StoreError):
    """The store is shorter than, or different from, what this consumer has already consumed. It stops."""

    def __init__(self, consumer: str, log: str, shard: int, position: int) -> None:
        """Name the consumer and where it stands."""
        super().__init__(
            f"store_rewound: {consumer} stands at {log} shard {shard} position {position}, not so the store"
        )
        self.consumer, self.log, self.shard, self.position = consumer, log, shard, position


class Subscription:
    """A consumer on one shard. Only one task may drive it at a time."""

    def __init__(self, consumer: Consumer, log: str, shard: int, store: EventStore, reads: ReadStore) -> None:
        """Nothing is read before the first `advance`."""
        self.consumer, self.log, self.shard = consumer, log, shard
        self._store, self._reads = store, reads
        self._seen: Checkpoint | None = None
        self._parked: set[tuple[str, str]] = set()

    @property
    def position(self) -> int:
        """How far the effects reach, as far as known here."""
        return START.position if self._seen is None else self._seen.position

    @property
    def parked_streams(self) -> int:
        """How many streams wait in quarantine, as far as known here."""
        return len(self._parked)

    async def open(self) -> None:
        """Read the checkpoint and what is parked, and compare the chain with the store's.

        Raises:
            StoreRewoundError: the store does not hold what was consumed.
        """
        self._seen = await self._reads.checkpoint(self.consumer.name, self.log, self.shard)
        self._parked = {(one.tenant, one.stream) for one in await self.quarantine()}
        await self.compare()

    async def quarantine(self) -> Sequence[Parked]:
        """Return what of this shard is in quarantine for this consumer, in position order."""
        parked = await self._reads.parked(self.consumer.name)
        return [one for one in parked if (one.log, one.shard) == (self.log, self.shard)]

    async def retry(self, parked: Parked) -> bool:
        """Apply an event in quarantine and take it out, in one transaction; say whether that went well.

        Of a stream only the first can be retried: what waits behind it follows by itself (`heal`).

        Raises:
            CheckpointMovedError: the consumer moved meanwhile; nothing was changed, try again.
            StoreError: the store cannot be reached.
        """
        (recorded,) = await self._store.shard(self.log, self.shard, parked.position - 1, 1)
        try:
            handled = await self.consumer.handle(recorded)
        except OPERATING_ERRORS:
            raise
        except Exception:  # noqa: BLE001 it stays where it is, with the reason that is known
            return False
        rows = [(recorded, row) for row in handled.rows]
        await self._settle(parked, rows, handled.timers)
        return True

    async def discard(self, parked: Parked) -> None:
        """Take an event out of quarantine without its effect; what waits behind it follows by itself.

        Raises:
            CheckpointMovedError, StoreError: as for `retry`.
        """
        await self._settle(parked, (), ())

    async def heal(self) -> int:
        """Apply what waits in quarantine behind nothing any more; return how many events."""
        count, blocked = 0, set[tuple[str, str]]()
        if not self._parked:
            return 0
        for parked in await self.quarantine():
            stream = (parked.tenant, parked.stream)
            if stream in blocked:
                continue
            if parked.reason == BEHIND and await self.retry(parked):
                count += 1
            else:
                blocked.add(stream)
        self._parked = {(one.tenant, one.stream) for one in await self.quarantine()}
        return count

    async def compare(self) -> None:
        """Compare the chain at the checkpoint with the store's.

        Raises:
            StoreRewoundError: the store is shorter or different.
        """
        if self._seen is None or self._seen.position == 0:
            return
        found = await self._store.shard(self.log, self.shard, self._seen.position - 1, 1)
        if not found or found[0].chain != self._seen.chain:
            raise StoreRewoundError(self.consumer.name, self.log, self.shard, self._seen.position)

    async def advance(self) -> int:
        """Consume what the log holds beyond the checkpoint, one page; return how many events.

        0 means that it is at the head, or that the next event waits for what it needs.
        """
        if self._seen is None:
            await self.open()
        return await self.offer(await self._store.shard(self.log, self.shard, self.position, PAGE))

    async def offer(self, events: Sequence[Recorded]) -> int:
        """Consume the events that come next; drop old ones; fill a hole from the log. Return how many."""
        if self._seen is None:
            await self.open()
        fresh = [recorded for recorded in events if recorded.position > self.position]
        if fresh and fresh[0].position != self.position + 1:
            return await self.advance()
        try:
            return await self._consume(await self._genuine(fresh)) if fresh else 0
        except BaseException:
            # what is durable, checkpoint and quarantine, is read again before the next try
            self._seen = None
            raise

    async def _genuine(self, events: Sequence[Recorded]) -> Sequence[Recorded]:
        """Return events that are known to go on from the checkpoint: the given ones, or the log's own.

        Raises:
            StoreRewoundError: the store no longer holds what was consumed.
            StoreCorruptError: it does, and yet its next event does not go on from it.
        """
        seen = self._seen or START
        if follows(seen.chain, events[0]):
            return events
        await self.compare()
        kept = await self._store.shard(self.log, self.shard, seen.position, PAGE)
        if kept and not follows(seen.chain, kept[0]):
            raise StoreCorruptError(self.log, self.shard, kept[0].position, "the chain does not hold")
        return kept

    async def _consume(self, events: Sequence[Recorded]) -> int:
        rows: list[tuple[Recorded, Row]] = []
        timers: list[DueTimer] = []
        parked: list[Parked] = []
        reached, count = self._seen or START, 0
        for recorded in events:
            if not await self._has_what_it_needs(recorded):
                break
            handled = await self._handle(recorded, parked)
            rows += [(recorded, row) for row in handled.rows]
            timers += handled.timers
            reached, count = Checkpoint(recorded.position, recorded.chain), count + 1
        if count:
            await self._apply(reached, rows, timers, parked)
        return count

    async def _handle(self, recorded: Recorded, parked: list[Parked]) -> Handled:
        """Handle one event, or park it: what cannot be applied stops its own stream, and nothing else."""
        if (recorded.tenant, recorded.stream) in self._parked:
            parked.append(await self._park(recorded, BEHIND))
            return Handled()
        try:
            return await self.consumer.handle(recorded)
        except OPERATING_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 whatever it is, it must not stop the other streams
            parked.append(await self._park(recorded, f"{type(error).__name__}: {error}"))
            self._parked.add((recorded.tenant, recorded.stream))
            return Handled()

    async def _park(self, recorded: Recorded, reason: str) -> Parked:
        return Parked(
            consumer=self.consumer.name,
            log=self.log,
            shard=self.shard,
            position=recorded.position,
            tenant=recorded.tenant,
            stream=recorded.stream,
            reason=reason[:2000],
            at=await self._store.now(),
        )

    async def _apply(
        self,
        reached: Checkpoint,
        rows: Sequence[tuple[Recorded, Row]],
        timers: Sequence[DueTimer],
        parked: Sequence[Parked],
    ) -> None:
        effect = Effect(
            consumer=self.consumer.name,
            log=self.log,
            shard=self.shard,
            seen=self._seen or START,
            reached=reached,
            rows=rows,
            timers=timers,
            parked=parked,
        )
        await reach(Failpoint.CONSUMER_BEFORE_CHECKPOINT)
        await self._reads.apply(effect)
        self._seen = reached
        await reach(Failpoint.CONSUMER_AFTER_APPLY)

    async def _settle(
        self, parked: Parked, rows: Sequence[tuple[Recorded, Row]], timers: Sequence[DueTimer]
    ) -> None:
        seen = await self._reads.checkpoint(self.consumer.name, self.log, self.shard)
        effect = Effect(
            consumer=self.consumer.name,
            log=self.log,
            shard=self.shard,
            seen=seen,
            reached=seen,
            rows=rows,
            timers=timers,
            unparked=(parked,),
        )
        await self._reads.apply(effect)

    async def _has_what_it_needs(self, recorded: Recorded) -> bool:
        if not recorded.meta.needs:
            return True
        for need in recorded.meta.needs:
            if need.log not in self.consumer.follows:
                continue
            if (need.log, need.shard) == (self.log, self.shard):
                continue
            reached = await self._reads.checkpoint(self.consumer.name, need.log, need.shard)
            if reached.position < need.position:
                return False
        return True
