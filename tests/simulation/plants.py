"""Faults planted on purpose: what a careless machinery would do. The checker must see every one of them."""

from collections.abc import Sequence

import msgspec

from infra.event_store import Appended, Batch, Conflict, Place, Recorded, Writer
from infra.event_store.memory import MemoryEventStore
from infra.live import LiveNode
from infra.read_store import Effect
from infra.read_store.memory import MemoryReadStore
from infra.relay import Relay
from tests.simulation.weather import Sky, StormyReads, StormyStore, StormyWriter
from tests.simulation.world import Ways


class CheckpointFirst(StormyReads):
    """Moves the checkpoint in one transaction, and adds the rows in the next."""

    async def apply(self, effect: Effect) -> None:
        bare = msgspec.structs.replace(effect, rows=(), timers=())
        await super().apply(bare)
        rows = msgspec.structs.replace(effect, seen=effect.reached)
        await MemoryReadStore.apply(self, rows)


class NoDedupe(StormyReads):
    """Applies whatever it is given, again and again: the checkpoint is not compared."""

    async def apply(self, effect: Effect) -> None:
        seen = await self.checkpoint(effect.consumer, effect.log, effect.shard)
        if effect.rows and self.sky.strikes(0.2):
            # what a reader that does not look at positions makes of a record that comes twice
            doubled = msgspec.structs.replace(effect, seen=seen, rows=[*effect.rows, effect.rows[-1]])
            await super().apply(doubled)
            return
        await super().apply(msgspec.structs.replace(effect, seen=seen))


class Skipping(Relay):
    """After an error it goes on with the next batch, as if the one before had arrived."""

    async def _send(self, publisher: object) -> int:
        events: Sequence[Recorded] = await self._feed.after(self.sent.position, self._store)
        try:
            return await super()._send(publisher)  # type: ignore[arg-type]
        except Exception:
            if events:
                self._lost = events[0].position
            raise

    async def _resume(self) -> None:
        await super()._resume()
        lost = getattr(self, "_lost", 0)
        if lost == self.sent.position + 1:
            kept = await self._store.shard(self._feed.log, self._feed.shard, lost - 1, 1)
            if kept:
                self.sent = msgspec.structs.replace(self.sent, position=lost, chain=kept[0].chain)


class SkippingNode(LiveNode):
    """A service whose relays skip."""

    def _relay_of(self, place: tuple[str, int]) -> Relay:
        return Skipping(self.feeds[place], self.store, self.node.reads, self._bus, self.publishers)


class _NotAsked(StormyWriter):
    """An append that knows some commands by another id than they have."""

    def __init__(self, writer: Writer, sky: Sky, refused_only: bool) -> None:
        super().__init__(writer, sky)
        self._refused_only = refused_only

    async def append(self, batch: Batch) -> Appended | Conflict:
        commands = tuple(
            msgspec.structs.replace(command, id=f"{command.id}#{self._sky.dice.random()}")
            if command.refused or not self._refused_only
            else command
            for command in batch.commands
        )
        return await super().append(msgspec.structs.replace(batch, commands=commands))


class NoIdempotency(StormyStore):
    """Keeps no command ids: a retry is a new command."""

    def writer(self, log: str, shard: int) -> Writer:
        return _NotAsked(MemoryEventStore.writer(self, log, shard), self.sky, refused_only=False)


class NoProbe(StormyStore):
    """Answers a refusal without looking whether the command was accepted before."""

    def writer(self, log: str, shard: int) -> Writer:
        return _NotAsked(MemoryEventStore.writer(self, log, shard), self.sky, refused_only=True)


class FalsePlaces(StormyStore):
    """Tells a retry that it was accepted, with a place of no event."""

    def writer(self, log: str, shard: int) -> Writer:
        return _Misplacing(MemoryEventStore.writer(self, log, shard), self.sky)


class _Misplacing(StormyWriter):
    async def append(self, batch: Batch) -> Appended | Conflict:
        answer = await super().append(batch)
        if isinstance(answer, Conflict):
            return answer
        places = tuple(
            Place(place.first, None if place.last is None else place.last + 1, place.recorded_at, place.known)
            for place in answer.places
        )
        return msgspec.structs.replace(answer, places=places)


PLANTS = {
    "checkpoint before effect": Ways(reads=CheckpointFirst),
    "relay that skips": Ways(node=SkippingNode),
    "append without idempotency": Ways(store=NoIdempotency),
    "consumer without dedupe": Ways(reads=NoDedupe),
    "rejection answered without a probe": Ways(store=NoProbe),
    "receipt of another place": Ways(store=FalsePlaces),
}
