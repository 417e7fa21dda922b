"""The package `eventsourcing` from PyPI with its own PostgreSQL recorder, beside our append path.

As many callers, in threads, each saving one event a call of an aggregate that it holds in memory: what the
package does in one transaction, with its own table and its own serialisation.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from tests.bench.log import bench_ledger, callers_rate
from tests.bench.log_rows import TEXT
from tests.bench.measure import Measure, stopwatch
from tests.ledgers import fresh_ledger

CALLERS = 32
ITS_PART = 8
"""It is given so much less to do: it takes as long."""


class Notes(Aggregate):
    """Something that is noted."""

    @event("Noted")
    def note(self, text: str) -> None:
        """Note something."""
        self.last = text


async def sourcing_measures(admin_dsn: str, events: int) -> AsyncIterator[Measure]:
    """Yield the single-event commands a second of 32 callers."""
    async with fresh_ledger(admin_dsn) as ledger:
        limit = await asyncio.to_thread(package_rate, ledger.admin_dsn, events // ITS_PART)
    async with bench_ledger(admin_dsn) as (_, store):
        ours = await callers_rate(store, CALLERS, 1, 100, events)
    yield Measure(
        what=f"{CALLERS} callers, commands of 1",
        ours=ours,
        unit="events/s",
        limit=limit,
        beside="the package eventsourcing",
        aim="at least 10",
    )


def package_rate(dsn: str, events: int) -> float:
    """Return the events a second that the package saves."""
    application = Application[UUID](env=_settings(dsn))

    def call(_: int) -> None:
        notes = Notes()
        application.save(notes)
        for _ in range(events // CALLERS):
            notes.note(TEXT)
            application.save(notes)

    try:
        with ThreadPoolExecutor(CALLERS) as threads:
            for _ in range(CALLERS):
                application.save(Notes())
            with stopwatch() as watch:
                list(threads.map(call, range(CALLERS)))
    finally:
        application.close()
    return (events // CALLERS + 1) * CALLERS / watch.seconds


def _settings(dsn: str) -> dict[str, str]:
    parts = urlsplit(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": parts.hostname or "",
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_USER": unquote(parts.username or ""),
        "POSTGRES_PASSWORD": unquote(parts.password or ""),
        "POSTGRES_POOL_SIZE": str(CALLERS),
        "POSTGRES_MAX_OVERFLOW": "0",
    }
