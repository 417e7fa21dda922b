"""Whatever is changed behind the log's back is found, and its place is named."""

import pytest

from infra.event_store import StoreCorruptError
from infra.event_store.postgres import verify
from tests.conformance.batches import batch, command, event, fill, whole
from tests.ledgers import LedgerDatabase

pytestmark = pytest.mark.stack

LOG = "contracts"
EVENTS = 12


async def filled(ledger: LedgerDatabase) -> int:
    async with ledger.store() as store:
        shard = await fill(store, "contract-a", range(1, 7))
        parts = [event("contract-ü", v, b"x" * v, counterparty="buyer") for v in range(1, 5)]
        await store.writer(LOG, shard).append(batch(command("b", *parts)))
        await fill(store, "contract-a", range(7, 9))
    return shard


async def verified(ledger: LedgerDatabase, shard: int) -> list[int]:
    """Look a shard over in pages of five events."""
    async with ledger.database("capledger_operations") as database:
        return [step.position async for step in verify(database, LOG, shard, page_events=5)]


async def test_a_log_that_nobody_touched_is_whole(ledger: LedgerDatabase) -> None:
    shard = await filled(ledger)
    assert await verified(ledger, shard) == [5, 10, 12]
    assert await verified(ledger, (shard + 1) % 4) == []


async def test_python_and_sql_agree_on_every_leaf(ledger: LedgerDatabase) -> None:
    shard = await filled(ledger)
    async with ledger.store() as store, ledger.admin() as database:
        kept = await whole(store, shard)
        async with database.reading() as connection:
            rows = await connection.fetch(
                "select contracts.leaf(tenant, counterparty, stream, version, event_id, type, effective_at,"
                " payload, meta) as leaf from contracts.event where shard = $1 order by position",
                shard,
            )
    assert [row["leaf"] for row in rows] == [recorded.leaf() for recorded in kept]


@pytest.mark.parametrize(
    ("damage", "position"),
    [
        ("update contracts.event set payload = '{\"a\":1}' where position = 4", 4),
        ("update contracts.event set meta = '{}' where position = 1", 1),
        ("update contracts.event set tenant = 'zeta' where position = 6", 6),
        ("update contracts.event set counterparty = null where position = 8", 8),
        ("update contracts.event set counterparty = 'buyer' where position = 2", 2),
        ("update contracts.event set type = 'tests.Other.v1' where position = 5", 5),
        ("update contracts.event set effective_at = effective_at + interval '1us' where position = 11", 11),
        ("update contracts.event set recorded_at = recorded_at + interval '1us' where position = 12", 12),
        ("update contracts.event set event_id = gen_random_uuid() where position = 10", 10),
        ("update contracts.event set version = 99 where position = 3", 3),
        ("update contracts.event set chain = sha256('x') where position = 7", 7),
        ("delete from contracts.event where position = 1", 1),
        ("delete from contracts.event where position = 5", 5),
        ("delete from contracts.event where position = 7", 7),
        ("delete from contracts.event where position = 12", 12),
        ("delete from contracts.event where position > 10", 11),
        ("update contracts.shard_head set chain = sha256('x')", 12),
    ],
)
async def test_every_change_is_found(ledger: LedgerDatabase, damage: str, position: int) -> None:
    shard = await filled(ledger)
    await damaged(ledger, damage)
    with pytest.raises(StoreCorruptError) as caught:
        await verified(ledger, shard)
    assert (caught.value.log, caught.value.shard, caught.value.position) == (LOG, shard, position)


async def test_a_chain_made_anew_over_wrong_versions_is_found_too(ledger: LedgerDatabase) -> None:
    shard = await filled(ledger)
    await damaged(
        ledger,
        "update contracts.event set version = version + 10 where position >= 4 and stream = 'contract-a'",
    )
    await damaged(ledger, CHAIN_AGAIN)
    with pytest.raises(StoreCorruptError, match=r"versions of a stream"):
        await verified(ledger, shard)


async def test_a_reader_stops_at_a_hole(ledger: LedgerDatabase) -> None:
    shard = await filled(ledger)
    await damaged(ledger, "delete from contracts.event where position = 6")
    async with ledger.store() as store:
        assert len(await store.shard(LOG, shard, 0, 5)) == 5
        for read in (store.shard(LOG, shard, 0), store.shard(LOG, shard, 5)):
            with pytest.raises(StoreCorruptError) as caught:
                await read
            assert caught.value.position == 6
        with pytest.raises(StoreCorruptError):
            await whole(store, shard)


async def damaged(ledger: LedgerDatabase, sql: str) -> None:
    """Do damage as only somebody can who owns the server."""
    async with ledger.admin() as database, database.appending() as connection:
        await connection.execute(f"set session_replication_role = replica; {sql}")


# A forger who can write the tables can also compute the chain.
CHAIN_AGAIN = """
do $$
declare
    _event contracts.event;
    _chain bytea := decode(repeat('00', 32), 'hex');
begin
    for _event in select * from contracts.event order by position loop
        _chain := sha256(_chain || int8send(_event.position)
                         || int8send(timestamptz_send(_event.recorded_at)::bigint + 946684800000000)
                         || contracts.leaf(_event.tenant, _event.counterparty, _event.stream, _event.version,
                                           _event.event_id, _event.type, _event.effective_at, _event.payload,
                                           _event.meta));
        update contracts.event set chain = _chain where position = _event.position;
    end loop;
    update contracts.shard_head set chain = _chain where position > 0;
end
$$
"""
