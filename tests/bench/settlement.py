"""A statement over a million facts of use, beside the sum of them alone."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec

from infra.codec import convert
from infra.database import Database
from infra.event_store import Cut
from infra.event_store.memory import MemoryEventStore
from infra.ledger_past import LedgerPast
from infra.migrations import read_schema, writer_role
from infra.node import Ledger, Node
from infra.outcomes import Accepted, Asked
from infra.read_store.memory import MemoryReadStore
from infra.read_store.postgres import PostgresReadStore
from schemas.catalog import LOGS
from schemas.contracts import SignContract
from schemas.decision import Order
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.settlement import IssueStatement, StatementIssued
from services.contracts.service import SERVICE as CONTRACTS
from services.settlement.aggregates import ACCOUNT, BOOK
from services.settlement.domain.issuing import issue_statement
from services.settlement.gathering import standing_with_statement
from services.settlement.projections import FACTS, PROJECTIONS
from tests.bench.measure import Measure, median, stopwatch
from tests.ledgers import LedgerDatabase, fresh_ledger

FACTS_COUNT = 1_000_000
HOURS = 720
PAGE = 50_000
CORRECTED = 1000
START = datetime(2026, 6, 1, tzinfo=UTC)
TERM = {"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z"}
MONTH = Interval(START, datetime(2026, 7, 1, tzinfo=UTC))
NOW = datetime(2026, 7, 2, tzinfo=UTC)
TERMS: dict[str, Any] = {
    "supplier": "nimbus",
    "customer": "acme",
    "term": TERM,
    "currency": "USD",
    "lines": [{"line": "train", "pool": "nimbus/pool-1", "quantity": [{**TERM, "quantity": 4096}]}],
}
BY_HOURS = {
    "charge": "hours",
    "kind": "usage",
    "lines": ["train"],
    "tiers": [{"up_to": None, "rate": "2.10"}],
}
BLOCK = {
    "charge": "block",
    "kind": "block",
    "line": "train",
    "committed_rate": "1.90",
    "overage_rate": "2.60",
}
COLUMNS = (
    "log", "shard", "position", "ordinal", "recorded_at", "reservation", "report", "through", "part",
    "passed_on", "revises", "meter", "starts", "ends", "quantity", "event_id", "sender", "tenant",
    "counterparty",
)  # fmt: skip
POOLED = "sum of the same rows by hour"
SUM = """
select starts / 3600, sum(quantity) from settlement_read.usage_facts
where reservation = 'nimbus/deal/train' group by 1
"""


async def statement_measures(admin_dsn: str, facts: int = FACTS_COUNT) -> AsyncIterator[Measure]:
    """Yield what a statement over many facts of one month takes: found, computed and decided."""
    async with fresh_ledger(admin_dsn, "live") as ledger, _filled(ledger, facts) as (database, reads):
        async with database.reading() as connection:
            limit = await _seconds(lambda: connection.fetch(SUM))
        for charge in (BY_HOURS, BLOCK):
            past = await _past(reads, charge, facts)
            ours = await _seconds(lambda past=past: _issued(past))
            what = f"statement over {facts:,} facts of use: {charge['kind']}"
            yield Measure(what=what, ours=ours, unit="s", limit=limit, beside=POOLED, aim="0.5 s at most")


@asynccontextmanager
async def _filled(ledger: LedgerDatabase, facts: int) -> AsyncGenerator[tuple[Database, PostgresReadStore]]:
    async with ledger.database(writer_role("settlement")) as database:
        reads = PostgresReadStore(database, read_schema("settlement"))
        for projection in PROJECTIONS:
            await reads.prepare(projection.tables)
        async with ledger.admin() as admin, admin.appending() as connection:
            rows = _rows(facts)
            while page := list(islice(rows, PAGE)):
                await connection.copy_records_to_table(
                    "usage_facts_v1", schema_name="settlement_read", records=page, columns=COLUMNS
                )
            # what the server's own housekeeping does after so many rows
            await connection.execute("vacuum analyze settlement_read.usage_facts_v1")
        yield database, reads


def _rows(facts: int) -> Iterator[tuple[Any, ...]]:
    """Reports of a second each, from 1 on; the last ones correct others."""
    first = seconds(START)
    per_hour = max(1, facts // HOURS)
    for n in range(1, facts + 1):
        corrects = n > facts - CORRECTED
        number = n - facts // 2 if corrects else n
        starts = first + min(number // per_hour, HOURS - 1) * 3600 + number % 3600
        yield (
            "usage", 0, n, 0, NOW, "nimbus/deal/train", f"report-{number}", "", 0, 0, int(corrects), "gpu",
            starts, starts + 1, 7 if corrects else 5, f"event-{n}", "nimbus", "nimbus", "acme",
        )  # fmt: skip


async def _past(reads: PostgresReadStore, charge: dict[str, Any], facts: int) -> LedgerPast:
    store = MemoryEventStore(lambda: NOW, shards=1)
    ledger = Ledger(name="bench", mode="sandbox", shards=1)
    node = Node(CONTRACTS, ledger, store, MemoryReadStore(), lambda: NOW)
    sign = convert(SignContract, {"contract": "deal", "terms": {**TERMS, "charges": [charge]}})
    asked = Asked(command=sign, id="sign", actor="nimbus", effective_at=START - timedelta(days=1))
    assert isinstance(await node.commands.submit(asked), Accepted)
    heads = await node.past.heads()
    cut = Cut({**heads.positions, ("usage", 0): facts})
    return LedgerPast(store, reads, LOGS, {FACTS: PROJECTIONS[0].follows}).at(cut)


async def _issued(past: LedgerPast) -> None:
    order: Order[Any] = Order(
        command=IssueStatement(contract="deal", interval=MONTH),
        id="x",
        actor="nimbus",
        book="nimbus",
        at=NOW,
        effective_at=NOW,
    )
    facts = await standing_with_statement(order, past)
    states = {"account-deal": ACCOUNT.initial(), "book-nimbus": BOOK.initial()}
    outcome = issue_statement(states, msgspec.structs.replace(order, facts=facts))
    assert isinstance(outcome, list)
    assert isinstance(outcome[0].event, StatementIssued)
    assert outcome[0].event.lines


async def _seconds(do: Any, times: int = 5) -> float:
    taken: list[float] = []
    for _ in range(times):
        with stopwatch() as watch:
            await do()
        taken.append(watch.seconds)
    return median(taken)
