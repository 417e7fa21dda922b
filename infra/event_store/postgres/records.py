"""Rows of a log's `event` table as recorded events."""

from collections.abc import Sequence

from infra.database import Row
from infra.event_store import Recorded, StoreCorruptError


def records(log: str, shard: int, rows: Sequence[Row]) -> list[Recorded]:
    """Return rows of the statements `shard` and `stream` as recorded events."""
    return [
        Recorded(
            log=log,
            shard=shard,
            position=position,
            tenant=tenant,
            counterparty=counterparty,
            stream=stream,
            version=version,
            event_id=event_id,
            type=type_,
            effective_at=effective_at,
            recorded_at=recorded_at,
            payload=payload,
            meta_bytes=meta,
            chain=chain,
        )
        for (
            position,
            tenant,
            counterparty,
            stream,
            version,
            event_id,
            type_,
            effective_at,
            recorded_at,
            payload,
            meta,
            chain,
        ) in rows
    ]


def require_no_gap(log: str, shard: int, after: int, found: Sequence[Recorded]) -> None:
    """Check that a page goes on right after position `after`, and by one each time.

    Raises:
        StoreCorruptError: it does not; names the first position that is missing.
    """
    if not found or found[-1].position == after + len(found):
        return  # ordered and unique, so nothing is missing in between
    for expected, recorded in enumerate(found, start=after + 1):
        if recorded.position != expected:
            raise StoreCorruptError(log, shard, expected, f"the next position is {recorded.position}")
