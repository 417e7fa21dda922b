"""Who of the replicas of a service does what: a lease for each piece of work, held while its process lives.

A lease is for speed and order of work only. Correctness never rests on it: checkpoints move by
compare-and-set, appends are idempotent, a relay looks at the topic before it sends.
"""

from collections.abc import Collection, Mapping, Sequence
from math import ceil
from typing import Protocol


class LeasesLostError(Exception):
    """The connection that held the leases is gone, and all of them with it."""


class Leases(Protocol):
    """Where leases are kept. What is held is let go when the holder's process or connection ends."""

    async def take(self, name: str) -> bool:
        """Try to take a lease; say whether it is ours now.

        Raises:
            LeasesLostError: nothing is held any more; try again later.
        """
        ...

    async def give_back(self, name: str) -> None:
        """Let go of a lease.

        Raises:
            LeasesLostError: nothing is held any more.
        """
        ...

    async def beat(self) -> int:
        """Say that this replica lives; return how many replicas of the service do, this one included.

        Raises:
            LeasesLostError: nothing is held any more; try again later.
        """
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


class Shared:
    """One kind of work, such as the relays of a log, shared by the replicas: each aims at its fair part."""

    def __init__(self, names: Sequence[str]) -> None:
        """Take the names of all its leases; none is held."""
        self._names = tuple(names)
        self.held: set[str] = set()

    def surplus(self, replicas: int) -> Sequence[str]:
        """Return what is held over the fair part."""
        return sorted(self.held)[self._part(replicas) :]

    async def balance(self, leases: Leases, replicas: int) -> None:
        """Give back what is over the fair part, and take what is free up to it.

        Raises:
            LeasesLostError: nothing is held any more.
        """
        part = self._part(replicas)
        try:
            for name in self.surplus(replicas):
                await leases.give_back(name)
                self.held.discard(name)
            for name in self._names:
                if len(self.held) >= part:
                    break
                if name not in self.held and await leases.take(name):
                    self.held.add(name)
        except LeasesLostError:
            self.held.clear()
            raise

    def _part(self, replicas: int) -> int:
        return ceil(len(self._names) / max(1, replicas))


class MemoryLeases:
    """The leases of one replica, in a table that all replicas of a test share."""

    def __init__(self, table: dict[str, str], replica: str, alive: set[str]) -> None:
        """Take the shared table (lease: replica) and the shared set of living replicas."""
        self._table, self._replica, self._alive = table, replica, alive
        alive.add(replica)

    async def take(self, name: str) -> bool:
        """See `Leases.take`."""
        return self._table.setdefault(name, self._replica) == self._replica

    async def give_back(self, name: str) -> None:
        """See `Leases.give_back`."""
        if self._table.get(name) == self._replica:
            del self._table[name]

    async def beat(self) -> int:
        """See `Leases.beat`."""
        return len(self._alive)

    async def close(self) -> None:
        """See `Leases.close`."""
        self.vanish()

    def vanish(self) -> None:
        """Let go of everything at once, as a process that is killed."""
        for name in held_by(self._table, self._replica):
            del self._table[name]
        self._alive.discard(self._replica)


def held_by(table: Mapping[str, str], replica: str) -> Collection[str]:
    """Return the leases that a replica holds."""
    return [name for name, holder in table.items() if holder == replica]
