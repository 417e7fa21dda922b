"""From the log to the topic: how fast a backlog is relayed, and how soon one event can be read there.

Beside them stands the driver alone on the same broker, with the same bytes.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from infra.clock import MachineClock
from infra.config import KafkaSettings
from infra.event_store import Recorded
from infra.event_store.postgres import PostgresEventStore
from infra.feed import Feed
from infra.kafka import KafkaBus
from infra.kafka.publisher import BATCH_BYTES_MAX
from infra.leases import MemoryLeases
from infra.live import LiveNode, Outside
from infra.node import Ledger
from infra.outcomes import Accepted, Asked
from infra.read_store.memory import MemoryReadStore
from infra.records import headers
from infra.relay import Publishers, Relay
from infra.supervision import ended
from infra.telemetry import Telemetry
from tests.bench.arrivals import arriving
from tests.bench.log import LOG, SERVICE, Note, bench_ledger, filled
from tests.bench.log_rows import TEXT, Rows
from tests.bench.measure import Measure, stopwatch
from tests.ledgers import PLAN

BACKLOG = 100_000
PER_SECOND, SECONDS = 1000, 5
STREAMS = 100
TELEMETRY = Telemetry("bench")


async def bus_measures(admin_dsn: str, bootstrap: str) -> AsyncIterator[Measure]:
    """Yield the relay's rate on a backlog, and the time from an ack of the log to a reader of the topic."""
    async with bench_ledger(admin_dsn) as (_, store):
        ledger = Ledger(name="bench", mode="live", shards=PLAN.shards, topic_prefix=f"bench{time.time_ns()}")
        bus = KafkaBus(KafkaSettings(bootstrap=bootstrap), ledger, "bench")
        await bus.prepare([LOG], create=True)
        shard = await filled(store, Rows().batches(BACKLOG // 1000, 4, 250))
        ours = await relay_rate(store, bus, shard)
        events = [one async for page in store.scan(LOG, shard, 0) for one in page]
        bare = Ledger(name="bare", mode="live", shards=1, topic_prefix=f"{ledger.topic_prefix}-bare")
        await KafkaBus(KafkaSettings(bootstrap=bootstrap), bare, "bench").prepare(["a", "b"], create=True)
        limit = await produce_rate(bootstrap, bare.topic("a"), events)
        yield Measure(
            what="relay of a backlog",
            ours=ours,
            unit="events/s",
            limit=limit,
            beside="the same bytes, stop and wait, no store",
            aim="at least 0.25",
        )
        mine = await latencies(store, bus, ledger, bootstrap)
        alone = await bare_latencies(bootstrap, bare.topic("b"), events[: PER_SECOND * SECONDS])
        for name, part in (("p50", 0.5), ("p99", 0.99)):
            yield Measure(
                what=f"ack of the log to readable on the topic, {PER_SECOND} a second, {name}",
                ours=quantile(mine, part),
                unit="ms",
                limit=quantile(alone, part),
                beside="send to readable, driver alone",
                aim="at most 2 ms over" if name == "p50" else "at most 5 ms over",
            )
        await bus.remove([LOG])


async def relay_rate(store: PostgresEventStore, bus: KafkaBus, shard: int) -> float:
    """Return the events a second that one relay brings from a full log to an empty topic."""
    publishers = Publishers(bus)
    relay, sent = Relay(Feed(LOG, shard), store, MemoryReadStore(), bus, publishers), 0
    with stopwatch() as watch:
        while count := await relay.step():
            sent += count
    await publishers.close()
    assert sent == BACKLOG
    return sent / watch.seconds


async def produce_rate(bootstrap: str, topic: str, events: Sequence[Recorded]) -> float:
    """Return the records a second that the driver alone brings to a topic, one batch in flight."""
    records = [(one.tenant.encode(), one.payload, headers(one)) for one in events]
    async with _producer(bootstrap) as producer:
        sent = 0
        with stopwatch() as watch:
            while sent < len(records):
                batch = producer.create_batch()
                for key, value, pairs in records[sent:]:
                    if batch.append(timestamp=None, key=key, value=value, headers=pairs) is None:
                        break
                    sent += 1
                await (await producer.send_batch(batch, topic, partition=0))
    return sent / watch.seconds


async def latencies(store: PostgresEventStore, bus: KafkaBus, ledger: Ledger, bootstrap: str) -> list[float]:
    """Return for each of some seconds' events how long after its ack it came to a reader (ms)."""
    outside = Outside(store, MemoryReadStore(), bus, MemoryLeases({}, "1", set()), TELEMETRY)
    node = LiveNode(SERVICE, ledger, outside, MachineClock())
    await node.open()
    running = asyncio.create_task(node.run())
    acked: dict[tuple[int, int], float] = {}

    async def send(number: int) -> None:
        note = Note(stream=f"meter-{number % STREAMS}", times=1, text=TEXT)
        asked = Asked(command=note, id=f"n{number}", actor=f"book{number % 4}")
        result = await node.node.commands.submit(asked)
        assert isinstance(result, Accepted)
        assert result.place.first is not None
        acked[result.shard, result.place.first - 1] = time.perf_counter()

    relays = [node.relays[LOG, shard] for shard in range(PLAN.shards)]
    # every stream has been seen, and every relay knows where its topic stands
    await asyncio.gather(*(send(PER_SECOND * SECONDS + number) for number in range(STREAMS)))
    async with asyncio.timeout(10):
        while any(relay.sent.position == 0 or relay.backlog for relay in relays):  # noqa: ASYNC110 of others
            await asyncio.sleep(0.01)
    acked.clear()
    async with arriving(bootstrap, ledger.topic(LOG), PLAN.shards) as arrivals:
        await _paced(send, PER_SECOND * SECONDS)
        arrived = await arrivals(len(acked))
    await node.close()
    await ended(running)
    return [max(0.0, arrived[place] - at) * 1000 for place, at in acked.items()]


async def bare_latencies(bootstrap: str, topic: str, events: Sequence[Recorded]) -> list[float]:
    """Return for each record how long after its send it came to a reader (ms), with the driver alone."""
    sent: dict[tuple[int, int], float] = {}
    async with _producer(bootstrap) as producer:

        async def send(number: int) -> None:
            event, began = events[number], time.perf_counter()
            put = await producer.send_and_wait(topic, event.payload, b"k", 0, headers=headers(event))
            sent[0, put.offset] = began

        await producer.send_and_wait(topic, b"first", b"k", 0)
        async with arriving(bootstrap, topic, 1) as arrivals:
            await _paced(send, len(events))
            arrived = await arrivals(len(events))
    return [(arrived[place] - at) * 1000 for place, at in sent.items()]


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which a part of all lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


async def _paced(send: Callable[[int], Awaitable[None]], count: int) -> None:
    """Send at a steady pace, each on its own, whatever the others take."""
    began = time.perf_counter()
    tasks: list[asyncio.Future[None]] = []
    for number in range(count):
        wait = began + number / PER_SECOND - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.ensure_future(send(number)))
    await asyncio.gather(*tasks)


@asynccontextmanager
async def _producer(bootstrap: str) -> AsyncGenerator[AIOKafkaProducer]:
    """Open a producer as our relay has it."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        compression_type="zstd",
        max_batch_size=BATCH_BYTES_MAX,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()
