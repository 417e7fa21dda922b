"""Events as a party may see them: read in one order over all logs, filtered where they lie."""

from collections.abc import Sequence
from typing import Protocol

from infra.event_store import Cut, EventStore, Recorded
from schemas.visibility import sees

PAGE = 1000


class PartyShards(Protocol):
    """Reads one shard as one party. The adapter of PostgreSQL stands behind row security."""

    async def shard(
        self, log: str, shard: int, party: str, after: int, up_to: int | None = None, limit: int = PAGE
    ) -> Sequence[Recorded]:
        """Return the next events of a shard that `party` may see, positions `after` < p <= `up_to`."""
        ...


class StorePartyShards:
    """Reads everything and drops what may not be seen: right on any store, quick on small ones."""

    def __init__(self, store: EventStore) -> None:
        """Take the store."""
        self._store = store

    async def shard(
        self, log: str, shard: int, party: str, after: int, up_to: int | None = None, limit: int = PAGE
    ) -> Sequence[Recorded]:
        """See `PartyShards.shard`."""
        found: list[Recorded] = []
        while len(found) < limit and (up_to is None or after < up_to):
            page = await self._store.shard(log, shard, after, PAGE)
            page = [recorded for recorded in page if up_to is None or recorded.position <= up_to]
            if not page:
                break
            found += [one for one in page if sees(party, one.tenant, one.counterparty, one.stream)]
            after = page[-1].position
        return found[:limit]


class PartyEvents:
    """The events of one ledger, for readers who may see some of them or all."""

    def __init__(self, store: EventStore, shards: PartyShards | None = None) -> None:
        """Take the store, and what reads it as a party (None: whole shards are read and filtered)."""
        self._store = store
        self._shards = StorePartyShards(store) if shards is None else shards

    async def events(
        self, reader: str | None, about: str | None, logs: Sequence[str], after: Cut, up_to: Cut, limit: int
    ) -> Sequence[Recorded]:
        """Return the next events, at most `limit`, by (recorded_at, log, shard, position).

        That is position order within each shard: `after`, moved to the last event returned of each shard,
        goes on where this ended.

        Args:
            reader: the tenant whose eyes these are, None for operations, who see everything.
            about: only events that this tenant may see too, None for all.
            logs: the logs to read.
            after: where to begin, exclusive.
            up_to: where to end, inclusive.
            limit: how many at most.
        """
        found: list[Recorded] = []
        for log in logs:
            for shard in range(self._store.shards):
                start, end = after.position(log, shard), up_to.position(log, shard)
                if start < end:
                    found += await self._of_shard((reader, about), log, shard, start, end, limit)
        return sorted(found, key=order)[:limit]

    async def _of_shard(
        self, eyes: tuple[str | None, str | None], log: str, shard: int, after: int, up_to: int, limit: int
    ) -> Sequence[Recorded]:
        reader, about = eyes
        first = reader if reader is not None else about
        found: list[Recorded] = []
        while len(found) < limit and after < up_to:
            if first is None:
                page = await self._store.shard(log, shard, after, min(PAGE, up_to - after))
            else:
                page = await self._shards.shard(log, shard, first, after, up_to, PAGE)
            if not page:
                break
            found += [one for one in page if about is None or _about(about, one)]
            after = page[-1].position
        return found[:limit]


def order(recorded: Recorded) -> tuple[object, ...]:
    """Return what a history is sorted by."""
    return (recorded.recorded_at, recorded.log, recorded.shard, recorded.position)


def moved(after: Cut, events: Sequence[Recorded]) -> Cut:
    """Return `after` moved over some events."""
    positions = dict(after.positions)
    for recorded in events:
        positions[recorded.log, recorded.shard] = recorded.position
    return Cut(positions)


def _about(party: str, recorded: Recorded) -> bool:
    return sees(party, recorded.tenant, recorded.counterparty, recorded.stream)
