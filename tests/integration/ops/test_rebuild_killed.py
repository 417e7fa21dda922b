"""A rebuild of read models that dies midway: the live ones stay, and it can be begun anew or let go."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.config import Config, ConfigError, KafkaSettings, PostgresSettings
from infra.failpoints import CRASH_EXIT_CODE, Failpoint
from infra.migrations import writer_role
from infra.operating import as_service
from infra.outcomes import Accepted, Asked
from infra.subscriptions import Subscription
from schemas.capacity.commands import RegisterPool
from schemas.capacity.values import Sku
from services.capacity.__main__ import SERVICE
from services.capacity.projections import LISTED_POOLS, POOLS
from tests.ledgers import LedgerDatabase

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

OPERATORS = ("ada", "bo", "cy", "di", "ed", "fay")
SKU = Sku(gpu="GB300", memory_gb=288, interconnect="infiniband")
NOWHERE = "127.0.0.1:1"
"""A rebuild asks no topic."""


class Desk:
    """A ledger with registered pools, and the command line before it."""

    def __init__(self, ledger: LedgerDatabase, folder: Path) -> None:
        self.ledger, self._folder = ledger, folder

    def config(self, failpoints: Mapping[str, str]) -> Config:
        return Config(
            postgres=PostgresSettings(dsn=self.ledger.dsn(writer_role("capacity"))),
            kafka=KafkaSettings(bootstrap=NOWHERE),
            ledgers=(self.ledger.name,),
            failpoints=failpoints,
        )

    async def register(self) -> None:
        """Let each operator register a pool, and the live read model take it in."""
        async with as_service(self.config({}), self.ledger.name, SERVICE) as stage:
            node = await stage.node(SERVICE)
            for operator in OPERATORS:
                command = RegisterPool(pool=f"hall-{operator}", site="memphis", sku=SKU)
                asked = Asked(command=command, id=f"register-{operator}", actor=operator)
                assert isinstance(await node.commands.submit(asked), Accepted)
            (consumer,) = (one for one in node.consumers if one.name == POOLS.name)
            for shard in range(stage.store.shards):
                await Subscription(consumer, "capacity", shard, node.store, node.reads).advance()
            await node.commands.close()

    async def live(self) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return what the live read model says, and how far it reaches in each shard."""
        async with as_service(self.config({}), self.ledger.name, SERVICE) as stage:
            reads = stage.reads(SERVICE.name)
            await reads.prepare(POOLS.tables)
            rows = [dict(row) for row in await reads.rows(LISTED_POOLS, {}, None)]
            places = [await reads.checkpoint(POOLS.name, "capacity", n) for n in range(stage.store.shards)]
        return sorted(rows, key=lambda row: str(row["pool"])), places

    async def run(self, *words: str, failpoints: Mapping[str, str] | None = None) -> tuple[int | None, str]:
        """Run a command as a process of its own; return its exit code and what it printed."""
        file = self._folder / "capacity.yaml"
        file.write_bytes(msgspec.json.encode(self.config(failpoints or {})))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", *words, "--config", str(file)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        return process.returncode, told.decode()


@pytest.mark.parametrize("mode", ["check", "shadow"])
@pytest.mark.parametrize("end", ["promote", "abandon"])
async def test_a_rebuild_killed_in_the_middle_leaves_the_live_one_and_can_be_begun_again(
    ledger: LedgerDatabase, tmp_path: Path, mode: str, end: str
) -> None:
    desk = Desk(ledger, tmp_path)
    await desk.register()
    before = await desk.live()
    assert len(before[0]) == len(OPERATORS)

    killed, _ = await desk.run("replay", mode, POOLS.name, failpoints={Failpoint.REBUILD_MID: "crash"})
    assert killed == CRASH_EXIT_CODE
    assert await desk.live() == before

    code, told = await desk.run("replay", mode, POOLS.name, "--json")
    assert (code, json.loads(told)["rows"]) == (0, len(OPERATORS)), told
    assert (await desk.run("replay", "shadow", POOLS.name))[0] == 0
    assert (await desk.run("replay", end, POOLS.name))[0] == 0
    assert [row["pool"] for row in (await desk.live())[0]] == [row["pool"] for row in before[0]]


async def test_a_killed_shadow_can_be_let_go_without_another_run(
    ledger: LedgerDatabase, tmp_path: Path
) -> None:
    desk = Desk(ledger, tmp_path)
    await desk.register()
    before = await desk.live()
    await desk.run("replay", "shadow", POOLS.name, failpoints={Failpoint.REBUILD_MID: "crash"})
    assert (await desk.run("replay", "abandon", POOLS.name))[0] == 0
    assert (await desk.run("replay", "promote", POOLS.name))[0] != 0
    assert await desk.live() == before


async def test_a_live_ledger_is_never_rebuilt_with_failpoints(
    live_ledger: LedgerDatabase, tmp_path: Path
) -> None:
    desk = Desk(live_ledger, tmp_path)
    with pytest.raises(ConfigError, match="failpoints are set"):
        async with as_service(desk.config({Failpoint.REBUILD_MID: "crash"}), live_ledger.name, SERVICE):
            pass
