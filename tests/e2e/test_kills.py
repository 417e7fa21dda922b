"""Twenty thousand commands while services, Kafka and PostgreSQL are killed: nothing lost, nothing twice."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from infra.client import Client
from infra.event_store import Place
from infra.node import Node
from infra.outcomes import Accepted, Asked, Rejected
from infra.tokens import sealer_of
from schemas.decision import Refused
from tests.e2e.checker import Answered, Evidence, faults
from tests.e2e.site import LEDGER, Looking, Site, open_site
from tests.support.echo import CAPACITY, CONTRACTS, record
from tests.support.milestones import AT, MilestoneRejection

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

TENANTS = ("ada", "bo", "cy", "di", "ed")
BATCH, BATCHES = 100, 40
REST_SECONDS_MAX = 400.0
KIND = "capacity.RecordMilestone.v1"


class Load:
    """Senders that know what they sent and what they were told."""

    def __init__(self, site: Site, keys: Mapping[str, str]) -> None:
        self._site, self._keys = site, keys
        self._sealer = sealer_of(site.sealing.hex())
        self.answers: list[Answered] = []
        self._milestones: list[tuple[int, asyncio.Event]] = []

    async def send(self) -> None:
        """Send everything; each batch until its outcome is known."""
        await asyncio.gather(*(self._sending(tenant) for tenant in TENANTS))

    async def reached(self, count: int) -> None:
        """Return once so many commands are answered."""
        event = asyncio.Event()
        if len(self.answers) >= count:
            return
        self._milestones.append((count, event))
        await event.wait()

    async def _sending(self, tenant: str) -> None:
        async with Client(self._site.urls, self._keys[tenant], retry_seconds=120) as client:
            for batch in range(BATCHES):
                asked = [self._asked(tenant, batch * BATCH + n) for n in range(BATCH)]
                items = [{"id": one.id, "type": KIND, "data": one.command} for one in asked]
                results = await client.commands("capacity", items)
                self.answers += [
                    Answered(one, self._result(result)) for one, result in zip(asked, results, strict=True)
                ]
                for count, event in self._milestones:
                    if len(self.answers) >= count:
                        event.set()

    def _asked(self, tenant: str, number: int) -> Asked:
        kind = ("plain", "plain", "plain", "double", "nothing")[number % 5]
        name = f"{kind}-{number % 1000 if number % 50 == 49 else number}"
        pool = f"p{number % 7}"
        return Asked(command=record(name, pool), id=f"{tenant}-{number}", actor=tenant)

    def _result(self, told: Mapping[str, Any]) -> Accepted | Rejected:
        if told["outcome"] == "rejected":
            return Rejected(Refused(MilestoneRejection(told["problem"]["code"])))
        assert told["outcome"] in {"accepted", "duplicate"}, told
        token = told["receipt"]["token"]
        mark = self._sealer.open("receipt", LEDGER.name, token).mark
        at = datetime.fromisoformat(told["receipt"]["recorded_at"])
        return Accepted(log=mark.log, shard=mark.shard, place=Place(mark.first, mark.last, at), chain=None)


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
        load = Load(site, await site.keys(TENANTS))
        sending = asyncio.create_task(load.send())
        total = len(TENANTS) * BATCH * BATCHES
        for number, kill in enumerate(KILLS, start=1):
            await load.reached(number * total // (len(KILLS) + 1))
            await kill(site)
        await sending
        async with site.looking() as looking:
            await rested(looking)
            await site.services["capacity"].stop()
            for service in (CAPACITY, CONTRACTS):
                await looking.reads[service.name].prepare(service.projections[0].tables)
            assert len(load.answers) == total >= 20_000
            assert await faults(evidence(looking, load)) == []


def evidence(looking: Looking, load: Load) -> Evidence:
    node = Node(CAPACITY, LEDGER, looking.store, looking.reads["capacity"], lambda: AT)
    return Evidence(
        store=looking.store,
        bus=looking.bus,
        logs=("capacity", "contracts"),
        answers=load.answers,
        rule=CAPACITY.rules[0],
        read_models=[
            (CAPACITY.projections[0], looking.reads["capacity"]),
            (CONTRACTS.projections[0], looking.reads["contracts"]),
        ],
        retry=node.commands.submit,
    )


async def rested(looking: Looking) -> None:
    """Return once every consumer and every topic has reached the heads."""
    async with asyncio.timeout(REST_SECONDS_MAX):
        while await _restless(looking):  # noqa: ASYNC110 of other processes
            await asyncio.sleep(0.2)


async def _restless(looking: Looking) -> bool:
    followed = {
        "capacity": (
            (CAPACITY, "capacity.seen"),
            *((CONTRACTS, f"contracts.{name}") for name in ("heard", "echo", "timers")),
        ),
        "contracts": ((CONTRACTS, "contracts.heard"),),
    }
    for log, consumers in followed.items():
        heads = await looking.store.heads(log)
        ends = await looking.bus.ends([(log, shard) for shard in heads])
        for shard, head in heads.items():
            last = ends[log, shard].last
            if (0 if last is None else last.position) < head.position:
                return True
            for service, name in consumers:
                at = await looking.reads[service.name].checkpoint(name, log, shard)
                if at.position < head.position:
                    return True
    return False
