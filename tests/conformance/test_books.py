"""Books kept in either store are those that follow from the log, whatever was known, for every instant."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any

import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.codec import convert
from infra.consumers import Handled, ProjectionConsumer
from infra.event_store import Cut, Recorded
from infra.ledger_past import LedgerPast
from infra.local.postgres import Postgres
from infra.migrations import read_schema, writer_role
from infra.node import Node
from infra.outcomes import Accepted
from infra.read_store import ReadStore
from infra.read_store.memory import MemoryReadStore
from infra.read_store.postgres import PostgresReadStore
from infra.subscriptions import Subscription
from infra.sums import Between
from infra.system import System
from schemas.catalog import LOGS
from schemas.contracts import SignContract
from schemas.message import Command
from schemas.settlement import (
    IssueCreditNote,
    IssueStatement,
    OpenDispute,
    RecordPayment,
    RecordRate,
    SetBook,
)
from services.contracts.service import SERVICE as CONTRACTS
from services.settlement import posting
from services.settlement.domain.journal import trial
from services.settlement.domain.valuing import RateMissingError
from services.settlement.reads.journal import groups_of
from services.settlement.service import SERVICE as SETTLEMENT
from tests.ledgers import fresh_ledger
from tests.unit.settlement.deals import at, month

TERM = {"start": "2026-06-01T00:00:00Z", "end": "2026-12-01T00:00:00Z"}
NOW = at("2026-12-02")
DAYS = [date(2026, 6, 30), date(2026, 7, 31), date(2026, 9, 15), date(2026, 12, 1)]
INSTANTS = [at("2026-07-01"), at("2026-08-01"), at("2026-09-16"), at("2027-01-01")]
ALWAYS = Between("at", at("2026-01-01"), at("2028-01-01"))
OWN = ("settlement", 0)


def terms(name: str, currency: str) -> dict[str, Any]:
    fee = {"charge": "fee", "kind": "fixed", "lines": ["train"], "steps": [{**TERM, "amount": "1000"}]}
    line = {"line": "train", "pool": "pool-1", "quantity": [{**TERM, "quantity": 100}]}
    made = {
        "supplier": "nimbus",
        "customer": "acme",
        "term": TERM,
        "currency": currency,
        "lines": [line],
        "charges": [fee],
        "tax": [{"category": "S", "rate_percent": "19"}],
    }
    return {"contract": name, "terms": made}


def issue(name: str, number: int) -> Command:
    return IssueStatement(contract=name, interval=month(number))


def pay(name: str, number: int, hundreds: int) -> Command:
    when = month(number).end
    return RecordPayment(
        contract=name, payment=f"p{number}-{hundreds}", amount=str(hundreds * 100), received_at=when
    )


def credit(name: str, number: int) -> Command:
    statement = f"nimbus/{name}-2026-{number:02}"
    return IssueCreditNote(
        contract=name, credit_note=f"c{number}", statement=statement, net="10", reason="late start"
    )


def contest(name: str, number: int) -> Command:
    statement = f"nimbus/{name}-2026-{number:02}"
    return OpenDispute(
        contract=f"nimbus/{name}", dispute=f"d{number}", statement=statement, amount="50", reason="hours"
    )


def rate(pair: str, day: date, value: str) -> Command:
    return RecordRate(pair=pair, date=day, rate=value)


names, numbers = st.sampled_from(["euros", "yen"]), st.integers(6, 9)
deeds = st.lists(
    st.one_of(
        st.builds(issue, names, numbers),
        st.builds(issue, names, numbers),
        st.builds(pay, names, numbers, st.integers(1, 30)),
        st.builds(credit, names, numbers),
        st.builds(contest, names, numbers),
        st.builds(
            rate,
            st.sampled_from(["EUR/USD", "USD/EUR", "JPY/USD", "EUR/JPY"]),
            st.sampled_from(DAYS),
            st.sampled_from(["1.1", "0.9", "0.0067", "150"]),
        ),
        st.builds(SetBook, currency=st.sampled_from(["USD", "EUR", "JPY"])),
    ),
    max_size=16,
)


@pytest_asyncio.fixture
async def reads(server: Postgres | None) -> AsyncIterator[ReadStore]:
    if server is None:
        yield MemoryReadStore()
        return
    async with fresh_ledger(server.dsn) as ledger, ledger.database(writer_role("settlement")) as database:
        yield PostgresReadStore(database, read_schema("settlement"))


async def played(found: Sequence[Command]) -> System:
    """A ledger in which all that happened, whatever of it was refused."""
    system = await System.open((CONTRACTS, SETTLEMENT), NOW, shards=1)
    for name, currency in (("euros", "EUR"), ("yen", "JPY")):
        signed = convert(SignContract, terms(name, currency))
        assert isinstance(await system.submit("nimbus", signed, effective_at=at("2026-05-01")), Accepted)
    await system.rest()
    for number, command in enumerate(found):
        actor = "acme" if isinstance(command, OpenDispute) else "nimbus"
        effective_at = None if isinstance(command, SetBook | RecordRate) else _when(command)
        await system.submit(actor, command, id_=str(number), effective_at=effective_at)
        await system.rest()
    return system


def _when(command: Command) -> datetime | None:
    return command.interval.end if isinstance(command, IssueStatement) else None


async def follow(node: Node, reads: ReadStore, pages: Sequence[int]) -> LedgerPast:
    """Post a ledger's events into a store, by pages of different sizes, and return the past over it."""
    projection = posting.PROJECTION
    past = LedgerPast(node.store, reads, LOGS, {posting.NAME: projection.follows})
    await reads.prepare(projection.tables)
    consumer = ProjectionConsumer(projection, past)
    subscription = Subscription(consumer, *OWN, node.store, reads)
    head = (await node.store.heads("settlement"))[0].position
    while subscription.position < head:
        size = pages[subscription.position % len(pages)]
        await subscription.offer(await node.store.shard(*OWN, subscription.position, size))
    return past


async def faults(past: LedgerPast, position: int) -> list[str]:
    """What the books kept say otherwise than the log, at one position known."""
    then = past.at(Cut({OWN: position}))
    missing = await posting.missing_rate(then, "nimbus")
    try:
        groups = await groups_of(then, "nimbus")
    except RateMissingError as error:
        return [] if missing == (error.currency, error.at) else [f"{position}: {missing}, not {error}"]
    found = [] if missing is None else [f"{position}: {missing} is not missing"]
    if await posting.posted(then, "nimbus", ALWAYS) != groups:
        found.append(f"{position}: other groups")
    for instant in INSTANTS:
        expected = trial(group for group in groups if group.at < instant)
        kept = await posting.balances(then, "nimbus", instant)
        if kept != expected:
            found.append(f"{position}, {instant}: {kept} instead of {expected}")
    return found


@given(deeds, st.lists(st.integers(1, 7), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
async def test_the_books_in_memory_are_those_of_the_log(found: list[Command], pages: list[int]) -> None:
    node = (await played(found)).parts["settlement"].node
    past = await follow(node, MemoryReadStore(), pages)
    head = (await node.store.heads("settlement"))[0].position

    assert [fault for position in range(head + 1) for fault in await faults(past, position)] == []


@given(found=deeds, pages=st.lists(st.integers(1, 7), min_size=1, max_size=4))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_both_stores_keep_the_same_books(
    reads: ReadStore, found: list[Command], pages: list[int]
) -> None:
    node = (await played(found)).parts["settlement"].node
    if isinstance(reads, PostgresReadStore):
        await emptied(reads)
        past = await follow(node, reads, pages)
    else:
        past = await follow(node, MemoryReadStore(), pages)
    memory = MemoryReadStore()
    await follow(node, memory, [1000])

    for table in (posting.POSTINGS, posting.UNBOOKED):
        assert list(await past.rows(table, {})) == list(await memory.rows(table, {}, None))
    head = (await node.store.heads("settlement"))[0].position
    assert [fault for position in {head // 2, head} for fault in await faults(past, position)] == []


async def emptied(reads: PostgresReadStore) -> None:
    tables = ", ".join(f"settlement_read.{table}" for table in (posting.POSTINGS, posting.UNBOOKED))
    views = ", ".join(f"settlement_read.{table}_v1" for table in (posting.POSTINGS, posting.UNBOOKED))
    async with reads._database.appending() as connection:
        await connection.execute(f"drop view if exists {tables}; drop table if exists {views}")
        await connection.execute("delete from settlement_read.checkpoint")


async def test_a_rate_that_comes_late_books_anew_and_takes_nothing_back(reads: ReadStore) -> None:
    deeds = [
        SetBook(currency="USD"),
        rate("EUR/USD", DAYS[0], "1.1"),
        issue("euros", 6),
        rate("EUR/USD", date(2026, 7, 1), "1.25"),
    ]
    node = (await played(deeds)).parts["settlement"].node
    past = await follow(node, reads, [1000])

    rows = await past.rows(posting.POSTINGS, {"tenant": "nimbus", "account": "Receivable"})
    assert [(row["reversal"], row["amount"], row["balance"]) for row in rows] == [
        (0, 130_900, 130_900),
        (1, -130_900, 0),
        (0, 148_750, 148_750),
    ]


async def test_what_cannot_be_booked_waits_for_its_rate(reads: ReadStore) -> None:
    deeds = [issue("euros", 6), SetBook(currency="USD"), rate("EUR/USD", DAYS[0], "1.1")]
    node = (await played(deeds)).parts["settlement"].node
    past = await follow(node, reads, [1000])

    heads = [2, 3, 4]  # the statement with its credit is one event, then the books, then the rate
    found = [await posting.missing_rate(past.at(Cut({OWN: n - 1})), "nimbus") for n in heads]
    assert found == [None, ("EUR", at("2026-07-01")), None]


class Stumbling(ProjectionConsumer):
    """The books' consumer, which cannot apply one event until it is told that it can."""

    stumbles_at = 0

    async def handle(self, recorded: Recorded) -> Handled:
        if recorded.position == self.stumbles_at:
            raise ValueError("it cannot be applied")
        return await super().handle(recorded)


@given(deeds, st.integers(2, 12), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
async def test_books_with_an_event_applied_from_quarantine_are_those_of_the_log(
    found: list[Command], stumbles_at: int, left: int
) -> None:
    node = (await played(found)).parts["settlement"].node
    reads, straight = MemoryReadStore(), MemoryReadStore()
    await follow(node, straight, [1000])
    await reads.prepare(posting.PROJECTION.tables)
    past = LedgerPast(node.store, reads, LOGS, {posting.NAME: posting.PROJECTION.follows})
    consumer = Stumbling(posting.PROJECTION, past)
    consumer.stumbles_at = stumbles_at
    subscription = Subscription(consumer, *OWN, node.store, reads)
    head = (await node.store.heads("settlement"))[0].position
    while subscription.position < head - left and await subscription.offer(
        await node.store.shard(*OWN, subscription.position, 1)
    ):
        pass
    consumer.stumbles_at = 0
    for parked in (await subscription.quarantine())[:1]:
        await subscription.retry(parked)
    await subscription.open()
    await subscription.heal()
    while await subscription.advance():
        pass

    assert await subscription.quarantine() == []
    for table in (posting.POSTINGS, posting.UNBOOKED):
        assert list(await reads.rows(table, {}, None)) == list(await straight.rows(table, {}, None))
