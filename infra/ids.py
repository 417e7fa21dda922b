"""Event ids: UUIDs that sort by time (RFC 9562, version 7), each with its own random bits."""

import os
from datetime import datetime
from uuid import UUID

from infra.chain import microseconds

RANDOM_BYTES = 10


def event_ids(count: int, at: datetime) -> list[UUID]:
    """Return `count` fresh ids for events decided at `at`; one call to the operating system a batch."""
    milliseconds = microseconds(at) // 1000
    random = os.urandom(RANDOM_BYTES * count)
    found = []
    for index in range(count):
        bits = int.from_bytes(random[index * RANDOM_BYTES : (index + 1) * RANDOM_BYTES], "big")
        high, low = bits >> 68, bits & ((1 << 62) - 1)
        found.append(UUID(int=milliseconds << 80 | 0x7 << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | low))
    return found
