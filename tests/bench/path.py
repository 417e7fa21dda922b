"""The whole path: a report over HTTP, the log, Kafka, and the row that the settlement service makes of it."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import aiohttp
import msgspec

from infra.database import Database
from infra.local.stack import LocalStack
from infra.supervision import ended
from infra.tokens import ReceiptMark
from services.settlement.projections import FACTS
from tests.bench.ground import Ground
from tests.bench.http import ONE_MEDIA, post_rate
from tests.bench.measure import Measure, quantile, stopwatch
from tests.bench.running import Running, running
from tests.bench.usage import BOOKS, cloud_event, reports

LOG = "usage"
PER_SECOND, SECONDS = 100, 10
SEEN = "select shard, position from settlement_read.checkpoint where consumer = $1 and log = $2"
HEADS = "select shard, position from usage.shard_head where position > 0"
SETTLED_SECONDS_MAX = 60.0
LOOK_SECONDS = 0.001
STEADY_FIRST = 900_000_000


async def path_measures(
    ground: Ground, stack: LocalStack, folder: Path, events: int
) -> AsyncIterator[Measure]:
    """Yield the events a second from HTTP to settlement's rows, and how long one takes at a steady pace."""
    names = ("contracts", "capacity", "settlement")
    async with running(ground, stack, folder, names) as services, watching(services) as eye:
        answered = await post_rate(services, 500, events)
        with stopwatch() as rest:
            await eye.caught_up()
        yield Measure(
            what="HTTP in, log, Kafka, row of settlement: posts of 500",
            ours=events / (events / answered.per_second + rest.seconds),
            unit="events/s",
            limit=answered.per_second,
            beside="answered, all three services running",
        )
        took = await steady(services, eye)
        for name, part in (("p50", 0.5), ("p99", 0.99)):
            yield Measure(
                what=f"HTTP in, log, Kafka, row of settlement: {PER_SECOND} posts of 1 a second, {name}",
                ours=quantile(took, part),
                unit="ms",
            )


class Eye:
    """Sees how far settlement's rows reach, as another connection sees it, each millisecond."""

    def __init__(self, database: Database) -> None:
        """Nothing is seen yet."""
        self._database = database
        self._seen: dict[int, int] = {}
        self._changed = asyncio.Condition()

    async def watch(self) -> None:
        """Look, again and again, until cancelled."""
        while True:
            async with self._database.reading() as connection:
                found = {row[0]: row[1] for row in await connection.fetch(SEEN, FACTS, LOG)}
            if found != self._seen:
                async with self._changed:
                    self._seen = found
                    self._changed.notify_all()
            await asyncio.sleep(LOOK_SECONDS)

    async def reached(self, shard: int, position: int) -> None:
        """Return once the rows of a position are there."""
        async with asyncio.timeout(SETTLED_SECONDS_MAX), self._changed:
            await self._changed.wait_for(lambda: self._seen.get(shard, 0) >= position)

    async def caught_up(self) -> None:
        """Return once the rows of everything in the log are there."""
        async with self._database.reading() as connection:
            heads = await connection.fetch(HEADS)
        for shard, position in heads:
            await self.reached(shard, position)


@asynccontextmanager
async def watching(services: Running) -> AsyncGenerator[Eye]:
    """Open an eye."""
    async with services.ledger.admin() as database:
        eye = Eye(database)
        task = asyncio.create_task(eye.watch())
        try:
            yield eye
        finally:
            await ended(task)


async def steady(services: Running, eye: Eye) -> list[float]:
    """Return for each of some seconds' reports how long it took from its post to its row (ms)."""
    took: list[float] = []
    url = f"{services.urls['capacity']}/v1/events"
    coming = islice(reports(STEADY_FIRST), PER_SECOND * SECONDS)
    async with aiohttp.ClientSession() as session:

        async def send(book: str, body: bytes) -> None:
            headers = {"Authorization": f"Bearer {services.keys[book]}", "Content-Type": ONE_MEDIA}
            with stopwatch() as watch:
                async with session.post(url, data=body, headers=headers) as response:
                    token = msgspec.json.decode(await response.read())["receipt"]["token"]
                mark = services.sealer.open("receipt", services.ledger.name, token).mark
                assert isinstance(mark, ReceiptMark)
                assert mark.last is not None
                await eye.reached(mark.shard, mark.last)
            took.append(watch.seconds * 1000)

        began, tasks = time.perf_counter(), list[asyncio.Task[None]]()
        for number, report in enumerate(coming):
            await asyncio.sleep(began + number / PER_SECOND - time.perf_counter())
            book = BOOKS[number % len(BOOKS)]
            tasks.append(asyncio.create_task(send(book, cloud_event(book, *report))))
        await asyncio.gather(*tasks)
    return took
