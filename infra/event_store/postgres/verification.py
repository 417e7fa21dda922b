"""Looking a shard over in SQL: positions, times, chain, and the versions of its streams, page by page."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

import msgspec

from infra.database import Database, Row
from infra.event_store import GENESIS, StoreCorruptError
from infra.event_store.postgres.statements import statement

PAGE_EVENTS = 20_000
SIDE_BY_SIDE = 2


class Verified(msgspec.Struct, frozen=True):
    """How far a shard was found whole: the last position looked at, its chain hash, and where the head is."""

    position: int
    chain: bytes
    head: int


async def verify(
    database: Database, log: str, shard: int, page_events: int = PAGE_EVENTS, side_by_side: int = SIDE_BY_SIDE
) -> AsyncIterator[Verified]:
    """Yield after each page of a shard; returns when its head is reached and agrees.

    Pages are looked over side by side, on a connection each, and reported in order.

    Raises:
        StoreCorruptError: names the first break.
    """
    head = await _head(database, log, shard)
    starts = range(0, head["position"], page_events)
    pages: deque[asyncio.Task[Row]] = deque()
    chain = GENESIS
    versions: dict[tuple[str, str], int] = {}
    try:
        for number, start in enumerate(starts):
            for ahead in starts[number + len(pages) : number + side_by_side]:
                last = min(ahead + page_events, head["position"])
                pages.append(asyncio.create_task(_page(database, log, shard, ahead, last)))
            page, last = await pages.popleft(), min(start + page_events, head["position"])
            _require_whole(log, shard, start, last, page)
            _fit(log, shard, last, versions, list(zip(*(page[name] for name in STREAMS), strict=True)))
            chain = page["chain"]
            yield Verified(last, chain, head["position"])
    finally:
        await _drop(pages)
    if chain != head["chain"]:
        raise StoreCorruptError(log, shard, head["position"], "the head's chain is another")


async def _head(database: Database, log: str, shard: int) -> Row:
    async with database.reading() as connection:
        heads = await connection.fetch(statement("heads", log))
    return next(row for row in heads if row["shard"] == shard)


async def _page(database: Database, log: str, shard: int, after: int, last: int) -> Row:
    async with database.reading() as connection:
        row = await connection.fetchrow(statement("verify", log), shard, after, last)
    assert row is not None, "verify returns one row"
    return row


async def _drop(pages: Sequence[asyncio.Task[Row]]) -> None:
    """End what is still under way when nobody needs it any more."""
    for page in pages:
        page.cancel()
    if pages:
        await asyncio.wait(pages)


def _require_whole(log: str, shard: int, after: int, last: int, page: Row) -> None:
    if page["broken_at"] is not None:
        raise StoreCorruptError(log, shard, page["broken_at"], page["fault"])
    if page["events"] != last - after:
        raise StoreCorruptError(log, shard, after + (page["events"] or 0) + 1, "missing at the end")


STREAMS = ("tenants", "streams", "firsts", "lasts")


def _fit(
    log: str,
    shard: int,
    position: int,
    versions: dict[tuple[str, str], int],
    page: list[tuple[str, str, int, int]],
) -> None:
    """Check that the versions of each stream go on where the page before left them."""
    for tenant, stream, first, last in page:
        before = versions.get((tenant, stream), 0)
        if first != before + 1 or last < first:
            found = f"versions of a stream are not 1..n, near version {before + 1} on the page that ends here"
            raise StoreCorruptError(log, shard, position, found)
        versions[tenant, stream] = last
