"""Looking a shard over in SQL: positions, times, chain, and the versions of its streams, page by page."""

from collections.abc import AsyncIterator

import msgspec

from infra.database import Database
from infra.event_store import GENESIS, StoreCorruptError
from infra.event_store.postgres.statements import statement

PAGE_EVENTS = 20_000


class Verified(msgspec.Struct, frozen=True):
    """How far a shard was found whole: the last position looked at, its chain hash, and where the head is."""

    position: int
    chain: bytes
    head: int


async def verify(
    database: Database, log: str, shard: int, page_events: int = PAGE_EVENTS
) -> AsyncIterator[Verified]:
    """Yield after each page of a shard; returns when its head is reached and agrees.

    Raises:
        StoreCorruptError: names the first break.
    """
    async with database.reading() as connection:
        heads = await connection.fetch(statement("heads", log))
    head = next(row for row in heads if row["shard"] == shard)
    position, chain = 0, GENESIS
    versions: dict[tuple[str, str], int] = {}
    while position < head["position"]:
        last = min(position + page_events, head["position"])
        async with database.reading() as connection:
            page = await connection.fetchrow(statement("verify", log), shard, position, last, chain)
        assert page is not None, "verify returns one row"
        if page["broken_at"] is not None:
            raise StoreCorruptError(log, shard, page["broken_at"], page["fault"])
        if page["events"] != last - position:
            raise StoreCorruptError(log, shard, position + (page["events"] or 0) + 1, "missing at the end")
        _fit(log, shard, last, versions, list(zip(*(page[name] for name in STREAMS), strict=True)))
        position, chain = last, page["chain"]
        yield Verified(position, chain, head["position"])
    if chain != head["chain"]:
        raise StoreCorruptError(log, shard, position, "the head's chain is another")


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
