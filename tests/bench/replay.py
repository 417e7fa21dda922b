"""A log read from its beginning: scanned, folded by the deciders of the services, verified.

Beside the reading stands psql, which brings the same columns of the same rows to nowhere.
"""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from infra.event_store import Batch
from infra.event_store.postgres import PostgresEventStore, verify
from infra.fold import category
from infra.local.processes import Command as Program
from infra.local.processes import finish
from infra.local.wheels import ENVIRONMENT, postgres_program
from schemas.capacity import UsageReported
from schemas.contracts import AmendContract, Changes, SignContract
from schemas.decision import Aggregate
from schemas.kernel.interval import Interval
from schemas.message import Event
from services.capacity.aggregates import METER
from services.contracts.domain.contract import CONTRACT
from tests.bench.ground import Ground
from tests.bench.log import LOG, bench_ledger, filled
from tests.bench.log_rows import Rows
from tests.bench.measure import Measure, stopwatch
from tests.ledgers import LedgerDatabase
from tests.unit.contracts.book import Book, day, fee, terms

PSQL_SECONDS_MAX = 300.0
AMENDMENTS = 9
COPY_OUT = """\\copy (select position, version, effective_at, recorded_at, event_id, chain, tenant, stream, \
type, payload, meta, counterparty from usage.event where shard = {shard} order by position) to '/dev/null' \
(format binary)"""
START = datetime(2026, 6, 1, tzinfo=UTC)
Histories = Callable[[], Iterator[tuple[str, Event]]]
"""Makes `(stream, event)` without end, the events of one stream in their order."""


async def replay_measures(ground: Ground, admin_dsn: str, events: int) -> AsyncIterator[Measure]:
    """Yield how fast a log is read, folded to states, and verified."""
    for aggregate, histories, named in ((METER, meters, "meters"), (CONTRACT, contracts, "contracts")):
        async with bench_ledger(admin_dsn) as (ledger, store):
            shard = await filled(store, batches(islice(histories(), events)))
            limit = events / await psql_seconds(ground, ledger, shard)
            scanned = await fold_seconds(store, shard, None)
            folded = await fold_seconds(store, shard, aggregate)
            for what, seconds, aim in (
                ("scan", scanned, ""),
                ("decode and fold", folded, "at least 0.5"),
            ):
                yield Measure(
                    what=f"{what} {events:,} events of {named}",
                    ours=events / seconds,
                    unit="events/s",
                    limit=limit,
                    beside="psql \\copy of the same columns",
                    aim=aim,
                )
            if aggregate is METER:
                yield await verified(ledger, shard, events)


def meters() -> Iterator[tuple[str, Event]]:
    """Hourly reports of some reservations, hour by hour."""
    hour = 0
    while True:
        interval = Interval(START + timedelta(hours=hour), START + timedelta(hours=hour + 1))
        for number in range(500):
            reservation = f"colossus/deal-{number}/train"
            report = f"//meters.example/hall {hour}-{number}"
            event = UsageReported(
                pool="colossus/hall-1",
                reservation=reservation,
                holder=f"buyer-{number % 50}",
                report=report,
                interval=interval,
                gpu_seconds=3_600_000 - number,
                peak_gpus=1024,
            )
            yield f"meter-hall-1/{reservation}", event
        hour += 1


def contracts() -> Iterator[tuple[str, Event]]:
    """Contracts that are signed and then amended some times, one after the other."""
    number = 0
    history = contract_history()
    while True:
        name = f"acme/deal-{number}"
        for event in history:
            yield f"contract-deal-{number}", msgspec.structs.replace(event, contract=name)
        number += 1


def contract_history() -> list[Event]:
    """Return what the deciders make of one contract's signing and its amendments."""
    book = Book()
    assert isinstance(book.do(SignContract(contract="deal", terms=terms()), "acme"), list)
    for number in range(AMENDMENTS):
        changes = Changes(charges=(fee(f"{300000 + number}.00"),))
        effective_at = day(f"2027-0{number + 1}-01")
        amend = AmendContract(
            contract="deal", effective_at=effective_at, changes=changes, reason="a new price", overrides=True
        )
        found = book.do(amend, "acme")
        assert isinstance(found, list), found
    return book.events


def batches(events: Iterable[tuple[str, Event]]) -> Iterator[Batch]:
    """Yield the events as batches of two commands of 500 events."""
    rows, coming = Rows(), iter(events)
    while page := list(islice(coming, 1000)):
        yield rows.given([page[:500], page[500:]])


async def fold_seconds(store: PostgresEventStore, shard: int, aggregate: Aggregate[Any, Any] | None) -> float:
    """Return the seconds in which a shard is scanned, and its streams are folded if an aggregate is given."""
    states: dict[tuple[str, str], Any] = {}
    with stopwatch() as watch:
        async for page in store.scan(LOG, shard, 0):
            if aggregate is None:
                continue
            initial, evolve = aggregate.initial, aggregate.evolve
            for recorded in page:
                name = (recorded.tenant, recorded.stream)
                state = states[name] if name in states else initial()
                states[name] = evolve(state, recorded.event)
    assert all(category(stream) == aggregate.category for _, stream in states if aggregate is not None)
    return watch.seconds


async def psql_seconds(ground: Ground, ledger: LedgerDatabase, shard: int) -> float:
    """Return the seconds in which psql copies the same columns to nowhere."""
    copy = COPY_OUT.replace("{shard}", str(shard))
    with tempfile.TemporaryDirectory() as folder:
        program = Program(
            name="psql",
            argv=(str(postgres_program("psql")), "-X", "-q", "-d", ledger.admin_dsn, "-c", copy),
            log=Path(folder) / "log",
            folder=Path("/"),
            environment=ENVIRONMENT,
        )
        with stopwatch() as watch:
            await ground.do(finish(program, PSQL_SECONDS_MAX))
    return watch.seconds


async def verified(ledger: LedgerDatabase, shard: int, events: int) -> Measure:
    """Return how fast a log is verified."""
    async with ledger.database("capledger_operations") as database:
        with stopwatch() as watch:
            steps = [step async for step in verify(database, LOG, shard)]
    assert steps[-1].position == events
    return Measure(
        what="verify: positions, times, chain, versions", ours=events / watch.seconds, unit="events/s"
    )
