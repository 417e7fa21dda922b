"""Bringing back what a log has lost: its topic holds the tail whole, payload, headers and chain.

Used after an older backup was restored, before the log opens for writing. Every event is checked against
the chain before it is put back, so that what comes back is what was there.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from infra.bus import Bus, Place, TopicEnd
from infra.event_store import EventStore, Head, Recorded, StoreError
from infra.records import follows
from infra.verify import Break
from schemas.decision import Origin

Tell = Callable[[Place, int, int], None]
"""`tell(place, position, last)`: a shard was brought back up to a position, of where its topic ends."""


class BookMovedError(StoreError):
    """A book whose events come back has been placed in another shard meanwhile: the log was written to."""


class Tail(Protocol):
    """Where lost events are put back: a store opened by an administrator, who may do what no service may."""

    async def put_back(
        self, log: str, shard: int, head: Head, events: Sequence[Recorded], commands: Sequence["Brought"]
    ) -> None:
        """Append events as they were recorded, all of them or none, where `head` is the shard's head still.

        Raises:
            StoreError: it is not; or a book was placed elsewhere.
        """
        ...


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted command as its events tell of it: a retry is answered as accepted again."""

    tenant: str
    actor: str
    id: str
    first: int
    last: int
    recorded_at: datetime


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one shard.

    Attributes:
        before: its last position before.
        after: its last position now; `recovered` events came back.
        broken: why it cannot be opened, None if it can.
        dangling: places of causes that are lost: their effects came back, they did not.
    """

    log: str
    shard: int
    before: int
    after: int
    broken: Break | None = None
    dangling: tuple[Origin, ...] = ()

    @property
    def recovered(self) -> int:
        """How many events came back."""
        return self.after - self.before


async def recover(
    store: EventStore, tail: Tail, bus: Bus, logs: Sequence[str], tell: Tell
) -> list[Recovered]:
    """Bring back, for every shard of some logs, what its topic holds beyond it.

    Raises:
        StoreError, BusError: something cannot be reached; what came back stays, and it can be done again.
    """
    places = [(log, shard) for log in logs for shard in range(store.shards)]
    ends = await bus.ends(places)
    found = [await _shard(store, tail, bus, place, ends[place], tell) for place in places]
    heads = {log: await store.heads(log) for log in logs}
    return [msgspec.structs.replace(one, dangling=await _dangling(store, one, heads)) for one in found]


async def _shard(
    store: EventStore, tail: Tail, bus: Bus, place: Place, end: TopicEnd, tell: Tell
) -> Recovered:
    head = (await store.heads(place[0]))[place[1]]
    found = Recovered(log=place[0], shard=place[1], before=head.position, after=head.position)
    fault = await _differs(store, place, head, end)
    if fault is not None:
        return _broken(found, *fault)
    if end.last is None or end.last.position <= head.position:
        return found
    async for missing in _missing(bus, place, head):
        if isinstance(missing, Break):
            return msgspec.structs.replace(found, after=head.position, broken=missing)
        await tail.put_back(*place, head, missing, _commands(missing))
        last = missing[-1]
        head = Head(last.position, last.chain, last.recorded_at)
        tell(place, head.position, end.last.position)
    return msgspec.structs.replace(found, after=head.position)


async def _differs(store: EventStore, place: Place, head: Head, end: TopicEnd) -> tuple[int, str] | None:
    """Return where a shard and its topic are known to differ, before anything is put back."""
    if end.last is None or end.last.position > head.position:
        return None
    (kept,) = await store.shard(*place, end.last.position - 1, 1)
    if kept.chain == end.last.chain:
        return None
    return end.last.position, "the log has gone on otherwise than its topic"


async def _missing(bus: Bus, place: Place, head: Head) -> AsyncIterator[list[Recorded] | Break]:
    """Yield what a topic holds beyond a head, page by page, or where it does not go on from it."""
    position, chain = head.position, head.chain
    async for page in bus.scan(place):
        fresh: list[Recorded] = []
        for recorded in page:
            if recorded.position == head.position and recorded.chain != head.chain:
                yield _break(place, head.position, "the log has gone on otherwise than its topic")
                return
            if recorded.position <= position:
                continue
            if recorded.position > position + 1:
                gone = f"{position + 1} to {recorded.position - 1} are no longer on the topic"
                yield _break(place, position + 1, gone)
                return
            if not follows(chain, recorded):
                yield _break(place, recorded.position, "the topic's event does not go on from the log")
                return
            fresh.append(recorded)
            position, chain = recorded.position, recorded.chain
        if fresh:
            yield fresh


async def _dangling(
    store: EventStore, one: Recovered, heads: Mapping[str, Mapping[int, Head]]
) -> tuple[Origin, ...]:
    """Return the causes of events that came back which lie beyond what their own logs hold."""
    found: set[Origin] = set()
    if one.recovered:
        async for page in store.scan(one.log, one.shard, one.before, one.after):
            for recorded in page:
                causes = [recorded.meta.causation, *recorded.meta.needs]
                found |= {cause for cause in causes if cause is not None and _beyond(cause, heads)}
    return tuple(sorted(found))


def _beyond(cause: Origin, heads: Mapping[str, Mapping[int, Head]]) -> bool:
    head = heads.get(cause.log, {}).get(cause.shard)
    return head is not None and cause.position > head.position


def _commands(events: Sequence[Recorded]) -> list[Brought]:
    """Return the commands that brought some events about, in order."""
    found: list[Brought] = []
    for recorded in events:
        meta, last = recorded.meta, found[-1] if found else None
        key = (recorded.tenant, meta.actor, meta.command)
        if last is not None and (last.tenant, last.actor, last.id) == key:
            found[-1] = msgspec.structs.replace(last, last=recorded.position)
        else:
            found.append(
                Brought(
                    tenant=recorded.tenant,
                    actor=meta.actor,
                    id=meta.command,
                    first=recorded.position,
                    last=recorded.position,
                    recorded_at=recorded.recorded_at,
                )
            )
    return found


def _break(place: Place, position: int, found: str) -> Break:
    return Break(log=place[0], shard=place[1], position=position, found=found)


def _broken(one: Recovered, position: int, found: str) -> Recovered:
    return msgspec.structs.replace(one, broken=_break((one.log, one.shard), position, found))
