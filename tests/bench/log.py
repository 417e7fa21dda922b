"""The append path of the log as a library, each figure beside PostgreSQL alone with the same rows."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from infra.commands import Commands
from infra.event_store import Appended, Batch
from infra.event_store.postgres import PostgresEventStore
from infra.ids import event_ids
from infra.ledger_past import LedgerPast
from infra.outcomes import Accepted, Asked
from infra.read_store.memory import MemoryReadStore
from infra.service import Rule, Service
from schemas.decision import Aggregate, Emitted, Order, Place
from schemas.message import Command, Event
from tests.bench.log_rows import COLUMNS, TEXT, Rows, row
from tests.bench.measure import Measure, median, stopwatch
from tests.ledgers import PLAN, LedgerDatabase, fresh_ledger

LOG = "usage"
EVENTS = 40_000
BOOKS = 4
# callers, events a command, streams a book, aim
CALLERS = (
    (32, 1, 100, ""),
    (256, 1, 100, "at least 0.4"),
    (256, 10, 100, ""),
    (4, 1000, 100, "at least 0.5"),
    (64, 1, 1, ""),
)


class Noted(Event, tag="bench.Noted.v1"):
    """Something was noted."""

    text: str


class Note(Command, tag="bench.Note.v1"):
    """Note something some times."""

    stream: str
    times: int
    text: str


def _decide(_: object, order: Order[Note]) -> list[Emitted]:
    command = order.command
    return [
        Emitted(stream=command.stream, event=Noted(text=command.text), counterparty="buyer")
    ] * command.times


SERVICE = Service(
    name="capacity",
    logs=(LOG,),
    aggregates={"meter": Aggregate(category="meter", initial=int, evolve=lambda state, _: state + 1)},
    rules=(
        Rule(
            command=Note,
            log=LOG,
            place=lambda command, actor: Place(book=actor, streams=(command.stream,)),
            decide=_decide,
            scope="",
        ),
    ),
)


async def append_measures(admin_dsn: str, total: int = EVENTS) -> AsyncIterator[Measure]:
    """Yield how fast events are appended: from built rows, from commands, and one alone."""
    async with bench_ledger(admin_dsn) as (ledger, _):
        copied = await copy_rate(ledger, total)
    what = "COPY of the same rows, same indexes, 1,000 a commit"
    yield Measure(what=what, ours=copied, unit="events/s")
    for commands, events, aim in ((1, 1000, "at least 0.8"), (4, 250, ""), (100, 10, ""), (256, 1, "")):
        async with bench_ledger(admin_dsn) as (_, store):
            rate = await built_rate(store, commands, events, total)
        what = f"built rows to receipts, {commands} x {events} a commit"
        yield Measure(what=what, ours=rate, unit="events/s", limit=copied, beside="COPY", aim=aim)
    for callers, events, streams, aim in CALLERS:
        async with bench_ledger(admin_dsn) as (_, store):
            rate = await callers_rate(store, callers, events, streams, total)
        what = f"{callers} callers on {BOOKS} books, commands of {events}, streams a book: {streams}"
        yield Measure(what=what, ours=rate, unit="events/s", limit=copied, beside="COPY", aim=aim)
    async with bench_ledger(admin_dsn) as (ledger, store):
        ours, plain = await lone_latency(ledger, store)
    what = "one caller, p50"
    yield Measure(what=what, ours=ours, unit="ms", limit=plain, beside="plain insert", aim="at most 1.8")


@asynccontextmanager
async def bench_ledger(admin_dsn: str) -> AsyncGenerator[tuple[LedgerDatabase, PostgresEventStore]]:
    """Make a live ledger and open its store as the service that writes the measured log."""
    async with fresh_ledger(admin_dsn, "live") as ledger, ledger.store("capacity") as store:
        yield ledger, store


async def filled(store: PostgresEventStore, batches: Iterable[Batch]) -> int:
    """Append batches one after the other; return the shard."""
    shard = await store.place(LOG, "acme")
    writer = store.writer(LOG, shard)
    for batch in batches:
        assert isinstance(await writer.append(batch), Appended)
    return shard


async def copy_rate(ledger: LedgerDatabase, events: int) -> float:
    """Return the rows a second that COPY writes into a table like the log's, one commit a thousand."""
    made = [event for batch in Rows().batches(events // 1000, 1, 1000) for event in batch.commands[0].events]
    rows = [row(position, event) for position, event in enumerate(made, start=1)]
    async with ledger.admin() as database, database.appending() as connection:
        await connection.execute("create table copied (like usage.event including all)")
        with stopwatch() as watch:
            for first in range(0, len(rows), 1000):
                page = rows[first : first + 1000]
                await connection.copy_records_to_table("copied", records=page, columns=COLUMNS)
    return events / watch.seconds


async def built_rate(store: PostgresEventStore, commands: int, events: int, total: int) -> float:
    """Return the events a second from built rows to receipts, one batch after the other."""
    batches = list(Rows().batches(total // (commands * events), commands, events))
    with stopwatch() as watch:
        await filled(store, batches)
    return len(batches) * commands * events / watch.seconds


async def callers_rate(
    store: PostgresEventStore, callers: int, events: int, streams: int, total: int
) -> float:
    """Return the events a second from commands to receipts, once every stream has been seen."""
    commands = Commands(store, [SERVICE], LedgerPast(store, MemoryReadStore(), tuple(PLAN.logs), {}), _clock)
    each = max(1, total // (callers * events))
    # the sender's, made before
    ids = iter([str(one) for one in event_ids(callers * each + BOOKS * streams, _clock())])

    async def submit(book: int, stream: int, times: int) -> None:
        note = Note(stream=f"meter-{stream % streams}", times=times, text=TEXT)
        asked = Asked(command=note, id=next(ids), actor=f"book{book}")
        assert isinstance(await commands.submit(asked), Accepted)

    async def call(caller: int) -> None:
        for number in range(each):
            await submit(caller % BOOKS, caller * each + number, events)

    await asyncio.gather(*(submit(book, stream, 1) for book in range(BOOKS) for stream in range(streams)))
    with stopwatch() as watch:
        await asyncio.gather(*(call(caller) for caller in range(callers)))
    await commands.close()
    return callers * each * events / watch.seconds


def _clock() -> datetime:
    return datetime.now(UTC)


async def lone_latency(
    ledger: LedgerDatabase, store: PostgresEventStore, times: int = 400
) -> tuple[float, float]:
    """Return the milliseconds (p50) of one append, and of one insert of such a row under such indexes."""
    ours: list[float] = []
    plain: list[float] = []
    values = ", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))
    insert = "insert into plain ({columns}) values ({values})"
    insert = insert.replace("{columns}", ", ".join(COLUMNS)).replace("{values}", values)
    async with ledger.admin() as database, database.appending() as connection:
        await connection.execute("create table plain (like usage.event including all)")
        for number, batch in enumerate(Rows().batches(times, 1, 1), start=1):
            with stopwatch() as watch:
                await filled(store, [batch])
            ours.append(watch.seconds * 1000)
            given = row(number, batch.commands[0].events[0])
            with stopwatch() as watch:
                await connection.execute(insert, *given)
            plain.append(watch.seconds * 1000)
    return median(ours), median(plain)
