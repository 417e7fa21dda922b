"""Reading what was known: how asks, reactions and gathered facts look at logs and read models."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from infra.event_store import Cut, Recorded, StreamName
from infra.sums import Between, Latest, Summing
from schemas.decision import Aggregate, Origin

S = TypeVar("S")
T = TypeVar("T")


class Folded(msgspec.Struct, frozen=True):
    """A stream's state at a cut. `version` 0: the stream did not exist; `last` is its last event's place."""

    state: Any
    version: int
    last: Origin | None


class Past(Protocol):
    """The logs and read models of a ledger, up to one cut (or to their heads, where it is None).

    Everything it returns lies at or before its cut. Streams of another service may be read: the log is a
    service's published contract. Read models are a service's own.
    """

    @property
    def cut(self) -> Cut | None:
        """What was known; None for everything known by now."""
        ...

    def at(self, cut: Cut | None) -> "Past":
        """Return the same past as known at another cut."""
        ...

    async def stream(self, log: str, tenant: str, stream: str) -> Sequence[Recorded]:
        """Return the events of one stream, oldest first."""
        ...

    async def fold(self, log: str, aggregate: Aggregate[S, Any], tenant: str, stream: str) -> Folded:
        """Return the folded state of one stream. The caller must not change it."""
        ...

    async def look(
        self,
        log: str,
        aggregate: Aggregate[S, Any],
        tenant: str,
        stream: str,
        see: Callable[[S], T],
    ) -> T:
        """Return what `see` makes of the newest state of one stream (at a cut: of the state then).

        For what is looked at often: the state is kept and goes on changing with the stream, so that `see`
        must neither keep nor change it, nor any part of it that changes.
        """
        ...

    async def streams(self, log: str, party: str, category: str) -> Sequence[StreamName]:
        """Return the streams of one category in which `party` is the tenant or a counterparty, sorted."""
        ...

    async def rows(
        self, table: str, where: Mapping[str, Any], *between: Between
    ) -> Sequence[Mapping[str, Any]]:
        """Return an own read model's rows that equal `where`, by (log, shard, position, ordinal)."""
        ...

    async def totals(self, table: str, summing: Summing) -> Sequence[Mapping[str, Any]]:
        """Return the sums of an own read model's rows (`infra.read_store.ReadStore.totals`)."""
        ...

    async def touched_from(
        self, table: str, where: Mapping[str, Any], column: str, latest: Latest, since: Cut
    ) -> int | None:
        """Return the least value of `column` among an own read model's rows that are new since a cut.

        What new rows replace counts too (`infra.read_store.ReadStore.touched_from`).
        """
        ...

    async def command(self, log: str, tenant: str, actor: str, command: str) -> Sequence[Recorded]:
        """Return the events that an accepted command brought about; none if it is unknown."""
        ...

    async def resolve(self, instant: datetime) -> Cut:
        """Return what was known at a past instant."""
        ...

    async def heads(self) -> Cut:
        """Return everything known by now (at most this past's cut)."""
        ...

    async def shard_of(self, log: str, tenant: str) -> int | None:
        """Return the shard of a tenant's book in a log, None if it has none yet."""
        ...

    async def consumed(self, consumer: str) -> Cut:
        """Return how far an own consumer's effects reach in each shard that it follows."""
        ...

    async def closed(self, consumer: str) -> Cut:
        """Return the newest causally closed cut that an own consumer has consumed whole.

        No effect is recorded before its cause, so an instant is such a cut: T = the least instant up to
        which the consumer has consumed every shard that it follows; the cut holds, for every shard of every
        log, what was recorded at or before T. At rest that is everything known by now.
        """
        ...

    async def closed_once(
        self, consumer: str, holds: Callable[["Past"], Awaitable[bool]], seconds: float
    ) -> Cut:
        """Return the first such cut from now on at which something holds, after at most some seconds.

        If it does not hold in time: the newest one. Where nothing moves while one waits (in memory) nobody
        waits.
        """
        ...
