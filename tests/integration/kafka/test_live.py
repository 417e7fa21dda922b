"""Running services on real servers: everything arrives once, whatever happens to the broker."""

import asyncio

import pytest

from infra.bus import TopicMismatchError
from infra.config import KafkaSettings
from infra.event_store import Recorded
from infra.kafka import KafkaBus
from infra.live import LiveNode
from infra.local.kafka import Kafka
from infra.node import Ledger
from infra.outcomes import Accepted, Asked
from tests.e2e.checker import Answered, Evidence, faults
from tests.integration.kafka.running import LOGS, bus_of, ledger_of, rested, running
from tests.ledgers import LedgerDatabase
from tests.support.echo import CAPACITY, CONTRACTS, record

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

TENANTS = ("ada", "bo", "cy", "di", "ed")


async def answered(node: LiveNode, start: int, count: int) -> list[Answered]:
    """Send commands of several tenants at once; return what came of each."""
    asked = [
        Asked(command=record(f"plain-{n}"), id=f"c-{n}", actor=TENANTS[n % len(TENANTS)])
        for n in range(start, start + count)
    ]
    results = await asyncio.gather(*(node.node.commands.submit(one) for one in asked))
    return [Answered(one, result) for one, result in zip(asked, results, strict=True)]


def evidence(capacity: LiveNode, contracts: LiveNode, answers: list[Answered]) -> Evidence:
    return Evidence(
        store=capacity.node.store,
        bus=capacity._bus,
        logs=LOGS,
        answers=answers,
        rule=CAPACITY.rules[0],
        read_models=[
            (CAPACITY.projections[0], capacity.node.reads),
            (CONTRACTS.projections[0], contracts.node.reads),
        ],
        retry=capacity.node.commands.submit,
    )


async def test_what_is_accepted_is_relayed_projected_and_echoed_once(
    live_ledger: LedgerDatabase, kafka: Kafka
) -> None:
    await bus_of(kafka, ledger_of(live_ledger)).prepare(LOGS, create=True)
    async with (
        running(CAPACITY, live_ledger, kafka) as capacity,
        running(CONTRACTS, live_ledger, kafka) as contracts,
    ):
        answers = await answered(capacity, 0, 500)
        await rested(capacity, contracts)
        assert await faults(evidence(capacity, contracts, answers)) == []
        echoed = sum(head.position for head in (await capacity.node.store.heads("contracts")).values())
        assert echoed == sum(isinstance(one.result, Accepted) for one in answers) == 500


async def test_a_killed_broker_refuses_no_append_and_loses_nothing(
    live_ledger: LedgerDatabase, kafka: Kafka
) -> None:
    await bus_of(kafka, ledger_of(live_ledger)).prepare(LOGS, create=True)
    async with (
        running(CAPACITY, live_ledger, kafka) as capacity,
        running(CONTRACTS, live_ledger, kafka) as contracts,
    ):
        answers = await answered(capacity, 0, 100)
        await kafka.kill()
        answers += await answered(capacity, 100, 100)
        # the log alone brings it to the other service
        await rested(capacity, contracts, relayed=False)
        await kafka.start()
        answers += await answered(capacity, 200, 100)
        await rested(capacity, contracts)
        assert await faults(evidence(capacity, contracts, answers)) == []


async def test_a_frozen_broker_is_ridden_out(live_ledger: LedgerDatabase, kafka: Kafka) -> None:
    await bus_of(kafka, ledger_of(live_ledger)).prepare(LOGS, create=True)
    async with (
        running(CAPACITY, live_ledger, kafka) as capacity,
        running(CONTRACTS, live_ledger, kafka) as contracts,
    ):
        answers = await answered(capacity, 0, 100)
        kafka.freeze()
        answers += await answered(capacity, 100, 100)
        await asyncio.sleep(9)  # longer than the deadline of an ack
        kafka.thaw()
        answers += await answered(capacity, 200, 100)
        await rested(capacity, contracts)
        assert await faults(evidence(capacity, contracts, answers)) == []


async def test_replicas_share_the_work_and_take_over(live_ledger: LedgerDatabase, kafka: Kafka) -> None:
    await bus_of(kafka, ledger_of(live_ledger)).prepare(LOGS, create=True)
    async with running(CONTRACTS, live_ledger, kafka) as contracts:  # noqa: SIM117
        async with running(CAPACITY, live_ledger, kafka, "1") as first:
            answers = await answered(first, 0, 50)
            async with running(CAPACITY, live_ledger, kafka, "2") as second:
                await shared(first, second)
                answers += await answered(second, 50, 50)
                answers += await answered(first, 100, 50)
                await rested(first, contracts)
            answers += await answered(first, 150, 50)
            await rested(first, contracts)
            assert await faults(evidence(first, contracts, answers)) == []


async def shared(first: LiveNode, second: LiveNode) -> None:
    """Return once both have relays."""
    async with asyncio.timeout(20):
        while not all(any(name.startswith("relay") for name in node._work) for node in (first, second)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_record_is_the_event_byte_for_byte(live_ledger: LedgerDatabase, kafka: Kafka) -> None:
    bus = bus_of(kafka, ledger_of(live_ledger))
    await bus.prepare(LOGS, create=True)
    async with running(CAPACITY, live_ledger, kafka) as capacity:
        await answered(capacity, 0, 20)
        await rested(capacity)
        for shard in range(4):
            kept = await capacity.node.store.shard("capacity", shard, 0)
            sent: list[Recorded] = [one async for page in bus.scan(("capacity", shard)) for one in page]
            assert sent == list(kept)


async def test_a_topic_that_is_not_as_it_must_be_is_refused_with_every_fault(kafka: Kafka) -> None:
    made = Ledger(name="odd", mode="live", shards=2, topic_prefix="odd")
    await bus_of(kafka, made).prepare(["capacity"], create=True)
    wanted = Ledger(name="odd", mode="live", shards=4, topic_prefix="odd")
    bus = KafkaBus(KafkaSettings(bootstrap=kafka.address, min_insync=2, retention_ms=5), wanted, "tests")
    with pytest.raises(TopicMismatchError) as refused:
        await bus.prepare(["capacity"], create=False)
    assert refused.value.faults == (
        "odd.capacity.events.v1: 2 partitions for 4 shards",
        "odd.capacity.events.v1: retention.ms is 604800000, must be 5",
        "odd.capacity.events.v1: min.insync.replicas is 1, must be 2",
    )
