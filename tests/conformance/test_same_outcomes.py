"""Random batches and clocks: the store in memory and the one in PostgreSQL come to the same."""

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.event_store import Appended, Batch, Conflict, DecidedOn, NewCommand, NewEvent
from tests.conformance.batches import command, event, whole
from tests.conformance.worlds import MemoryWorld, PostgresWorld, World, postgres_world
from tests.ledgers import START, LedgerDatabase

LOG = "contracts"
TENANTS = ("acme", "zeta")


class Told(msgspec.Struct, frozen=True):
    """What a random command is made of. `off`: by how much it is mistaken about its streams."""

    tenant: str
    actor: str
    id: str
    content: str
    streams: tuple[str, ...]
    counterparty: str | None
    refused: bool
    off: int
    cause: int | None


told = st.builds(
    Told,
    tenant=st.sampled_from(TENANTS),
    actor=st.sampled_from(("acme", "rival")),
    id=st.sampled_from([f"c{number}" for number in range(8)]),
    content=st.sampled_from(("same", "same", "same", "other")),
    streams=st.lists(st.sampled_from(("contract-a", "contract-b", "pool-c")), max_size=3).map(tuple),
    counterparty=st.sampled_from((None, "buyer", "rival")),
    refused=st.booleans(),
    off=st.sampled_from((0, 0, 0, 0, 0, 1, -1)),
    cause=st.none() | st.integers(0, 4),
)
step = st.tuples(st.lists(told, max_size=5), st.integers(0, 2), st.integers(0, 8))


@pytest.mark.stack
@pytest.mark.timeout(180)
@given(st.lists(step, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_random_batches_come_to_the_same(
    ledger: LedgerDatabase, steps: list[tuple[list[Told], int, int]]
) -> None:
    async with postgres_world(ledger) as real:
        await empty(ledger)
        model = MemoryWorld()
        seconds = 0
        for commands, wait, instant in steps:
            seconds += wait
            await model.advance(START + timedelta(seconds=seconds))
            await real.advance(START + timedelta(seconds=seconds))
            await both_append(model, real, commands)
            await both_resolve(model, real, START + timedelta(seconds=min(instant, seconds)))
        await both_read(model, real)


async def empty(ledger: LedgerDatabase) -> None:
    """Bring a ledger back to its first moment, faster than making another."""
    async with ledger.admin() as database, database.appending() as connection:
        await connection.execute(
            "set session_replication_role = replica; update ledger.clock set at = '2026-06-01T00:00:00Z';"
            "truncate contracts.event, contracts.command, contracts.stream_head, contracts.placement;"
            "update contracts.shard_head"
            " set position = 0, chain = decode(repeat('00', 32), 'hex'), recorded_at = null, sealed_at = null"
        )


async def both_append(model: World, real: World, commands: list[Told]) -> None:
    for tenant in TENANTS:
        chosen = list({(one.actor, one.id): one for one in commands if one.tenant == tenant}.values())
        shards = [await world.store.place(LOG, tenant) for world in (model, real)]
        assert shards[0] == shards[1]
        made = await built(model, shards[0], tenant, chosen)
        outcomes = [await world.store.writer(LOG, shards[0]).append(made) for world in (model, real)]
        assert outcomes[0] == outcomes[1]
        assert isinstance(outcomes[0], Appended | Conflict)


async def built(world: World, shard: int, tenant: str, chosen: list[Told]) -> Batch:
    """Return a batch as a decider would make it, but for its mistakes."""
    known: dict[str, int] = {}
    added: dict[str, int] = {}
    made: list[NewCommand] = []
    for one in chosen:
        for stream in one.streams:
            if stream not in known:
                actual = len(await world.store.writer(LOG, shard).stream(tenant, stream))
                known[stream] = max(0, actual + one.off)
        events: list[NewEvent] = []
        for stream in () if one.refused else one.streams:
            added[stream] = added.get(stream, 0) + 1
            version = known[stream] + added[stream]
            events.append(event(stream, version, tenant=tenant, counterparty=one.counterparty))
        cause = None if one.cause is None else START + timedelta(seconds=one.cause)
        made.append(
            command(
                one.id,
                *events,
                tenant=tenant,
                actor=one.actor,
                content=one.id + one.content,
                refused=one.refused,
                cause=cause,
            )
        )
    return Batch(tuple(made), tuple(DecidedOn(tenant, stream, version) for stream, version in known.items()))


async def both_resolve(model: MemoryWorld, real: PostgresWorld, instant: datetime) -> None:
    cuts = [await world.store.resolve(instant) for world in (model, real)]
    for shard in range(4):
        assert cuts[0].position(LOG, shard) == cuts[1].position(LOG, shard)


async def both_read(model: MemoryWorld, real: PostgresWorld) -> None:
    for shard in range(4):
        assert await whole(model.store, shard) == await whole(real.store, shard)
    assert await model.store.heads(LOG) == await real.store.heads(LOG)
    for party in (*TENANTS, "buyer", "rival"):
        for category in ("contract", "pool"):
            found = [await world.store.streams(LOG, party, category) for world in (model, real)]
            assert found[0] == found[1]
    for tenant in TENANTS:
        for number in range(8):
            keys = (LOG, tenant, "acme", f"c{number}")
            assert await model.store.known(*keys) == await real.store.known(*keys)
