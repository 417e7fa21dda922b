"""The commands of operations on real servers: what they print, and with which code they end."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from cli.app import build, operating_errors
from infra.bundle import read
from infra.config import Config, KafkaSettings, PostgresSettings
from infra.database import connect, quoted
from infra.kafka import KafkaBus
from infra.local.kafka import Kafka
from infra.migrations import writer_role
from infra.node import Ledger
from services.capacity.projections import POOLS
from tests.ledgers import PLAN, LedgerDatabase
from tests.support.broker import running_kafka
from tests.support.ledger_room import Room, postgres_room

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

LOGS = tuple(PLAN.logs)
Run = Callable[..., Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kafka]:
    """A running broker."""
    async with running_kafka(tmp_path_factory) as broker:
        yield broker


class Desk:
    """A ledger on real servers, its topics, and the configuration that commands are given."""

    def __init__(self, ledger: LedgerDatabase, kafka: Kafka, folder: Path) -> None:
        self.ledger, self.folder = ledger, folder
        settings = KafkaSettings(bootstrap=kafka.address)
        named = Ledger(
            name=ledger.name, mode="sandbox", shards=PLAN.shards, topic_prefix=f"capledger.{ledger.name}"
        )
        self.bus = KafkaBus(settings, named, "tests")
        config = Config(
            postgres=PostgresSettings(dsn=ledger.dsn(writer_role("capacity")), admin_dsn=ledger.admin_dsn),
            kafka=settings,
            ledgers=(ledger.name,),
        )
        self.config = folder / "capacity.yaml"
        self.config.write_bytes(msgspec.json.encode(config))

    async def record(self, *milestones: str) -> None:
        """Record milestones and bring them to the topics."""
        async with postgres_room(self.ledger) as room:
            fresh = Room(room.store, room.reads, room.asides, room.spoil, ids="-".join(milestones))
            await fresh.open()
            await room.reads.prepare(POOLS.tables)
            await fresh.record(*milestones)
            await fresh.consume()
            shard = await room.store.placed("capacity", "ada")
            assert shard is not None
            place = ("capacity", shard)
            sent = (await self.bus.ends([place]))[place].last
            events = await room.store.shard(*place, 0 if sent is None else sent.position)
            publisher = await self.bus.publisher()
            await (await publisher.send(place, events)).ack
            await publisher.close()

    async def damage(self, sql: str) -> None:
        async with self.ledger.admin() as database, database.appending() as connection:
            await connection.execute(f"set session_replication_role = replica; {sql}")


@pytest_asyncio.fixture
async def desk(ledger: LedgerDatabase, kafka: Kafka, tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(ledger, kafka, tmp_path)
    await made.bus.prepare(LOGS, create=True)
    yield made
    await made.bus.close()


@pytest.fixture
def run(desk: Desk, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; returns what it printed and its exit code, or what it raised."""

    async def command(*words: str) -> tuple[str, Any]:
        try:
            code = await asyncio.to_thread(build(), [*words, "--config", str(desk.config)])
        except operating_errors() as error:
            return str(error), type(error).__name__
        return capsys.readouterr().out, code

    return command


async def test_a_ledger_is_lost_restored_and_recovered_by_command(desk: Desk, run: Run) -> None:
    await desk.record("a", "b")
    backup = str(desk.folder / "backup")
    out, code = await run("verify")
    assert code == 0
    assert "2 events, topic 1 to 2" in out
    assert (await run("backup", backup))[1] == 0
    await desk.record("c")
    await desk.record("d")

    assert (await run("restore", backup))[1] == "LedgerExistsError"
    out, code = await run("restore", backup, "--replace", "--json")
    assert code == 0
    kept = json.loads(out)["kept"]
    try:
        out, code = await run("recover", "--json")
        assert code == 0
        came_back = [json.loads(line) for line in out.splitlines()]
        assert sum(one["after"] - one["before"] for one in came_back) == 2
        out, code = await run("verify", "--heads", backup)
        assert code == 0
        assert "4 events, topic 1 to 4" in out
        await desk.record("e")
        out, code = await run("verify", "--json", "--log", "capacity")
        assert max(json.loads(line)["position"] for line in out.splitlines()) == 5
    finally:
        connection = await connect(desk.ledger.admin_dsn)
        await connection.execute(f"drop database {quoted(kept)}")
        await connection.close()


async def test_what_is_wrong_is_named_and_the_command_fails(desk: Desk, run: Run) -> None:
    await desk.record("a", "b")
    heads, _ = await run("verify", "--json")
    (desk.folder / "heads").write_text(heads)
    assert (await run("verify", "--heads", str(desk.folder / "heads")))[1] == 0

    (line,) = [one for one in map(json.loads, heads.splitlines()) if one["head"] is not None]
    other = line["head"][:-2] + ("00" if line["head"][-2:] != "00" else "11")
    out, code = await run("verify", "--head", other)
    assert code == 1
    assert "is not that of the head given" in out

    await desk.damage("update capacity.event set payload = '{}' where position = 2")
    out, code = await run("verify", "--json")
    assert code == 1
    broken = [json.loads(one)["broken"] for one in out.splitlines()]
    assert [one for one in broken if one is not None] == [{"position": 2, "found": "the chain does not hold"}]


async def test_a_topic_that_differs_is_found(desk: Desk, run: Run) -> None:
    await desk.record("a", "b")
    await desk.damage(
        "delete from capacity.event; update capacity.shard_head set position = 0, "
        "chain = decode(repeat('00', 32), 'hex'), recorded_at = null; "
        "delete from capacity.command; delete from capacity.stream_head"
    )
    out, code = await run("verify")
    assert code == 1
    assert "the topic holds an event that the log does not" in out
    assert (await run("verify", "--no-topics"))[1] == 0


async def test_read_models_are_checked_and_replaced_by_command(desk: Desk, run: Run) -> None:
    await desk.record("a")
    out, code = await run("replay", "check", "capacity.pools")
    assert (code, out.split()[:2]) == (0, ["same", "capacity.pools:"])
    assert (await run("replay", "promote", "capacity.pools"))[1] == "NoShadowError"
    assert (await run("replay", "shadow", "capacity.pools"))[1] == 0
    out, code = await run("replay", "promote", "capacity.pools")
    assert (code, out.strip()) == (0, "capacity.pools is promoted")
    assert (await run("replay", "abandon", "capacity.pools"))[1] == 0
    assert (await run("replay", "check", "capacity.none"))[1] == "UnknownNameError"


async def test_quarantine_is_empty_or_the_command_says_so(desk: Desk, run: Run) -> None:
    await desk.record("a")
    assert (await run("quarantine", "list", "--consumer", "capacity.pools")) == (
        "nothing is in quarantine\n",
        0,
    )
    await desk.record("poison-1")
    out, code = await run("quarantine", "list", "--consumer", "capacity.seen", "--json")
    assert code == 1
    (one,) = map(json.loads, out.splitlines())
    place = f"{one['log']}/{one['shard']}/{one['position']}"
    out, code = await run("quarantine", "show", "capacity.seen", place, "--json")
    assert json.loads(out)["payload"]["milestone"] == "poison-1"
    assert (await run("quarantine", "retry", "capacity.seen", place))[1] == "NotParkedError"
    assert (await run("quarantine", "show", "capacity.seen", "nowhere"))[1] == "ConfigError"


async def test_a_bundle_is_written_by_command(desk: Desk, run: Run) -> None:
    await desk.record("a", "b")
    file = str(desk.folder / "ada.bundle")
    out, code = await run("replay", "export", file, "--tenant", "ada", "--leaves")
    assert (code, out.startswith(f"{file}: 1 types of events")) == (0, True)
    assert [one.stream for one in read(Path(file)).events] == ["pool-p", "pool-p"]
    assert (await run("replay", "export", file, "--tenant", "nobody"))[1] == "NothingSelectedError"
    assert (await run("replay", "export", file, "--tenant", "ada", "--log", "capacity"))[1] == "ConfigError"
