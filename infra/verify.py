"""Proving a ledger: positions, versions, chain and times of its shards, its topics, and heads once given.

What is found first is named, with its place. The store's own check runs in the database where there is
one (`infra/event_store/postgres/verification.py`); this one needs nothing but the interface, and holds
for any store.
"""

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from infra.bus import Bus, Place
from infra.event_store import GENESIS, EventStore, Recorded, StreamName
from infra.records import follows


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """The first thing that is not as it must be in one shard."""

    log: str
    shard: int
    position: int
    found: str

    def __str__(self) -> str:
        """Return it as one readable line."""
        return f"{self.log} shard {self.shard} position {self.position}: {self.found}"


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """How far a shard has been looked at, and what was found wrong; None while all is well."""

    log: str
    shard: int
    position: int
    broken: Break | None = None


class GivenHead(msgspec.Struct, frozen=True):
    """A head that somebody kept, from a receipt or from an earlier verification."""

    position: int
    chain: bytes


class _Walk:
    """What the events of one shard must go on from."""

    def __init__(self, place: Place, given: GivenHead | None) -> None:
        self.place, self.given = place, given
        self.position, self.chain = 0, GENESIS
        self.versions: dict[StreamName, int] = {}
        self.last: Recorded | None = None

    def step(self, recorded: Recorded) -> Break | None:
        """Take one more event; return what is wrong with it."""
        name = StreamName(recorded.tenant, recorded.stream)
        version = self.versions.get(name, 0) + 1
        if recorded.position != self.position + 1:
            return self._broken(self.position + 1, f"the next position is {recorded.position}")
        if recorded.version != version:
            text = f"version {recorded.version} of {recorded.stream}, expected {version}"
            return self._broken(recorded.position, text)
        if self.last is not None and recorded.recorded_at < self.last.recorded_at:
            return self._broken(recorded.position, "recorded before its predecessor")
        if not follows(self.chain, recorded):
            return self._broken(recorded.position, "the chain does not hold")
        given = self.given
        if given is not None and given.position == recorded.position and given.chain != recorded.chain:
            return self._broken(recorded.position, "the chain is not that of the head given")
        self.versions[name] = version
        self.position, self.chain, self.last = recorded.position, recorded.chain, recorded
        return None

    def end(self) -> Break | None:
        """Return what is wrong with where the shard ends."""
        if self.given is not None and self.given.position > self.position:
            return self._broken(self.position, f"shorter than the head given ({self.given.position})")
        return None

    def _broken(self, position: int, found: str) -> Break:
        return Break(log=self.place[0], shard=self.place[1], position=position, found=found)


async def verify_shard(
    store: EventStore, place: Place, given: GivenHead | None = None
) -> AsyncIterator[Verified]:
    """Yield how far one shard has been verified, page by page; the last one tells how it ended."""
    log, shard = place
    walk = _Walk(place, given)
    async for page in store.scan(log, shard, 0):
        for recorded in page:
            broken = walk.step(recorded)
            if broken is not None:
                yield Verified(log=log, shard=shard, position=walk.position, broken=broken)
                return
        yield Verified(log=log, shard=shard, position=walk.position)
    yield Verified(log=log, shard=shard, position=walk.position, broken=walk.end())


class TopicVerified(msgspec.Struct, frozen=True, kw_only=True):
    """How a topic stands to its log: first and last position it holds, its repeats, and the first break."""

    log: str
    shard: int
    first: int
    last: int
    repeats: int
    broken: Break | None = None


async def verify_topic(store: EventStore, bus: Bus, place: Place) -> TopicVerified:
    """Compare everything a partition holds with the log, record by record.

    First occurrences must come in position order without a gap, from the first one that retention has
    left; a repeat may come at any time; each record must be the event that the log has at that position.
    """
    log, shard = place
    first = last = repeats = 0
    async for page in bus.scan(place):
        kept = await _events(store, place, page)
        for recorded in page:
            broken = None
            if last and recorded.position > last + 1:
                broken = f"the topic goes on from {last} with {recorded.position}"
            elif recorded.position not in kept:
                broken = "the topic holds an event that the log does not"
            elif kept[recorded.position] != recorded:
                broken = "the topic's event is not the log's"
            if broken is not None:
                found = Break(log=log, shard=shard, position=recorded.position, found=broken)
                return TopicVerified(
                    log=log, shard=shard, first=first, last=last, repeats=repeats, broken=found
                )
            repeats += recorded.position <= last
            first, last = first or recorded.position, max(last, recorded.position)
    return TopicVerified(log=log, shard=shard, first=first, last=last, repeats=repeats)


async def _events(store: EventStore, place: Place, page: Sequence[Recorded]) -> Mapping[int, Recorded]:
    """Return the log's events in the range of positions of a page of records."""
    positions = [recorded.position for recorded in page]
    found: dict[int, Recorded] = {}
    after, upto = min(positions) - 1, max(positions)
    while after < upto:
        events = await store.shard(*place, after, 1000)
        if not events:
            break
        found |= {recorded.position: recorded for recorded in events}
        after = events[-1].position
    return found
