"""All events of a shard, for rebuilds: COPY BINARY, page by page, parsed from the buffer.

Columns of fixed size come first, the lengths of the others among them, so that one unpack takes most of it;
names and instants, which repeat, are decoded once a page. No transaction stays open from page to page.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct

from infra.database import POSITION_MAX, Database, Uuid
from infra.event_store import Recorded
from infra.event_store.postgres.records import require_no_gap
from infra.event_store.postgres.statements import statement

PAGE_EVENTS = 4000
HEADER_BYTES, TRAILER_BYTES = 19, 2
# The number of columns, then for each its length (skipped here) and its value.
FIXED = Struct(">2x 4xq 4xq 4xq 4xq 4xi 4xi 4xi 4xi 4xi 4xi 4x16s 4x32s")
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


async def scan(
    database: Database, log: str, shard: int, after: int, up_to: int | None
) -> AsyncIterator[Sequence[Recorded]]:
    """Yield pages of at most `PAGE_EVENTS` events, each going on right after the one before.

    The next page is on its way while one is parsed and used.

    Raises:
        StoreCorruptError: a position is missing.
    """
    end = POSITION_MAX if up_to is None else up_to
    coming = asyncio.create_task(_copy(database, log, shard, after, end))
    try:
        while page := parse(log, shard, await coming):
            require_no_gap(log, shard, after, page)
            after = page[-1].position
            coming = asyncio.create_task(_copy(database, log, shard, after, end))
            await asyncio.sleep(0)  # let it send its query before this page takes the processor
            yield page
    finally:
        coming.cancel()
        await asyncio.wait([coming])


async def _copy(database: Database, log: str, shard: int, after: int, end: int) -> bytes:
    """Return one page as COPY BINARY sends it."""
    chunks: list[bytes] = []

    async def keep(chunk: bytes) -> None:
        chunks.append(chunk)

    query, last = statement("scan", log), min(after + PAGE_EVENTS, end)
    async with database.reading() as connection:
        await connection.copy_from_query(query, shard, after, last, output=keep, format="binary")
    return b"".join(chunks)


def parse(log: str, shard: int, data: bytes) -> list[Recorded]:
    """Return the events that one COPY BINARY of the statement `scan` holds."""
    found: list[Recorded] = []
    names: dict[bytes, str] = {}
    instants: dict[int, datetime] = {}
    at, end = HEADER_BYTES, len(data) - TRAILER_BYTES
    unpack, size = FIXED.unpack_from, FIXED.size + 4
    while at < end:
        position, version, effective, recorded, n1, n2, n3, n4, n5, n6, event_id, chain = unpack(data, at)
        tenant_at = at + size
        stream_at = tenant_at + n1 + 4
        type_at = stream_at + n2 + 4
        payload_at = type_at + n3 + 4
        meta_at = payload_at + n4 + 4
        party_at = meta_at + n5 + 4
        at = party_at + (max(0, n6))
        tenant, stream, type_ = (
            data[tenant_at : stream_at - 4],
            data[stream_at : type_at - 4],
            data[type_at : payload_at - 4],
        )
        found.append(
            Recorded(
                log=log,
                shard=shard,
                position=position,
                tenant=names.get(tenant) or names.setdefault(tenant, tenant.decode()),
                counterparty=data[party_at:at].decode() if n6 >= 0 else None,
                stream=names.get(stream) or names.setdefault(stream, stream.decode()),
                version=version,
                event_id=Uuid(event_id),
                type=names.get(type_) or names.setdefault(type_, type_.decode()),
                effective_at=instants.get(effective) or instants.setdefault(effective, _instant(effective)),
                recorded_at=instants.get(recorded) or instants.setdefault(recorded, _instant(recorded)),
                payload=data[payload_at : meta_at - 4],
                meta_bytes=data[meta_at : party_at - 4],
                chain=chain,
            )
        )
    return found


def _instant(microseconds: int) -> datetime:
    """Return PostgreSQL's microseconds since 2000-01-01 as an instant."""
    return EPOCH + timedelta(microseconds=microseconds)
