"""The hash chain of a shard: what an event's leaf covers, and how one link follows from the one before.

A leaf covers everything about an event but its position and its time of recording, which only the store
knows. `infra/event_store/sql` computes the same chain; the conformance suite compares the two byte for byte.
"""

import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# Every part of a leaf has its length before it.
LENGTH = struct.Struct(">I")
VERSION_AND_ID = struct.Struct(">Iq I16s")
INSTANT_AND_HASHES = struct.Struct(">Iq I32s I32s")
PLACE = struct.Struct(">qq")
NAMES_KEPT_MAX = 10_000


def microseconds(instant: datetime) -> int:
    """Return whole microseconds since 1970-01-01T00:00:00Z."""
    return (instant - EPOCH) // MICROSECOND


def leaf(  # noqa: PLR0913 the parts of the hash, all of them by name
    *,
    tenant: str,
    counterparty: str | None,
    stream: str,
    version: int,
    event_id: UUID,
    type_: str,
    effective_at: datetime,
    payload: bytes,
    meta: bytes,
) -> bytes:
    """Return the hash (32 bytes) of one event, without position and time: sha256 over its parts."""
    parts = (
        _named(tenant),
        _named(counterparty or ""),
        _named(stream),
        VERSION_AND_ID.pack(8, version, 16, event_id.bytes),
        _named(type_),
        INSTANT_AND_HASHES.pack(
            8, microseconds(effective_at), 32, sha256(payload).digest(), 32, sha256(meta).digest()
        ),
    )
    return sha256(b"".join(parts)).digest()


@lru_cache(maxsize=NAMES_KEPT_MAX)
def _named(name: str) -> bytes:
    """Return a name as a part of a leaf; names come again and again."""
    part = name.encode()
    return LENGTH.pack(len(part)) + part


def link(previous: bytes, position: int, recorded_at: datetime, leaf_: bytes) -> bytes:
    """Return the next chain hash (32 bytes): sha256(previous ‖ position ‖ microseconds ‖ leaf)."""
    return sha256(previous + PLACE.pack(position, microseconds(recorded_at)) + leaf_).digest()
