"""Proving a whole ledger: every shard, what is kept beside its events, its topic, and heads once given."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from infra.bus import Bus, Place
from infra.database import Database
from infra.event_store import EventStore, StoreCorruptError
from infra.event_store.postgres import verify as verify_in_sql
from infra.statements import statement
from infra.verify import Break, GivenHead, TopicVerified, Verified, verify_topic

BOOKS = ("streams", "commands", "last_command", "books")
_statement = partial(statement, Path(__file__).parent / "event_store" / "sql" / "books.sql")

Walk = Callable[[Place, GivenHead | None], AsyncIterator[Verified]]
"""`walk(place, given)`: looks one shard over, page by page; the last one tells how it ended."""

Tell = Callable[[Place, int], None]
"""`tell(place, position)`: a shard was found whole up to there."""


class ShardVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one shard. `position`: how far it was found whole; `broken`: the first break."""

    log: str
    shard: int
    position: int
    chain: bytes | None = None
    topic: TopicVerified | None = None
    broken: Break | None = None

    @property
    def first_break(self) -> Break | None:
        """The first thing that is wrong, in the log or else on its topic."""
        if self.broken is not None or self.topic is None:
            return self.broken
        return self.topic.broken


async def prove(
    store: EventStore,
    walk: Walk,
    logs: Sequence[str],
    *,
    bus: Bus | None = None,
    given: Mapping[Place, GivenHead] | None = None,
    tell: Tell = lambda _place, _position: None,
) -> AsyncIterator[ShardVerdict]:
    """Yield a verdict for each shard of some logs, one after the other.

    Args:
        store: the ledger's events.
        walk: how a shard is looked over, such as `in_postgres`.
        logs: which logs.
        bus: to compare the topics too, None to leave them out.
        given: heads that were kept elsewhere, such as a backup's or a receipt's.
        tell: is told of progress.

    Raises:
        StoreUnavailableError, BusError: something cannot be reached.
    """
    for log in logs:
        heads = await store.heads(log)
        for shard in range(store.shards):
            place = (log, shard)
            last = Verified(log=log, shard=shard, position=0)
            async for last in walk(place, (given or {}).get(place)):
                tell(place, last.position)
            topic = None
            if bus is not None and last.broken is None:
                topic = await verify_topic(store, bus, place)
            yield ShardVerdict(
                log=log,
                shard=shard,
                position=last.position,
                chain=heads[shard].chain,
                topic=topic,
                broken=last.broken,
            )


def in_postgres(database: Database, store: EventStore, *, books: bool) -> Walk:
    """Return a walk in the database. `books`: the role may also read what is kept beside the events."""

    async def walk(place: Place, given: GivenHead | None) -> AsyncIterator[Verified]:
        log, shard = place
        position = 0
        try:
            async for page in verify_in_sql(database, log, shard):
                position = page.position
                yield Verified(log=log, shard=shard, position=position)
        except StoreCorruptError as error:
            broken = Break(log=log, shard=shard, position=error.position, found=error.found)
            yield Verified(log=log, shard=shard, position=position, broken=broken)
            return
        found = await _given(store, place, given, position)
        if found is None and books:
            found = await _books(database, place)
        told = None if found is None else Break(log=log, shard=shard, position=position, found=found)
        yield Verified(log=log, shard=shard, position=position, broken=told)

    return walk


async def _given(store: EventStore, place: Place, given: GivenHead | None, position: int) -> str | None:
    """Return how a shard differs from a head that was kept."""
    if given is None or given.position == 0:
        return None
    if given.position > position:
        return f"shorter than the head given ({given.position})"
    (kept,) = await store.shard(*place, given.position - 1, 1)
    if kept.chain != given.chain:
        return f"the chain at position {given.position} is not that of the head given"
    return None


async def _books(database: Database, place: Place) -> str | None:
    log, shard = place
    async with database.reading() as connection:
        for name in BOOKS:
            found: str | None = await connection.fetchval(_statement(name, log=log), shard)
            if found is not None:
                return found
    return None
