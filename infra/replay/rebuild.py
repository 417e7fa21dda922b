"""One scan of the log feeds all read models that are being made anew; then each is compared, row by row.

A read model is made anew by the same consumer that keeps the live one (`infra.subscriptions`): holes, the
chain, quarantine and what an event needs are treated alike, and a crash in between costs one page.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec

from infra.consumers import ProjectionConsumer
from infra.event_store import Cut, EventStore, Recorded
from infra.failpoints import Failpoint, reach
from infra.ledger_past import LedgerPast
from infra.read_store import Parked
from infra.replay.asides import Aside, Asides, Difference, Kind, NoShadowError
from infra.service import Projection
from infra.subscriptions import Subscription
from schemas.catalog import LOGS

SIDE_BY_SIDE = 4
NEAR_EVENTS = 1000
"""So near to the head a shadow has caught up; what comes meanwhile is caught up when it is promoted."""

Progress = Callable[[int, int], None]
"""`progress(done, total)`: events looked at, of how many."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """How a read model compares with what the log says.

    Attributes:
        projection: its name.
        rows: how many rows were compared.
        differences: how many are not the same.
        first: the first of them.
        unapplied: events that the projection, as it is in this release, cannot apply.
        quarantined: events that the live read model lacks, because they wait in quarantine.
    """

    projection: str
    rows: int
    differences: int
    first: tuple[Difference, ...] = ()
    unapplied: tuple[Parked, ...] = ()
    quarantined: tuple[Parked, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the live read model is what the log says."""
        return not self.differences and not self.unapplied and not self.quarantined


def silent(done: int, total: int) -> None:
    """Tell nobody how far it is."""


class Replay:
    """The read models of one service, made anew: to be compared (`check`), or to replace the live ones."""

    def __init__(
        self,
        store: EventStore,
        asides: Asides,
        projections: Sequence[Projection],
        progress: Progress = silent,
    ) -> None:
        """Take where to read, where to put the rows, and what to make anew."""
        self._store, self._asides, self._projections = store, asides, tuple(projections)
        self._progress = progress

    async def check(self) -> list[Checked]:
        """Make the read models anew, compare them with the live ones, and throw them away."""
        asides = [await self._asides.make(projection, Kind.CHECK) for projection in self._projections]
        try:
            await self._pass(asides)
            return [
                await self._compared(live, aside)
                for live, aside in zip(self._projections, asides, strict=True)
            ]
        finally:
            for aside in asides:
                await aside.drop()

    async def shadow(self) -> int:
        """Make shadows where there are none, and bring all of them near the head; return how many events."""
        asides = [
            await self._asides.find(projection, Kind.SHADOW)
            or await self._asides.make(projection, Kind.SHADOW)
            for projection in self._projections
        ]
        count = moved = await self._pass(asides)
        while moved > NEAR_EVENTS:
            moved = await self._pass(asides)
            count += moved
        return count

    async def compare(self) -> list[Checked]:
        """Compare the shadows with the live read models.

        Raises:
            NoShadowError: there is none of one of them.
        """
        return [await self._compared(live, await self._shadow_of(live)) for live in self._projections]

    async def promote(self) -> None:
        """Put each shadow in the place of the live read model.

        Raises:
            NoShadowError: there is none of one of them; nothing was changed.
        """
        asides = [await self._shadow_of(projection) for projection in self._projections]
        await self._pass(asides)
        for aside in asides:
            await aside.promote(lambda aside=aside: self._pass([aside]))  # type: ignore[misc]

    async def abandon(self) -> None:
        """Remove the shadows; where there is none nothing happens."""
        for projection in self._projections:
            aside = await self._asides.find(projection, Kind.SHADOW)
            if aside is not None:
                await aside.drop()

    async def _shadow_of(self, projection: Projection) -> Aside:
        found = await self._asides.find(projection, Kind.SHADOW)
        if found is None:
            raise NoShadowError(f"{projection.name} has no shadow; make one: replay shadow")
        return found

    async def _compared(self, live: Projection, aside: Aside) -> Checked:
        positions: dict[tuple[str, int], int] = {}
        for log in live.follows:
            for shard in range(self._store.shards):
                there = await self._asides.checkpoint(live, log, shard)
                anew = await aside.reads.checkpoint(aside.projection.name, log, shard)
                positions[log, shard] = min(there.position, anew.position)
        cut = Cut(positions)
        found = await aside.differences(cut)
        parked = await self._asides.parked(live)
        return Checked(
            projection=live.name,
            rows=found.rows,
            differences=found.count,
            first=found.first,
            unapplied=tuple(await aside.reads.parked(aside.projection.name)),
            quarantined=tuple(one for one in parked if one.position <= cut.position(one.log, one.shard)),
        )

    async def _pass(self, asides: Sequence[Aside]) -> int:
        """Bring read models up to the heads as they are now; return how many events were taken."""
        lanes = [
            _Lane(self._store, log, shard, asides)
            for log in sorted({log for aside in asides for log in aside.projection.follows})
            for shard in range(self._store.shards)
        ]
        try:
            total = sum([await lane.open() for lane in lanes])
            done, moved = 0, -1
            while moved:
                moved = await self._round(lanes)
                done += moved
                self._progress(done, total)
            return done
        finally:
            for lane in lanes:
                await lane.close()

    async def _round(self, lanes: Sequence["_Lane"]) -> int:
        """Let every shard go on by a page, some at once; what waits for another shard is tried again."""
        gate = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(lane: _Lane) -> int:
            async with gate:
                return await lane.step()

        # all of them end before anything is let go of, also when one fails
        moved = await asyncio.gather(*map(one, lanes), return_exceptions=True)
        for failed in moved:
            if isinstance(failed, BaseException):
                raise failed
        return sum(count for count in moved if isinstance(count, int))


def _consumer(aside: Aside, store: EventStore) -> ProjectionConsumer:
    return ProjectionConsumer(aside.projection, LedgerPast(store, aside.reads, LOGS, {}, own=()))


class _Lane:
    """One shard of one log, read once for all read models that follow it."""

    def __init__(self, store: EventStore, log: str, shard: int, asides: Sequence[Aside]) -> None:
        self._store, self._log, self._shard = store, log, shard
        self._subscriptions = [
            Subscription(_consumer(aside, store), log, shard, store, aside.reads)
            for aside in asides
            if log in aside.projection.follows
        ]
        self._pages: AsyncIterator[Sequence[Recorded]] | None = None
        self._page: Sequence[Recorded] = ()

    async def open(self) -> int:
        """Find out where to begin; return how many events there are to take."""
        for subscription in self._subscriptions:
            await subscription.open()
        head = (await self._store.heads(self._log))[self._shard].position
        if head > self._reached:
            self._pages = self._store.scan(self._log, self._shard, self._reached, head)
        return max(0, head - self._reached)

    async def step(self) -> int:
        """Offer the present page, or the next one, to every read model; return how far the last has come."""
        if self._pages is None:
            return 0
        before = self._reached
        if not self._page or before >= self._page[-1].position:
            try:
                self._page = await anext(self._pages)
            except StopAsyncIteration:
                self._pages = None
                return 0
        for subscription in self._subscriptions:
            await subscription.offer(self._page)
        await reach(Failpoint.REBUILD_MID)
        return self._reached - before

    async def close(self) -> None:
        """Let go of the scan."""
        close: Callable[[], Awaitable[None]] | None = getattr(self._pages, "aclose", None)
        if close is not None:
            await close()

    @property
    def _reached(self) -> int:
        return min(subscription.position for subscription in self._subscriptions)
