"""Durable double entry: pairs of postings a second in batches of 100, beside a plain set-based insert."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from infra.database import Database
from infra.event_store import GENESIS, Recorded
from infra.migrations import read_schema, writer_role
from infra.read_store import START, Checkpoint, Effect
from infra.read_store.postgres import PostgresReadStore
from infra.service import Row
from services.settlement.posting import LOG, NAME, POSTINGS, PROJECTION
from tests.bench.measure import Measure, stopwatch
from tests.ledgers import fresh_ledger

BATCH, BATCHES, SHARDS, ACCOUNTS = 100, 200, 4, 500
AT = datetime(2026, 6, 1, tzinfo=UTC)
PLAIN = """
create table plain (
    shard integer, position bigint, ordinal integer, account text collate "C", amount bigint,
    primary key (shard, position, ordinal)
);
create index on plain (account, shard, position, ordinal);
grant all on plain to public
"""
INSERT = """
insert into plain select * from unnest($1::integer[], $2::bigint[], $3::integer[], $4::text[], $5::bigint[])
"""
Pair = tuple[int, str, str]


async def posting_measures(admin_dsn: str) -> AsyncIterator[Measure]:
    """Yield the pairs a second that become durable: many accounts, then one that is in every pair."""
    ours: dict[str, float] = {}
    for what in ("many accounts", "one account in every pair"):
        pairs = [(n, _account(n, what), f"income-{n * 7 % ACCOUNTS}") for n in range(BATCH * BATCHES)]
        async with fresh_ledger(admin_dsn, "live") as ledger:
            async with ledger.admin() as admin, admin.appending() as connection:
                await connection.execute(PLAIN)
            async with ledger.database(writer_role("settlement"), appends=SHARDS) as database:
                ours[what] = await _posted(database, pairs)
                plain = await _plain(database, pairs)
        yield Measure(
            what=f"postings, {BATCH} pairs a commit, {SHARDS} shards: {what}",
            ours=ours[what],
            unit="pairs/s",
            limit=plain,
            beside="plain set-based insert",
            aim="at least 0.72" if what == "many accounts" else "",
        )
    many, one = ours.values()
    yield Measure(
        what="one account in every pair",
        ours=one,
        unit="pairs/s",
        limit=many,
        beside="many",
        aim="at least 0.7",
    )


def _account(n: int, what: str) -> str:
    return "Cash" if what.startswith("one") else f"cash-{n % ACCOUNTS}"


async def _posted(database: Database, pairs: Sequence[Pair]) -> float:
    store = PostgresReadStore(database, read_schema("settlement"))
    await store.prepare(PROJECTION.tables)
    made = [[_effect(shard, batch) for batch in _batches(pairs)] for shard in range(SHARDS)]

    async def one(effects: Sequence[Effect]) -> None:
        for effect in effects:
            await store.apply(effect)

    with stopwatch() as watch:
        await asyncio.gather(*map(one, made))
    return SHARDS * len(pairs) / watch.seconds


async def _plain(database: Database, pairs: Sequence[Pair]) -> float:
    async def one(shard: int) -> None:
        for _, batch in _batches(pairs):
            rows = [
                (shard, n, ordinal, account, amount)
                for n, debit, credit in batch
                for ordinal, (account, amount) in enumerate(((debit, n + 1), (credit, -n - 1)))
            ]
            async with database.appending() as connection, connection.transaction():
                await connection.execute(INSERT, *[list(column) for column in zip(*rows, strict=True)])

    with stopwatch() as watch:
        await asyncio.gather(*map(one, range(SHARDS)))
    return SHARDS * len(pairs) / watch.seconds


def _batches(pairs: Sequence[Pair]) -> list[tuple[int, Sequence[Pair]]]:
    return [(first, pairs[first : first + BATCH]) for first in range(0, len(pairs), BATCH)]


def _effect(shard: int, numbered: tuple[int, Sequence[Pair]]) -> Effect:
    first, batch = numbered
    events = [_recorded(shard, n + 1) for n, _, _ in batch]
    rows = [
        (event, _row(shard, event.position, account, amount))
        for event, (n, debit, credit) in zip(events, batch, strict=True)
        for account, amount in ((debit, n + 1), (credit, -n - 1))
    ]
    return Effect(
        consumer=NAME,
        log=LOG,
        shard=shard,
        seen=START if first == 0 else Checkpoint(first, GENESIS),
        reached=Checkpoint(first + len(batch), GENESIS),
        rows=rows,
    )


def _row(shard: int, position: int, account: str, amount: int) -> Row:
    values = {
        "tenant": f"nimbus-{shard}",
        "contract": f"nimbus-{shard}/deal-{position % 97}",
        "cause": f"payment-{position}",
        "at": AT,
        "source": position,
        "number": 0,
        "reversal": 0,
        "account": account,
        "currency": "USD",
        "amount": amount,
        "original_currency": None,
        "original": None,
    }
    return Row(POSTINGS, values)


def _recorded(shard: int, position: int) -> Recorded:
    return Recorded(
        log=LOG,
        shard=shard,
        position=position,
        tenant=f"nimbus-{shard}",
        counterparty=None,
        stream="account-deal",
        version=position,
        event_id=UUID(int=position),
        type="settlement.PaymentRecorded.v1",
        effective_at=AT,
        recorded_at=AT,
        payload=b"{}",
        meta_bytes=b"{}",
        chain=GENESIS,
    )
