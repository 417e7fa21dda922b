"""The bus as all but its driver see it: one topic a log, one partition a shard, events in position order.

`infra/kafka.py` is the real one; `infra/bus_memory.py` keeps the topics in memory, for tests and the
simulation.
"""

from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from infra.event_store import Recorded

Place: TypeAlias = tuple[str, int]
"""A log and a shard of it: a topic and its partition."""


class BusError(Exception):
    """Root of the operating errors of the bus."""


class BusUnavailableError(BusError):
    """It cannot be reached, or did not answer in time; what was sent may be on the topic or not."""


class RecordTooLargeError(BusError):
    """An event that no topic takes; names its place. The relay stops there: nothing is skipped."""


class TopicMismatchError(BusError):
    """A topic is not as it must be; `faults` names everything that is wrong."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Keep all faults."""
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class TopicEnd(msgspec.Struct, frozen=True):
    """How far a partition reaches: the first offset kept, the offset of the next record, and the last event.

    `end` 0 is a partition that never held anything; `last` None beside a higher `end` is one that retention
    has emptied.
    """

    first: int
    end: int
    last: Recorded | None


class Handed(msgspec.Struct, frozen=True):
    """What was handed over: how many of the events, and what tells the offset of the first once acked."""

    count: int
    ack: Awaitable[int]


class Publisher(Protocol):
    """Sends events. After any error it is closed and a new one is made: its sequence numbers are spoilt."""

    async def send(self, place: Place, events: Sequence[Recorded]) -> Handed:
        """Hand over as many of `events` as fit one batch, at least one.

        Raises:
            RecordTooLargeError: the first of them fits no batch.
            BusUnavailableError: the bus does not take them in time.
        """
        ...

    async def close(self) -> None:
        """Let go of it, whatever it is doing."""
        ...


class Tail(Protocol):
    """Reads what comes onto some partitions from now on."""

    async def read(self, seconds_max: float) -> Mapping[Place, Sequence[Recorded]]:
        """Return what has come, in order in each partition; empty if nothing came in time.

        Raises:
            BusUnavailableError: it cannot go on; a new tail is needed.
        """
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


class Bus(Protocol):
    """The topics of one ledger."""

    async def prepare(self, logs: Collection[str], *, create: bool) -> None:
        """Check the topics of `logs`, and make those that are missing if `create` is set.

        Raises:
            TopicMismatchError: one is missing or has other partitions, retention or min.insync than it
            must. BusUnavailableError: the bus cannot be reached.
        """
        ...

    async def remove(self, logs: Collection[str]) -> None:
        """Remove the topics of `logs`; those that are not there are left alone."""
        ...

    async def ends(self, places: Collection[Place]) -> Mapping[Place, TopicEnd]:
        """Return how far partitions reach.

        Raises:
            BusUnavailableError: the bus cannot be reached.
        """
        ...

    async def publisher(self) -> Publisher:
        """Return a new publisher.

        Raises:
            BusUnavailableError: the bus cannot be reached.
        """
        ...

    async def tail(self, places: Collection[Place]) -> Tail:
        """Return a reader that stands at the end of every partition named.

        Raises:
            BusUnavailableError: the bus cannot be reached, or a topic is missing.
        """
        ...

    def scan(self, place: Place) -> AsyncIterator[Sequence[Recorded]]:
        """Yield everything kept in a partition up to its present end, repeats included, in pages."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...
