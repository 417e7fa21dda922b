"""How fast a projection's rows become durable, beside COPY of the same rows."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

from infra.event_store import GENESIS, Recorded
from infra.migrations import read_schema, writer_role
from infra.read_store import START, Checkpoint, Effect
from infra.read_store.postgres import PostgresReadStore
from infra.service import Column, Row, Table
from tests.bench.measure import Measure, stopwatch
from tests.ledgers import fresh_ledger

AT = datetime(2026, 6, 1, tzinfo=UTC)
BATCH, BATCHES = 1000, 40
TABLE = Table(
    name="usage",
    columns=(Column("pool", "text"), Column("gpu_seconds", "bigint"), Column("ends_at", "timestamptz")),
    index=(("pool",),),
)
COPIED = ("log", "shard", "position", "ordinal", "recorded_at", "pool", "gpu_seconds", "ends_at")


async def projection_measures(admin_dsn: str) -> AsyncIterator[Measure]:
    """Yield the events a second whose rows and checkpoint are applied, a thousand a transaction."""
    rows = [("usage", 0, n, 0, AT, f"pool{n % 50}", n, AT) for n in range(1, BATCH * BATCHES + 1)]
    async with fresh_ledger(admin_dsn, "live") as ledger:
        async with ledger.database(writer_role("capacity")) as database:
            store = PostgresReadStore(database, read_schema("capacity"))
            await store.prepare([TABLE])
            effects = list(_effects())
            with stopwatch() as watch:
                for effect in effects:
                    await store.apply(effect)
        async with ledger.admin() as database, database.appending() as connection:
            await connection.execute("create table copied (like capacity_read.usage_v1 including all)")
            with stopwatch() as beside:
                for first in range(0, len(rows), BATCH):
                    page = rows[first : first + BATCH]
                    await connection.copy_records_to_table("copied", records=page, columns=COPIED)
    ours, limit = len(rows) / watch.seconds, len(rows) / beside.seconds
    what = "projection: rows and checkpoint, 1,000 events a transaction"
    yield Measure(what=what, ours=ours, unit="events/s", limit=limit, beside="COPY", aim="at least 0.3")


def _effects() -> list[Effect]:
    effects: list[Effect] = []
    seen = START
    for batch in range(BATCHES):
        events = [_recorded(batch * BATCH + n) for n in range(1, BATCH + 1)]
        reached = Checkpoint(events[-1].position, GENESIS)
        rows = [(event, _row(event)) for event in events]
        effects.append(Effect(consumer="usage", log="usage", shard=0, seen=seen, reached=reached, rows=rows))
        seen = reached
    return effects


def _row(event: Recorded) -> Row:
    n = event.position
    return Row("usage", {"pool": f"pool{n % 50}", "gpu_seconds": n, "ends_at": AT})


def _recorded(position: int) -> Recorded:
    return Recorded(
        log="usage",
        shard=0,
        position=position,
        tenant="acme",
        counterparty=None,
        stream="meter-colossus/a",
        version=position,
        event_id=UUID(int=position),
        type="bench.Noted.v1",
        effective_at=AT,
        recorded_at=AT,
        payload=b"{}",
        meta_bytes=b"{}",
        chain=GENESIS,
    )
