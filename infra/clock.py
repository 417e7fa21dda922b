"""The clock of a ledger as its services see it: the machine's, or a sandbox's row, which stands still."""

from collections.abc import Callable
from datetime import UTC, datetime

from infra.event_store import EventStore


class MachineClock:
    """A live ledger's clock: the machine's, and no other."""

    def __call__(self) -> datetime:
        """Return now, UTC."""
        return datetime.now(UTC)


class SandboxClock:
    """A sandbox's clock: one row of the ledger, moved by `clock advance` only, read before each use."""

    def __init__(self, store: EventStore, now: datetime) -> None:
        """Take the ledger's store, and what its clock says."""
        self._store, self._now = store, now

    def __call__(self) -> datetime:
        """Return what the clock said when it was last read."""
        return self._now

    async def refresh(self) -> None:
        """Read the clock."""
        self._now = max(self._now, await self._store.now())


async def current(clock: Callable[[], datetime]) -> datetime:
    """Return what a ledger's clock says now; a sandbox's is read anew: another process may have moved it."""
    if isinstance(clock, SandboxClock):
        await clock.refresh()
    return clock()
