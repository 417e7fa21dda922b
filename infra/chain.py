"""The hash chain of a shard: what an event's leaf covers, and how one link follows from the one before.

A leaf covers everything about an event but its position and its time of recording, which only the store
knows. `infra/event_store/sql` computes the same chain; the conformance suite compares the two byte for byte.
"""

import struct
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


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
        tenant.encode(),
        b"" if counterparty is None else counterparty.encode(),
        stream.encode(),
        struct.pack(">q", version),
        event_id.bytes,
        type_.encode(),
        struct.pack(">q", microseconds(effective_at)),
        sha256(payload).digest(),
        sha256(meta).digest(),
    )
    return sha256(b"".join([struct.pack(">I", len(part)) + part for part in parts])).digest()


def link(previous: bytes, position: int, recorded_at: datetime, leaf_: bytes) -> bytes:
    """Return the next chain hash (32 bytes): sha256(previous ‖ position ‖ microseconds ‖ leaf)."""
    return sha256(previous + struct.pack(">qq", position, microseconds(recorded_at)) + leaf_).digest()
