"""Rows for the bench of the log: built as the appender builds them, with real ids and leaves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from infra.chain import leaf
from infra.event_store import Batch, DecidedOn, NewCommand, NewEvent
from infra.ids import event_ids

AT = datetime(2026, 6, 1, tzinfo=UTC)
TYPE = "bench.Noted.v1"
TEXT = "x" * 296
PAYLOAD = b'{"type":"bench.Noted.v1","text":"' + TEXT.encode() + b'"}'
META = b'{"actor":"acme","command":"01980000-0000-7000-8000-000000000000"}'
COLUMNS = (
    "position",
    "version",
    "effective_at",
    "recorded_at",
    "event_id",
    "shard",
    "tenant",
    "counterparty",
    "stream",
    "type",
    "payload",
    "meta",
    "chain",
)


class Rows:
    """Makes batches whose commands go round the streams of one book."""

    def __init__(self, streams: int = 50) -> None:
        """Start with empty streams."""
        self._streams = streams
        self._versions: dict[str, int] = {}
        self._numbers = count()

    def batches(self, number: int, commands: int, events: int) -> Iterator[Batch]:
        """Yield batches of so many commands of so many events."""
        for _ in range(number):
            before: dict[str, int] = {}
            made: list[NewCommand] = []
            for _ in range(commands):
                number = next(self._numbers)
                stream = f"meter-colossus/{number % self._streams}"
                last = self._versions.get(stream, 0)
                before.setdefault(stream, last)
                self._versions[stream] = last + events
                made.append(_command(number, stream, range(last + 1, last + events + 1)))
            yield Batch(tuple(made), tuple(DecidedOn("acme", *one) for one in before.items()))


def _command(number: int, stream: str, versions: range) -> NewCommand:
    # ids that grow with time, as partners are told to make them
    first, *ids = event_ids(len(versions) + 1, AT + timedelta(milliseconds=number))
    events = tuple(_event(stream, version, id_) for version, id_ in zip(versions, ids, strict=True))
    return NewCommand(tenant="acme", actor="acme", id=str(first), digest=first.bytes * 2, events=events)


def _event(stream: str, version: int, id_: UUID) -> NewEvent:
    named: dict[str, Any] = {
        "tenant": "acme",
        "counterparty": "buyer",
        "stream": stream,
        "version": version,
        "event_id": id_,
        "effective_at": AT,
        "payload": PAYLOAD,
        "meta": META,
    }
    return NewEvent(**named, type=TYPE, leaf=leaf(**named, type_=TYPE))


def row(position: int, event: NewEvent) -> tuple[Any, ...]:
    """Return an event as a row with `COLUMNS`."""
    return (
        position,
        event.version,
        event.effective_at,
        AT,
        event.event_id,
        0,
        event.tenant,
        event.counterparty,
        event.stream,
        event.type,
        event.payload,
        event.meta,
        event.leaf,
    )
