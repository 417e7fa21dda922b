"""Proving that nothing was lost, doubled or reordered, from what was acknowledged and what is there.

Works on the interfaces alone: the simulation and the tests on real servers are judged by the same proofs.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from infra.bus import Bus
from infra.event_store import EventStore, Recorded
from infra.outcomes import Accepted, Asked, Rejected, Result
from infra.read_store import ReadStore
from infra.service import Projection, Row, Rule
from infra.verify import verify_shard, verify_topic

RETRIES_AT_ONCE = 200


class Answered(msgspec.Struct, frozen=True):
    """A command and the answer that its sender kept in the end."""

    asked: Asked
    result: Result


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to look at.

    Attributes:
        store: of the ledger.
        bus: its topics.
        logs: its logs that are in play.
        answers: everything that senders were told.
        rule: of the commands sent.
        read_models: each projection with the store that keeps its rows.
        retry: sends a command once more.
    """

    store: EventStore
    bus: Bus
    logs: Sequence[str]
    answers: Sequence[Answered]
    rule: Rule
    read_models: Sequence[tuple[Projection, ReadStore]]
    retry: Callable[[Asked], Awaitable[Result]]


async def faults(evidence: Evidence) -> list[str]:
    """Return everything that is wrong, in words; nothing if all is well."""
    logs = {log: await _events(evidence.store, log) for log in evidence.logs}
    found = [*await _shards(evidence), *await _topics(evidence)]
    if found:
        return found
    return [
        *_answers(evidence, logs[evidence.rule.log]),
        *await _rows(evidence, logs),
        *await _retries(evidence),
    ]


async def _events(store: EventStore, log: str) -> list[Recorded]:
    return [
        recorded
        for shard in range(store.shards)
        async for page in store.scan(log, shard, 0)
        for recorded in page
    ]


async def _shards(evidence: Evidence) -> list[str]:
    """Positions, versions, chain and times of every shard."""
    found: list[str] = []
    for log in evidence.logs:
        for shard in range(evidence.store.shards):
            found += [
                str(verified.broken)
                async for verified in verify_shard(evidence.store, (log, shard))
                if verified.broken is not None
            ]
    return found


async def _topics(evidence: Evidence) -> list[str]:
    """Every event on its topic at least once, first occurrences in order, nothing else."""
    found: list[str] = []
    for log in evidence.logs:
        heads = await evidence.store.heads(log)
        for shard in range(evidence.store.shards):
            topic = await verify_topic(evidence.store, evidence.bus, (log, shard))
            if topic.broken is not None:
                found.append(str(topic.broken))
            elif topic.last != heads[shard].position or topic.first > 1:
                head = heads[shard].position
                found.append(
                    f"{log} shard {shard}: topic holds {topic.first} to {topic.last}, the log 1 to {head}"
                )
    return found


def _answers(evidence: Evidence, events: Sequence[Recorded]) -> list[str]:
    """Every accepted command in the store exactly once, where its receipt says; no refused one."""
    by_command: dict[tuple[str, str], list[Recorded]] = {}
    for recorded in events:
        by_command.setdefault((recorded.meta.actor, recorded.meta.command), []).append(recorded)
    found: list[str] = []
    for answered in evidence.answers:
        asked, result = answered.asked, answered.result
        kept = by_command.get((asked.actor, asked.id), [])
        places = [(recorded.shard, recorded.position) for recorded in kept]
        match result:
            case Accepted(place=place, shard=shard):
                first, last = place.first, place.last
                told = range(0) if first is None or last is None else range(first, last + 1)
                if places != [(shard, position) for position in told]:
                    found.append(f"{asked.id} was accepted at {list(told)}, the store has it at {places}")
            case Rejected():
                if places:
                    found.append(f"{asked.id} was refused, the store has it at {places}")
            case _:
                found.append(f"{asked.id} ended with {result}")
    return found


async def _rows(evidence: Evidence, logs: Mapping[str, Sequence[Recorded]]) -> list[str]:
    """Each event's rows in each read model exactly once."""
    found: list[str] = []
    for projection, reads in evidence.read_models:
        expected = Counter(
            _key(recorded.log, recorded.shard, recorded.position, row)
            for log in projection.follows
            for recorded in logs[log]
            for row in projection.project(recorded)
        )
        kept: Counter[tuple[str, int, int, str]] = Counter()
        for table in projection.tables:
            names = {column.name for column in table.columns}
            for row in await reads.rows(table.name, {}, None):
                values = {name: row[name] for name in names}
                kept[_key(row["log"], row["shard"], row["position"], Row(table.name, values))] += 1
        found += [
            f"{projection.name}: {expected[key]} expected, {kept[key]} there: {key}"
            for key in (expected | kept) - (expected & kept)
        ]
    return found


def _key(log: str, shard: int, position: int, row: Row) -> tuple[str, int, int, str]:
    return log, shard, position, f"{row.table} {sorted(row.values.items())}"


async def _retries(evidence: Evidence) -> list[str]:
    """The retry of what was accepted is answered as accepted, with its first place."""
    accepted = [one for one in evidence.answers if isinstance(one.result, Accepted)]
    found: list[str | None] = []
    for start in range(0, len(accepted), RETRIES_AT_ONCE):
        some = accepted[start : start + RETRIES_AT_ONCE]
        again = await asyncio.gather(*(evidence.retry(one.asked) for one in some))
        found += [_retried(one, result) for one, result in zip(some, again, strict=True)]
    return [text for text in found if text is not None]


def _retried(answered: Answered, again: Result) -> str | None:
    first = answered.result
    assert isinstance(first, Accepted), "only what was accepted is retried here"
    if not isinstance(again, Accepted) or not again.duplicate:
        return f"{answered.asked.id} was accepted, its retry was answered {again}"
    if (again.place.first, again.place.last) != (first.place.first, first.place.last):
        return f"{answered.asked.id}: its retry tells another place"
    return None
