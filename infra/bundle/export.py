"""Making a bundle: one scan of the shards concerned."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from infra.bundle.format import Header, OtherLeaf, Sealed, Writer, other_leaf, sealed
from infra.codec import encode
from infra.event_store import GENESIS, Cut, EventStore, Recorded, StoreError
from infra.node import Ledger
from infra.service import Service
from schemas.catalog import LOGS, events_by_tag
from schemas.export import schema
from schemas.visibility import sees

Progress = Callable[[int, int], None]


class NothingSelectedError(StoreError):
    """There is nothing to put into a bundle."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into a bundle.

    Attributes:
        tenant: whose events: all that it may see, in any book.
        stream: only this stream of its book, which lies in `log`.
        leaves: put in the leaves of all other events too, so that the chain holds without a gap.
    """

    tenant: str
    log: str | None = None
    stream: str | None = None
    leaves: bool = False

    def holds(self, recorded: Recorded) -> bool:
        """Say whether an event is one of those selected."""
        if self.stream is not None:
            return (recorded.log, recorded.tenant, recorded.stream) == (self.log, self.tenant, self.stream)
        return sees(self.tenant, recorded.tenant, recorded.counterparty, recorded.stream)


async def export(
    store: EventStore,
    ledger: Ledger,
    services: Iterable[Service],
    selection: Selection,
    cut: Cut,
    path: Path,
    progress: Progress,
) -> Header:
    """Write the selected events up to a cut into a file; return its header.

    The events are read twice, for the header lists their types. The same cut gives the same bytes.

    Raises:
        NothingSelectedError: there are no such events.
    """
    places = await _places(store, selection)
    total, done = 2 * sum(cut.position(*place) for place in places), 0
    types: set[str] = set()
    async for page in _pages(store, places, cut):
        types |= {recorded.type for recorded, _ in page if selection.holds(recorded)}
        progress(done := done + len(page), total)
    if not types:
        raise NothingSelectedError(f"there are no events of {selection.stream or selection.tenant}")
    header = Header(
        ledger=ledger.name,
        mode=ledger.mode,
        shards=ledger.shards,
        made_at=await store.now(),
        heads={f"{log}/{shard}": cut.position(log, shard) for log, shard in places},
        types={type_: schema_hash(type_) for type_ in sorted(types)},
        states=states_of(services),
        **msgspec.structs.asdict(selection),
    )
    with Writer(path) as writer:
        writer.add(header)
        async for page in _pages(store, places, cut):
            writer.add_all(_links(page, selection))
            progress(done := done + len(page), total)
    return header


def schema_hash(type_: str) -> str:
    """Return what tells one declaration of an event type from another; "" for a type of the past."""
    found = events_by_tag().get(type_)
    return "" if found is None else sha256(encode(schema(found))).hexdigest()[:16]


def states_of(services: Iterable[Service]) -> Mapping[str, int]:
    """Return the version of each category's state, by `log/category`."""
    return {
        f"{log}/{name}": aggregate.version
        for service in services
        for log in service.logs
        for name, aggregate in sorted(service.aggregates.items())
    }


async def _places(store: EventStore, selection: Selection) -> Sequence[tuple[str, int]]:
    """Return the shards to look at: the book's of the one stream, or all, since others' books tell of one."""
    if selection.log is None or selection.stream is None:
        return [(log, shard) for log in LOGS for shard in range(store.shards)]
    shard = await store.placed(selection.log, selection.tenant)
    return [] if shard is None else [(selection.log, shard)]


async def _pages(
    store: EventStore, places: Sequence[tuple[str, int]], cut: Cut
) -> AsyncIterator[list[tuple[Recorded, bytes]]]:
    """Yield every event of some shards with the chain before it."""
    for log, shard in places:
        chain, end = GENESIS, cut.position(log, shard)
        if not end:
            continue
        async for page in store.scan(log, shard, 0, end):
            before = [chain, *(recorded.chain for recorded in page)]
            chain = before.pop()
            yield list(zip(page, before, strict=True))


def _links(page: Iterable[tuple[Recorded, bytes]], selection: Selection) -> Iterable[Sealed | OtherLeaf]:
    for recorded, previous in page:
        if selection.holds(recorded):
            yield sealed(recorded, previous)
        elif selection.leaves:
            yield other_leaf(recorded)
