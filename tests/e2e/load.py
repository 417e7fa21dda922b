"""Senders that know what they were told, and how to see that a site has come to rest with all of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from infra.client import Client
from infra.event_store import Place
from infra.node import Node
from infra.outcomes import Accepted, Asked, Rejected
from infra.tokens import sealer_of
from schemas.decision import Refused
from tests.e2e.checker import Answered, Evidence, faults
from tests.e2e.site import LEDGER, Looking, Site
from tests.support.echo import CAPACITY, CONTRACTS, record
from tests.support.milestones import AT, MilestoneRejection

TENANTS = ("ada", "bo", "cy", "di", "ed")
KINDS = ("plain", "plain", "plain", "double", "nothing")
REST_SECONDS_MAX = 400.0
KIND = "capacity.RecordMilestone.v1"


class Load:
    """Senders that know what they sent and what they were told."""

    def __init__(
        self, site: Site, keys: Mapping[str, str], batch_size: int, kinds: Sequence[str] = KINDS
    ) -> None:
        self._site, self._keys, self._batch_size, self._kinds = site, keys, batch_size, kinds
        self._sealer = sealer_of(site.sealing.hex())
        self.answers: list[Answered] = []
        self._milestones: list[tuple[int, asyncio.Event]] = []

    async def send(self, batches: Iterable[int]) -> None:
        """Send batches by number, for each tenant; each batch until its outcome is known."""
        numbers = tuple(batches)
        await asyncio.gather(*(self._sending(tenant, numbers) for tenant in TENANTS))

    async def reached(self, count: int) -> None:
        """Return once so many commands are answered."""
        event = asyncio.Event()
        if len(self.answers) >= count:
            return
        self._milestones.append((count, event))
        await event.wait()

    async def _sending(self, tenant: str, batches: Sequence[int]) -> None:
        async with Client(self._site.urls, self._keys[tenant], retry_seconds=120) as client:
            for batch in batches:
                first = batch * self._batch_size
                asked = [self._asked(tenant, first + n) for n in range(self._batch_size)]
                items = [{"id": one.id, "type": KIND, "data": one.command} for one in asked]
                results = await client.commands("capacity", items)
                self.answers += [
                    Answered(one, self._result(result)) for one, result in zip(asked, results, strict=True)
                ]
                for count, event in self._milestones:
                    if len(self.answers) >= count:
                        event.set()

    def _asked(self, tenant: str, number: int) -> Asked:
        kind = self._kinds[number % len(self._kinds)]
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

    async def at_rest() -> bool:
        return not await _restless(looking)

    await until(at_rest, REST_SECONDS_MAX)


async def until(done: Callable[[], Awaitable[bool]], seconds_max: float) -> None:
    """Return once something is so in other processes, which tell it only when asked."""
    async with asyncio.timeout(seconds_max):
        while not await done():  # noqa: ASYNC110 no signal comes from there
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


async def faults_at_rest(site: Site, load: Load) -> list[str]:
    """Wait until everything has come through, return what is found wrong; capacity is stopped."""
    async with site.looking() as looking:
        await rested(looking)
        await site.services["capacity"].stop()
        for service in (CAPACITY, CONTRACTS):
            await looking.reads[service.name].prepare(service.projections[0].tables)
        return await faults(evidence(looking, load))
