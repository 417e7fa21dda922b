"""Rows for the bench of the log: built as the appender builds them, with real ids and leaves."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from infra.chain import leaf
from infra.codec import encode
from infra.event_store import Batch, DecidedOn, NewCommand, NewEvent
from infra.ids import event_ids
from schemas.message import Event, tag

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

    def __init__(self, streams: int = 50, *, random_ids: bool = False) -> None:
        """Start with empty streams. `random_ids`: of commands; otherwise they grow with time."""
        self._streams, self._random_ids = streams, random_ids
        self._versions: dict[str, int] = {}
        self._numbers, self._made = count(), count()

    def batches(self, number: int, commands: int, events: int) -> Iterator[Batch]:
        """Yield batches of so many commands of so many events."""
        for _ in range(number):
            streams = [f"meter-colossus/{next(self._numbers) % self._streams}" for _ in range(commands)]
            yield self._batch([[(stream, TYPE, PAYLOAD)] * events for stream in streams])

    def given(self, commands: Sequence[Sequence[tuple[str, Event]]]) -> Batch:
        """Return a batch whose commands bring about these events in these streams."""
        return self._batch(
            [
                [(stream, tag(type(one)), encode(one)) for stream, one in events]
                for events in commands
                if events
            ]
        )

    def _batch(self, commands: Sequence[Sequence[tuple[str, str, bytes]]]) -> Batch:
        before: dict[str, int] = {}
        made: list[NewCommand] = []
        for facts in commands:
            # ids that grow with time, as partners are told to make them
            first, *ids = event_ids(len(facts) + 1, AT + timedelta(milliseconds=next(self._made)))
            if self._random_ids:
                first = uuid4()
            events: list[NewEvent] = []
            for (stream, type_, payload), id_ in zip(facts, ids, strict=True):
                last = self._versions.get(stream, 0)
                before.setdefault(stream, last)
                self._versions[stream] = last + 1
                events.append(_event(stream, last + 1, id_, type_, payload))
            made.append(
                NewCommand(
                    tenant="acme", actor="acme", id=str(first), digest=first.bytes * 2, events=tuple(events)
                )
            )
        return Batch(tuple(made), tuple(DecidedOn("acme", *one) for one in before.items()))


def _event(stream: str, version: int, id_: UUID, type_: str, payload: bytes) -> NewEvent:
    named: dict[str, Any] = {
        "tenant": "acme",
        "counterparty": "buyer",
        "stream": stream,
        "version": version,
        "event_id": id_,
        "effective_at": AT,
        "payload": payload,
        "meta": META,
    }
    return NewEvent(**named, type=type_, leaf=leaf(**named, type_=type_))


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
