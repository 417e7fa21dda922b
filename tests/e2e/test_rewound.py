"""An older copy of the store under running services: all stop, nobody writes over what is missing."""

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest

from infra.config import Config, KafkaSettings, PostgresSettings
from tests.e2e.load import TENANTS, Load, faults_at_rest, rested, until
from tests.e2e.site import LEDGER, SERVICES, Site, open_site

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

BATCH = 50
LEAVE_TRACES = ("plain", "double")
"""Kinds of commands that a topic can bring back; one that brought nothing about leaves nothing there."""
ALARM_SECONDS_MAX = 60.0
RUNG = re.compile(r'^capledger_alarms\{[^}]*alarm="store_rewound"[^}]*\} (\d+)', re.MULTILINE)


@asynccontextmanager
async def store_away(site: Site) -> AsyncGenerator[Path]:
    """Hold PostgreSQL down, as after a crash; yields its data folder."""
    await site.stack.kill_postgres()
    yield site.stack.folder / "postgres" / "data"
    await site.stack.start_postgres()


async def copied(folder: Path, to: Path) -> None:
    """Copy a folder with the owners of what is in it."""
    process = await asyncio.create_subprocess_exec("cp", "-a", str(folder), str(to))
    assert await process.wait() == 0


async def alarmed(site: Site) -> None:
    """Return once every service rings `store_rewound`."""
    async with aiohttp.ClientSession() as session:

        async def all_ring() -> bool:
            return all([await _rings(session, url) for url in site.urls.values()])

        await until(all_ring, ALARM_SECONDS_MAX)


async def _rings(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/metrics") as answer:
        return any(int(count) for count in RUNG.findall(await answer.text()))


async def recovered(site: Site, folder: Path) -> tuple[int | None, str]:
    """Recover by command, as an administrator would; return the exit code and what was printed."""
    config = Config(
        postgres=PostgresSettings(dsn=site.stack.postgres_dsn, admin_dsn=site.stack.postgres_dsn),
        kafka=KafkaSettings(bootstrap=site.stack.kafka_bootstrap),
        ledgers=(LEDGER.name,),
    )
    file = folder / "administrator.yaml"
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.encode(config))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "recover", "--config", str(file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    return process.returncode, told.decode()


@pytest.mark.asyncio(loop_scope="function")
async def test_an_older_store_under_running_services_stops_them_and_loses_nothing(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        load = Load(site, await site.keys(TENANTS), BATCH, LEAVE_TRACES)
        older = tmp_path / "older"
        await load.send(range(2))
        async with site.looking() as looking:
            await rested(looking)
        async with store_away(site) as data:
            await copied(data, older)
        await load.send(range(2, 4))
        async with site.looking() as looking:
            await rested(looking)

        async with store_away(site) as data:
            shutil.rmtree(data)
            await copied(older, data)
            sending = asyncio.create_task(load.send(range(4, 6)))
        await alarmed(site)
        assert not sending.done()

        await asyncio.gather(*(site.services[name].stop() for name in SERVICES))
        code, told = await recovered(site, tmp_path)
        assert code == 0, told
        await asyncio.gather(*(site.services[name].start() for name in SERVICES))
        await sending
        assert len(load.answers) == len(TENANTS) * BATCH * 6
        assert await faults_at_rest(site, load) == []
