"""What a service keeps beside its logs: read models, checkpoints of its consumers, timers, quarantine."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from infra.event_store import GENESIS, Cut, Recorded
from infra.service import Row, Table
from infra.sums import Between, Latest, Summing
from schemas.decision import Origin


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a consumer's effects reach in one shard: position, and the chain hash found there."""

    position: int
    chain: bytes


START = Checkpoint(0, GENESIS)


class DueTimer(msgspec.Struct, frozen=True, kw_only=True):
    """A timer as kept. `id` is derived from the event that set it and its key; so is the command's id."""

    id: str
    service: str
    due: datetime
    kind: str
    stream: str
    origin: Origin
    command_type: str
    command: bytes


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a consumer could not apply, or that waits behind such a one of its stream."""

    consumer: str
    log: str
    shard: int
    position: int
    tenant: str
    stream: str
    reason: str
    at: datetime


class CheckpointMovedError(Exception):
    """Another holder of the same shard was faster; nothing of this transaction holds."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What one batch of events comes to for one consumer: all of it in one transaction, or nothing.

    `seen` must be the checkpoint still; `reached` is where it moves to. `rows` come with the event they are
    from. `parked` goes into quarantine, `unparked` comes out of it.
    """

    consumer: str
    log: str
    shard: int
    seen: Checkpoint
    reached: Checkpoint
    rows: Sequence[tuple[Recorded, Row]] = ()
    timers: Sequence[DueTimer] = ()
    parked: Sequence[Parked] = ()
    unparked: Sequence[Parked] = ()


class ReadStore(Protocol):
    """The read side of one service in one ledger."""

    async def checkpoint(self, consumer: str, log: str, shard: int) -> Checkpoint:
        """Return how far a consumer's effects reach; `START` if it has none yet."""
        ...

    async def apply(self, effect: Effect) -> None:
        """Make one effect durable together with its checkpoint.

        Raises:
            CheckpointMovedError: the checkpoint is not at `effect.seen`, or what is to leave quarantine has
                left it already; nothing was changed.
            UnbalancedError: postings of a group do not sum to zero; nothing was changed.
        """
        ...

    async def prepare(self, tables: Sequence[Table]) -> None:
        """Make the tables of read models that are not there yet."""
        ...

    async def rows(
        self, table: str, where: Mapping[str, Any], cut: Cut | None, *between: Between
    ) -> Sequence[Mapping[str, Any]]:
        """Return the rows that equal `where` and lie in the cut, by (log, shard, position, ordinal).

        `between`: only those whose columns lie in [low, high).
        """
        ...

    async def totals(self, table: str, summing: Summing, cut: Cut | None) -> Sequence[Mapping[str, Any]]:
        """Return the sums of the rows that lie in the cut, in no particular order.

        Each has the columns of `by`, log, shard, `total`, and `count`, the rows in it; with spans also
        `start` and `end`: the bounds that its rows lie within, or those of the one row that crosses a bound.
        """
        ...

    async def touched_from(
        self, table: str, where: Mapping[str, Any], column: str, latest: Latest, news: tuple[Cut, Cut | None]
    ) -> int | None:
        """Return the least value of `column` among what is new since a cut, None if nothing is.

        That are the rows that equal `where`, lie in the second cut and not in the first, and those that they
        replace.
        """
        ...

    async def due(self, service: str, until: datetime) -> Sequence[DueTimer]:
        """Return the timers not yet fired with `due <= until`, by (due, kind, stream, id)."""
        ...

    async def fired(self, service: str, timer: str) -> None:
        """Note that a timer's command is settled; noting it twice is harmless."""
        ...

    async def parked(self, consumer: str | None = None) -> Sequence[Parked]:
        """Return what is in quarantine, by consumer, log, shard and position."""
        ...

    async def unpark(self, parked: Parked) -> None:
        """Take one event out of quarantine, after it was applied or discarded."""
        ...
