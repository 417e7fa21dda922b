"""Tables aside: where a read model is made anew while the live one goes on. The interface, and memory."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from infra.codec import plain
from infra.event_store import Cut, StoreError
from infra.read_store import Checkpoint, Parked, ReadStore
from infra.read_store.memory import SYSTEM, MemoryReadStore
from infra.service import Projection, Table

DIFFERENCES_MAX = 20

CatchUp = Callable[[], Awaitable[object]]


class Kind(StrEnum):
    """What tables aside are for: compared once and thrown away, or kept to take the live ones' place."""

    CHECK = "check"
    SHADOW = "shadow"


class AsideBehindError(StoreError):
    """The live read model is ahead of what was made anew: catch up and try again."""


class NoShadowError(StoreError):
    """There is no shadow of this read model."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is not the same; None on the side where it is missing. Values are JSON-ready."""

    table: str
    log: str
    shard: int
    position: int
    ordinal: int
    live: Mapping[str, Any] | None
    rebuilt: Mapping[str, Any] | None

    def __str__(self) -> str:
        """Return it as one readable line."""
        where = f"{self.table} from {self.log} shard {self.shard} position {self.position}"
        match self.live, self.rebuilt:
            case None, rebuilt:
                return f"{where}: missing live, rebuilt as {rebuilt}"
            case live, None:
                return f"{where}: live {live}, not rebuilt"
            case live, rebuilt:
                assert live is not None, "both sides are there"
                assert rebuilt is not None, "both sides are there"
                changed = [name for name in live if live[name] != rebuilt.get(name)]
                told = ", ".join(
                    f"{name} is {live[name]!r}, rebuilt {rebuilt.get(name)!r}" for name in changed
                )
                return f"{where}: {told}"


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """The first differences, and how many there are; `rows`: how many rows were compared."""

    rows: int
    count: int
    first: tuple[Difference, ...] = ()


class Aside(Protocol):
    """One read model made anew: a projection whose rows, checkpoints and quarantine lie aside."""

    @property
    def projection(self) -> Projection:
        """The projection that fills it; its names may differ from the live one's."""
        ...

    @property
    def reads(self) -> ReadStore:
        """Where its rows go."""
        ...

    async def differences(self, cut: Cut, limit: int = DIFFERENCES_MAX) -> Differences:
        """Compare with the live tables, row by row, what both hold of the events of `cut`."""
        ...

    async def promote(self, catch_up: CatchUp) -> None:
        """Put it in the place of the live tables, in one transaction; the old ones are gone.

        Args:
            catch_up: brings it up to the head; called while the live read model stands still.

        Raises:
            AsideBehindError: the live read model has consumed more all the same; nothing was changed.
        """
        ...

    async def drop(self) -> None:
        """Remove it."""
        ...


class Asides(Protocol):
    """The tables aside of one service."""

    async def make(self, projection: Projection, kind: Kind) -> Aside:
        """Return a fresh one; what was left of an earlier one of its kind is gone."""
        ...

    async def find(self, projection: Projection, kind: Kind) -> Aside | None:
        """Return the one there is."""
        ...

    async def checkpoint(self, projection: Projection, log: str, shard: int) -> Checkpoint:
        """Return how far the live read model reaches."""
        ...

    async def parked(self, projection: Projection) -> Sequence[Parked]:
        """Return what the live read model has in quarantine."""
        ...


class MemoryAside:
    """A read model made anew in memory."""

    def __init__(
        self, projection: Projection, live: MemoryReadStore, gone: "MemoryAsides", kind: Kind
    ) -> None:
        """Start empty, beside the live store."""
        self.projection, self.reads = projection, MemoryReadStore()
        self._live, self._asides, self._kind = live, gone, kind

    async def differences(self, cut: Cut, limit: int = DIFFERENCES_MAX) -> Differences:
        """See `Aside.differences`."""
        return await differences_of(self.projection.tables, self._live, self.reads, cut, limit)

    async def promote(self, catch_up: CatchUp) -> None:
        """See `Aside.promote`."""
        await catch_up()
        if not self._live.adopt(self.projection, self.reads):
            raise AsideBehindError(f"{self.projection.name} has consumed more than its shadow; try again")
        await self.drop()

    async def drop(self) -> None:
        """See `Aside.drop`."""
        self._asides.forget(self.projection, self._kind)


class MemoryAsides:
    """The tables aside of a service in memory."""

    def __init__(self, live: MemoryReadStore) -> None:
        """Take the live store."""
        self._live = live
        self._made: dict[tuple[str, Kind], MemoryAside] = {}

    async def make(self, projection: Projection, kind: Kind) -> MemoryAside:
        """See `Asides.make`."""
        made = MemoryAside(projection, self._live, self, kind)
        await made.reads.prepare(projection.tables)
        self._made[projection.name, kind] = made
        return made

    async def find(self, projection: Projection, kind: Kind) -> MemoryAside | None:
        """See `Asides.find`."""
        return self._made.get((projection.name, kind))

    async def checkpoint(self, projection: Projection, log: str, shard: int) -> Checkpoint:
        """See `Asides.checkpoint`."""
        return await self._live.checkpoint(projection.name, log, shard)

    async def parked(self, projection: Projection) -> Sequence[Parked]:
        """See `Asides.parked`."""
        return await self._live.parked(projection.name)

    def forget(self, projection: Projection, kind: Kind) -> None:
        """Let go of one."""
        self._made.pop((projection.name, kind), None)


async def differences_of(
    tables: Sequence[Table], live: ReadStore, rebuilt: ReadStore, cut: Cut, limit: int = DIFFERENCES_MAX
) -> Differences:
    """Compare the rows of some tables in two read stores, whatever these are."""
    found: list[Difference] = []
    count = rows = 0
    for table in tables:
        there = {_place(row): row for row in await live.rows(table.name, {}, cut)}
        anew = {_place(row): row for row in await rebuilt.rows(table.name, {}, cut)}
        rows += len(there.keys() | anew.keys())
        names = [column.name for column in table.columns]
        for place in sorted(there.keys() | anew.keys()):
            one, other = _values(there.get(place), names), _values(anew.get(place), names)
            if one != other:
                count += 1
                found += [_difference(table.name, place, one, other)] if len(found) < limit else []
    return Differences(rows=rows, count=count, first=tuple(found))


_Place = tuple[str, int, int, int]


def _place(row: Mapping[str, Any]) -> _Place:
    log, shard, position, ordinal, _ = (row[name] for name in SYSTEM)
    return log, shard, position, ordinal


def _values(row: Mapping[str, Any] | None, names: Sequence[str]) -> dict[str, Any] | None:
    return None if row is None else {name: readable(row[name]) for name in (*names, "recorded_at")}


def readable(value: Any) -> Any:
    """Return a column's value as JSON has it; bytes as hexadecimal digits."""
    return value.hex() if isinstance(value, bytes) else plain(value)


def _difference(
    table: str, place: _Place, live: Mapping[str, Any] | None, rebuilt: Mapping[str, Any] | None
) -> Difference:
    log, shard, position, ordinal = place
    return Difference(
        table=table, log=log, shard=shard, position=position, ordinal=ordinal, live=live, rebuilt=rebuilt
    )
