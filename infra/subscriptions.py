"""One consumer's work on one shard: from where it is to the head, each event's effect exactly once.

The log is the truth and the topic its fast path, so there is one way in: events are offered in position
order, what is old is dropped, and a hole is filled from the log. A checkpoint moves by compare-and-set
together with the effect, so that a holder whose lease has passed to another can do no harm.
"""

from collections.abc import Sequence

from infra.consumers import Consumer, Handled
from infra.event_store import EventStore, OutcomeUnknownError, Recorded, StoreError, StoreUnavailableError
from infra.outcomes import QueueFullError
from infra.read_store import START, Checkpoint, CheckpointMovedError, DueTimer, Effect, Parked, ReadStore
from infra.service import Row

PAGE = 1000
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

    async def open(self) -> None:
        """Read the checkpoint and what is parked, and compare the chain with the store's.

        Raises:
            StoreRewoundError: the store does not hold what was consumed.
        """
        self._seen = await self._reads.checkpoint(self.consumer.name, self.log, self.shard)
        parked = await self._reads.parked(self.consumer.name)
        self._parked = {
            (one.tenant, one.stream) for one in parked if (one.log, one.shard) == (self.log, self.shard)
        }
        await self.compare()

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
        return await self._consume(fresh) if fresh else 0

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
            parked.append(await self._park(recorded, "waits behind an earlier event of its stream"))
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
        try:
            await self._reads.apply(effect)
        except CheckpointMovedError:
            self._seen = None
            raise
        self._seen = reached

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
