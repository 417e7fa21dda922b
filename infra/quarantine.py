"""The quarantine of one service, as operations see it: looked at, applied again, discarded."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from infra.event_store import Recorded, StoreError
from infra.node import Node
from infra.read_store import CheckpointMovedError, Parked
from infra.subscriptions import Subscription
from schemas.decision import Origin

TRIES_MAX = 20

T = TypeVar("T")


class NotParkedError(StoreError):
    """There is no such event in quarantine, or an earlier one of its stream stands before it."""


class Quarantine:
    """What the consumers of a service could not apply, and what waits behind it.

    Works beside the running service: what it changes is moved by compare-and-set, like everything of a
    consumer, and tried again where the consumer has moved meanwhile.
    """

    def __init__(self, node: Node) -> None:
        """Take the service's node; its read models are prepared."""
        self._node = node

    async def list(self, consumer: str | None = None) -> Sequence[Parked]:
        """Return what is in quarantine, by consumer, log, shard and position."""
        return await self._node.reads.parked(consumer)

    async def find(self, consumer: str, place: Origin) -> tuple[Parked, Recorded]:
        """Return an event in quarantine, with the event as the log has it.

        Raises:
            NotParkedError: it is not there.
        """
        for parked in await self.list(consumer):
            if (parked.log, parked.shard, parked.position) == (place.log, place.shard, place.position):
                (recorded,) = await self._node.store.shard(place.log, place.shard, place.position - 1, 1)
                return parked, recorded
        raise NotParkedError(f"{consumer} has no event {_text(place)} in quarantine")

    async def retry(self, consumer: str, place: Origin | None = None) -> tuple[int, int]:
        """Apply one event again, or the first of every stream; what waits behind it follows by itself.

        Returns how many events were applied, and how many are left in quarantine for this consumer.

        Raises:
            NotParkedError: the event is not there, or not the first of its stream there.
        """
        before = await self.list(consumer)
        firsts = _firsts(before) if place is None else [await self._first(consumer, place)]
        for parked in firsts:
            subscription = self._subscription(consumer, parked)
            await _persistently(lambda s=subscription, p=parked: s.retry(p))  # type: ignore[misc]
            await self._heal(subscription)
        left = await self.list(consumer)
        return len(before) - len(left), len(left)

    async def discard(self, consumer: str, place: Origin) -> int:
        """Take an event out without its effect; return how many that waited behind it were applied.

        Raises:
            NotParkedError: the event is not there, or not the first of its stream there.
        """
        parked = await self._first(consumer, place)
        before = len(await self.list(consumer))
        subscription = self._subscription(consumer, parked)
        await _persistently(lambda: subscription.discard(parked))
        await self._heal(subscription)
        return before - 1 - len(await self.list(consumer))

    async def _heal(self, subscription: Subscription) -> None:
        await subscription.open()
        await _persistently(subscription.heal)

    async def _first(self, consumer: str, place: Origin) -> Parked:
        parked, _ = await self.find(consumer, place)
        (first,) = [one for one in _firsts(await self.list(consumer)) if _stream(one) == _stream(parked)]
        if first != parked:
            before = Origin(first.log, first.shard, first.position)
            raise NotParkedError(f"{_text(place)} waits behind {_text(before)}: settle that one first")
        return parked

    def _subscription(self, consumer: str, parked: Parked) -> Subscription:
        for one in self._node.consumers:
            if one.name == consumer:
                return Subscription(one, parked.log, parked.shard, self._node.store, self._node.reads)
        raise NotParkedError(f"this release has no consumer {consumer}")


def _firsts(parked: Sequence[Parked]) -> list[Parked]:
    """Return the first event of every stream; those behind it only wait for it."""
    found: dict[tuple[str, int, str, str], Parked] = {}
    for one in parked:
        found.setdefault(_stream(one), one)
    return list(found.values())


def _stream(parked: Parked) -> tuple[str, int, str, str]:
    return (parked.log, parked.shard, parked.tenant, parked.stream)


async def _persistently(do: Callable[[], Awaitable[T]]) -> T:
    """Do something again while a running consumer is faster.

    Raises:
        CheckpointMovedError: it always is.
    """
    for _ in range(TRIES_MAX - 1):
        try:
            return await do()
        except CheckpointMovedError:
            continue
    return await do()


def _text(place: Origin) -> str:
    return f"{place.log}/{place.shard}/{place.position}"
