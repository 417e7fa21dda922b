"""Twenty thousand commands while services, Kafka and PostgreSQL are killed: nothing lost, nothing twice."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.e2e.load import TENANTS, Load, faults_at_rest
from tests.e2e.site import Site, open_site

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

BATCH, BATCHES = 100, 40


async def kill_service(site: Site, name: str) -> None:
    await site.services[name].kill()
    await site.services[name].start()


async def kill_kafka(site: Site) -> None:
    await site.stack.kill_kafka()
    await site.stack.start_kafka()


async def kill_postgres(site: Site) -> None:
    await site.stack.kill_postgres()
    await site.stack.start_postgres()


KILLS: tuple[Callable[[Site], Awaitable[None]], ...] = (
    lambda site: kill_service(site, "capacity"),
    lambda site: kill_service(site, "contracts"),
    kill_kafka,
    kill_postgres,
    lambda site: kill_service(site, "capacity"),
    kill_postgres,
    kill_kafka,
)


@pytest.mark.asyncio(loop_scope="function")
async def test_whatever_is_killed_nothing_is_lost_or_done_twice(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        load = Load(site, await site.keys(TENANTS), BATCH)
        sending = asyncio.create_task(load.send(range(BATCHES)))
        total = len(TENANTS) * BATCH * BATCHES
        for number, kill in enumerate(KILLS, start=1):
            await load.reached(number * total // (len(KILLS) + 1))
            await kill(site)
        await sending
        assert len(load.answers) == total >= 20_000
        assert await faults_at_rest(site, load) == []
