"""A batch as the arguments of a log's `append`, and its one row of answer as an outcome."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import accumulate
from typing import Any, TypeVar

from infra.database import Row
from infra.event_store import (
    Appended,
    Batch,
    Conflict,
    Finding,
    Head,
    Known,
    NewEvent,
    Place,
    Reused,
    StreamName,
)

T = TypeVar("T")


def arguments(shard: int, batch: Batch) -> list[Any]:
    """Return the values of `append`'s parameters (see sql/append.sql), columns of equal length each.

    Events must follow the versions that their streams were decided on; every id may appear once in a batch.
    """
    commands, streams = batch.commands, batch.streams
    events = [event for command in commands for event in command.events]
    causes = [command.cause_recorded_at for command in commands]
    caused = any(causes)
    counts = [len(command.events) for command in commands]
    types = _numbered(event.type for event in events)
    instants = _numbered(event.effective_at for event in events)  # few, and slow to write
    added, numbers = _follow(batch, events)
    assert len({(c.tenant, c.actor, c.id) for c in commands}) == len(commands), (
        "of two equal ids the second waits"
    )
    return [
        shard,
        [command.tenant for command in commands],
        [command.actor for command in commands],
        [command.id for command in commands],
        [command.digest for command in commands],
        [command.refused for command in commands],
        counts,
        list(accumulate(counts)),
        causes if caused else None,
        [stream.tenant for stream in streams],
        [stream.stream for stream in streams],
        [stream.version for stream in streams],
        added,
        list(types),
        list(instants),
        numbers,
        [types[event.type] for event in events],
        *_columns(events, instants),
        [n for n, command in enumerate(commands, start=1) for _ in command.events] if caused else None,
    ]


def _numbered(values: Iterable[T]) -> dict[T, int]:
    """Return the values that occur, each with its number from 1."""
    return {value: number for number, value in enumerate(dict.fromkeys(values), start=1)}


def _columns(events: list[NewEvent], instants: Mapping[datetime, int]) -> list[Any]:
    return [
        [event.counterparty for event in events],
        [event.version for event in events],
        [event.event_id for event in events],
        [instants[event.effective_at] for event in events],
        [event.payload for event in events],
        [event.meta for event in events],
        [event.leaf for event in events],
    ]


def _follow(batch: Batch, events: list[NewEvent]) -> tuple[list[int], list[int]]:
    """Return how many events each stream gets, and the number (from 1) of each event's stream."""
    reached = [decided.version for decided in batch.streams]
    places = {(decided.tenant, decided.stream): n for n, decided in enumerate(batch.streams)}
    assert len(places) == len(reached), "a stream is decided on at one version"
    numbers: list[int] = []
    for event in events:
        place = places[event.tenant, event.stream]
        version = reached[place] + 1
        assert event.version == version, "the batch's versions follow its streams"
        reached[place] = version
        numbers.append(place + 1)
    added = [last - decided.version for last, decided in zip(reached, batch.streams, strict=True)]
    return added, numbers


def one(shard: int, batch: Batch) -> list[Any] | None:
    """Return the values of `append_one`'s parameters (see sql/append_one.sql), None if it is not for it."""
    if len(batch.commands) != 1 or len(batch.streams) != 1:
        return None
    (command,), (decided,) = batch.commands, batch.streams
    if command.refused or len(command.events) != 1:
        return None
    (event,) = command.events
    assert (event.tenant, event.stream) == (decided.tenant, decided.stream), "it was decided on"
    assert event.version == decided.version + 1, "the batch's versions follow its streams"
    return [
        shard,
        command.tenant,
        command.actor,
        command.id,
        command.digest,
        command.cause_recorded_at,
        event.stream,
        decided.version,
        event.type,
        event.counterparty,
        event.event_id,
        event.effective_at,
        event.payload,
        event.meta,
        event.leaf,
    ]


def outcome_of_one(row: Row) -> Appended:
    """Return what an answer of `append_one` says, if it has appended."""
    position: int = row["head_position"]
    at: datetime = row["head_recorded_at"]
    return Appended((Place(position, position, at),), Head(position, row["head_chain"], at))


def outcome(batch: Batch, row: Row) -> Appended | Conflict:
    """Return what an answer of `append` says."""
    findings = _findings(row)
    if not row["appended"]:
        numbers: list[int] = row["stale_numbers"] or []
        actual: list[int] = row["stale_versions"] or []
        stale = [batch.streams[number - 1] for number in numbers]
        names = [StreamName(decided.tenant, decided.stream) for decided in stale]
        return Conflict(
            tuple(findings.get(number) for number in range(1, len(batch.commands) + 1)),
            dict(zip(names, actual, strict=True)),
        )
    head = Head(row["head_position"], row["head_chain"], row["head_recorded_at"])
    return Appended(_places(batch, row, findings), head)


def _findings(row: Row) -> dict[int, Finding]:
    """Return what was found of commands, by their number from 1."""
    if row["found_numbers"] is None:
        return {}
    columns = (row["found_same"], row["found_first"], row["found_last"], row["found_recorded_at"])
    return {
        number: Known(Place(first, last, at, known=True)) if same else Reused()
        for number, same, first, last, at in zip(row["found_numbers"], *columns, strict=True)
    }


def _places(batch: Batch, row: Row, findings: dict[int, Finding]) -> tuple[Place, ...]:
    position: int = row["base"]
    at: datetime = row["recorded_at"]
    recorded: list[datetime] | None = row["recorded"]
    places: list[Place] = []
    for number, command in enumerate(batch.commands, start=1):
        found = findings.get(number)
        if isinstance(found, Known):
            places.append(found.place)
            continue
        first, position = position + 1, position + len(command.events)
        when = at if recorded is None else recorded[number - 1]
        places.append(Place(first, position, when) if command.events else Place(None, None, when))
    return tuple(places)
