"""Backup, go on, lose the store, restore: nobody writes over what is missing, and the tail comes back."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from infra.backup import (
    DUMP,
    MANIFEST,
    BackupError,
    LedgerInUseError,
    Restored,
    back_up,
    is_closed,
    open_ledger,
    restore,
)
from infra.bus import Place, TopicEnd
from infra.bus_memory import MemoryBus
from infra.database import Database, address, connect, quoted
from infra.event_store import Recorded, StoreUnavailableError
from infra.event_store.postgres import PostgresEventStore
from infra.local.postgres import Postgres
from infra.migrations import writer_role
from infra.migrations.ledgers import LedgerExistsError, find_ledger
from infra.operating import NotWholeError, require_whole
from infra.outcomes import Accepted, Asked
from infra.proving import ShardVerdict, in_postgres, prove
from infra.read_store.memory import MemoryReadStore
from infra.recovery import Recovered, recover
from infra.recovery_postgres import PostgresTail
from infra.relay import TopicAheadError, standing
from infra.subscriptions import StoreRewoundError, Subscription
from infra.verify import GivenHead
from tests.ledgers import PLAN, LedgerDatabase
from tests.support.echo import record
from tests.support.ledger_room import Room, postgres_room

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

LOGS = tuple(PLAN.logs)


def tell_nobody(_place: Place, _position: int, _last: int) -> None:
    """Let nobody know how far it is."""


class Site:
    """A ledger in a real server, its topics, and a folder for backups."""

    def __init__(self, server: Postgres, ledger: LedgerDatabase, folder: Path) -> None:
        self.server, self.ledger, self.backup = server, ledger, folder / "backup"
        self.bus = MemoryBus()
        self.kept: list[str] = []

    async def back_up(self) -> None:
        await back_up(self.server.dsn, self.ledger.name, PLAN, self.backup)

    async def restore(self, **options: object) -> Restored:
        made = await restore(self.server.dsn, self.backup, PLAN, self.verify, **options)  # type: ignore[arg-type]
        self.kept += [made.kept] if made.kept is not None else []
        return made

    async def verify(self, dsn: str, heads: Mapping[Place, GivenHead]) -> None:
        ledger = await find_ledger(self.server.dsn, self.ledger.name)
        await require_whole(dsn, ledger, heads, lambda _place, _position: None)

    async def recover(self) -> list[Recovered]:
        async with self.ledger.admin() as database:
            store = PostgresEventStore(dict.fromkeys(LOGS, database), LOGS, PLAN.shards)
            return await recover(store, PostgresTail(database), self.bus, LOGS, tell_nobody)

    async def verdicts(self) -> list[ShardVerdict]:
        async with self.ledger.admin() as database:
            store = PostgresEventStore(dict.fromkeys(LOGS, database), LOGS, PLAN.shards)
            walk = in_postgres(database, store, books=True)
            return [one async for one in prove(store, walk, LOGS, bus=self.bus)]

    async def execute(self, sql: str) -> None:
        async with self.ledger.admin() as database, database.appending() as connection:
            await connection.execute(f"set session_replication_role = replica; {sql}")

    async def relay(self, room: Room) -> None:
        for shard in range(room.store.shards):
            place = ("capacity", shard)
            sent = self.bus.partitions[place].end
            self.bus.store(place, [one async for page in room.store.scan(*place, sent) for one in page])


@pytest_asyncio.fixture
async def site(postgres: Postgres, ledger: LedgerDatabase, tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(postgres, ledger, tmp_path)
    yield made
    connection = await connect(postgres.dsn)
    for name in made.kept:
        await connection.execute(f"drop database {quoted(name)} with (force)")
    await connection.close()


async def filled(site: Site, *milestones: str) -> None:
    async with postgres_room(site.ledger) as room:
        await room.open()
        await room.record(*milestones)
        await room.record(*milestones, tenant="bo")
        await room.consume()
        await site.relay(room)


async def whole(site: Site) -> list[Recorded]:
    async with site.ledger.store("capacity") as store:
        return [
            one
            for shard in range(store.shards)
            async for page in store.scan("capacity", shard, 0)
            for one in page
        ]


async def test_a_backup_is_restored_as_the_ledger_that_it_was_made_of(site: Site) -> None:
    await filled(site, "a", "double-b")
    before = await whole(site)
    await site.back_up()
    assert {file.name for file in site.backup.iterdir()} == {DUMP, MANIFEST}
    await site.restore(replace=True)
    await open_ledger(site.server.dsn, site.ledger.name)
    assert await whole(site) == before
    assert [one.first_break for one in await site.verdicts()] == [None] * 4 * PLAN.shards
    async with postgres_room(site.ledger) as room:
        await room.open()
        assert len(await room.milestones()) == 6
        retry = await room.kept.commands.submit(Asked(command=record("a"), id="r-1", actor="ada"))
        assert isinstance(retry, Accepted)
        assert retry.duplicate


async def test_a_restored_ledger_lets_no_service_in_before_it_is_recovered(site: Site) -> None:
    await filled(site, "a")
    await site.back_up()
    await site.restore(replace=True)
    assert await is_closed(site.server.dsn, site.ledger.name)
    with pytest.raises(StoreUnavailableError, match="closed until `capledger recover`"):
        await Database(site.ledger.dsn(writer_role("capacity"))).open()
    await site.recover()
    await open_ledger(site.server.dsn, site.ledger.name)
    assert not await is_closed(site.server.dsn, site.ledger.name)
    assert len(await whole(site)) == 2


async def test_a_lost_tail_stops_everybody_and_comes_back_from_the_topic(site: Site) -> None:
    await filled(site, "a", "b")
    await site.back_up()
    elsewhere = MemoryReadStore()
    await filled_more(site, elsewhere)
    before = await whole(site)
    await site.restore(replace=True)

    async with site.ledger.admin() as database:
        store = PostgresEventStore(dict.fromkeys(LOGS, database), LOGS, PLAN.shards)
        ahead, stopped = 0, 0
        for place in [("capacity", shard) for shard in range(PLAN.shards)]:
            ahead += await is_ahead(site, store, place)
            stopped += await is_stopped(store, elsewhere, place)
    assert (ahead, stopped) == (2, 2)

    recovered = await site.recover()
    assert sum(one.recovered for one in recovered) == 6
    await open_ledger(site.server.dsn, site.ledger.name)
    assert await whole(site) == before
    assert [one.first_break for one in await site.verdicts()] == [None] * 4 * PLAN.shards
    async with postgres_room(site.ledger) as room:
        await room.open()
        retry = await room.kept.commands.submit(Asked(command=record("c"), id="more-1", actor="ada"))
        assert isinstance(retry, Accepted)
        assert retry.duplicate
        await room.consume()
        assert len(await room.milestones()) == len(before)
        room.reads = elsewhere
        await room.consume()


async def filled_more(site: Site, reads: MemoryReadStore) -> None:
    """Go on after the backup, with a consumer whose checkpoint the restore will not bring back."""
    async with postgres_room(site.ledger) as room:
        more = Room(room.store, reads, room.asides, room.spoil, ids="more")
        await more.open()
        await more.record("c", "double-d")
        await more.record("c", "double-d", tenant="bo")
        await more.consume()
        await site.relay(more)


async def is_ahead(site: Site, store: PostgresEventStore, place: Place) -> bool:
    end: TopicEnd = (await site.bus.ends([place]))[place]
    try:
        await standing(place, end, store, MemoryReadStore())
    except TopicAheadError:
        return True
    return False


async def is_stopped(store: PostgresEventStore, reads: MemoryReadStore, place: Place) -> bool:
    (consumer,) = Room(store, reads, None, None).node().consumers  # type: ignore[arg-type]
    try:
        await Subscription(consumer, *place, store, reads).advance()
    except StoreRewoundError:
        return True
    return False


async def test_a_ledger_is_not_replaced_by_accident(site: Site) -> None:
    await filled(site, "a")
    await site.back_up()
    with pytest.raises(LedgerExistsError):
        await site.restore()
    with pytest.raises(BackupError, match="there already"):
        await site.back_up()


async def test_a_ledger_on_which_services_run_is_not_replaced(site: Site) -> None:
    await filled(site, "a")
    await site.back_up()
    await site.execute(
        "insert into ledger.replica values ('capacity-1', 'capacity', '', now(), clock_timestamp())"
    )
    with pytest.raises(LedgerInUseError, match="capacity-1"):
        await site.restore(replace=True)


async def test_a_backup_of_a_damaged_log_is_not_put_in_place(site: Site) -> None:
    await filled(site, "a", "b")
    await site.execute("update capacity.event set payload = '{}' where position = 2")
    await site.back_up()
    before = await whole(site)
    with pytest.raises(NotWholeError, match="position 2: the chain does not hold"):
        await site.restore(replace=True)
    assert await whole(site) == before


async def test_a_dump_that_was_changed_is_refused(site: Site) -> None:
    await filled(site, "a")
    await site.back_up()
    dump = site.backup / DUMP
    dump.write_bytes(dump.read_bytes()[:-1] + b"x")
    with pytest.raises(BackupError, match="not the one that was made"):
        await site.restore(replace=True)


async def test_a_sandbox_is_made_of_a_backup_under_another_name(site: Site) -> None:
    await filled(site, "a")
    await site.back_up()
    made = await site.restore(name=f"{site.ledger.name}-copy")
    copy = address(site.server.dsn, database=f"capledger_{made.ledger}")
    site.kept.append(f"capledger_{made.ledger}")
    connection = await connect(copy)
    try:
        assert await connection.fetchval("select name from ledger.identity") == made.ledger
        assert await connection.fetchval("select count(*) from capacity.event") == 2
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("update capacity.stream_head set version = 9 where tenant = 'ada'", "its head says 9"),
        ("delete from capacity.stream_head where tenant = 'ada'", "its head says none"),
        ("delete from capacity.command where command_id = 'r-1'", "1 was expected first"),
        (
            "delete from capacity.command where command_id = 'r-2'",
            "the last accepted command ends at position 1",
        ),
        ("update capacity.placement set shard = 3 where tenant = 'ada'", "is placed in shard 3"),
        ("delete from capacity.placement where tenant = 'ada'", "is placed in shard none"),
    ],
)
async def test_what_is_kept_beside_the_events_is_looked_over_too(site: Site, damage: str, found: str) -> None:
    await filled(site, "a", "b")
    await site.execute(damage)
    broken = [str(one.broken) for one in await site.verdicts() if one.broken is not None]
    assert len(broken) == 1
    assert found in broken[0]
