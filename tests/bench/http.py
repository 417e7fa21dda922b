"""Reports of use over HTTP to their durable replies, beside the append path alone with the same commands."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from infra.clock import MachineClock
from infra.local.stack import LocalStack
from infra.node import Ledger, Node
from infra.outcomes import Accepted, Asked
from infra.read_store.memory import MemoryReadStore
from services.capacity.service import SERVICE
from tests.bench.ground import Ground
from tests.bench.log import bench_ledger
from tests.bench.measure import Measure, quantile, stopwatch
from tests.bench.running import Running, running
from tests.bench.usage import BOOKS, asked, before, cloud_event, reports
from tests.ledgers import PLAN

CALLERS = {1: 32, 500: 8}
"""How many at once, by the events of a post."""
WARM = 2
"""Posts in each book before the measured ones."""
NUMBERS = 10_000_000
"""So far apart are the numbers of the reports of different sizes of posts."""
BATCH_MEDIA = "application/cloudevents-batch+json"
ONE_MEDIA = "application/cloudevents+json"


class Rate(msgspec.Struct, frozen=True):
    """Events a second, the microseconds of processor time for each, and how long each call took (ms)."""

    per_second: float
    busy: float
    took: Sequence[float]


async def http_measures(
    ground: Ground, stack: LocalStack, folder: Path, events: int
) -> AsyncIterator[Measure]:
    """Yield events a second and processor time an event, for posts of 500 and of 1."""
    alone = {size: await alone_rate(stack.postgres_dsn, size, events) for size in CALLERS}
    async with running(ground, stack, folder, ("capacity",)) as services:
        for size, aim in ((500, "at least 0.7"), (1, "")):
            total = events if size > 1 else events // 4
            posted, limit = await post_rate(services, size, total), alone[size]
            what, beside = f"posts of {size}, {CALLERS[size]} at once", "the append path alone"
            yield Measure(
                what=what,
                ours=posted.per_second,
                unit="events/s",
                limit=limit.per_second,
                beside=beside,
                aim=aim,
            )
            yield Measure(
                what=f"{what}: processor time of the service for an event",
                ours=posted.busy,
                unit="µs",
                limit=limit.busy,
                beside=beside,
            )
            for name, part in (("p50", 0.5), ("p99", 0.99)):
                took, least = quantile(posted.took, part), quantile(limit.took, part)
                yield Measure(
                    what=f"{what}: to the reply, {name}", ours=took, unit="ms", limit=least, beside=beside
                )


async def post_rate(services: Running, size: int, events: int) -> Rate:
    """Return how fast posts of `size` events are answered, all of them accepted."""
    first, each = size * NUMBERS, events // len(BOOKS) // size
    warm = {book: _bodies(book, size, WARM, first) for book in BOOKS}
    bodies = {book: _bodies(book, size, each, first + WARM * size) for book in BOOKS}
    url = f"{services.urls['capacity']}/v1/events"
    connector = aiohttp.TCPConnector(limit=CALLERS[size])
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(book: str, body: bytes) -> None:
            headers = {
                "Authorization": f"Bearer {services.keys[book]}",
                "Content-Type": BATCH_MEDIA if size > 1 else ONE_MEDIA,
            }
            async with session.post(url, data=body, headers=headers) as response:
                said = await response.read()
            assert response.status == 200, said
            assert said.count(b'"outcome":"accepted"') == size, said

        await _together(call, warm, CALLERS[size])
        busy = services.busy("capacity")
        return await _rate(call, bodies, CALLERS[size], size, lambda: services.busy("capacity") - busy)


async def alone_rate(admin_dsn: str, size: int, events: int) -> Rate:
    """Return how fast the same commands are settled in this process, without HTTP."""
    async with bench_ledger(admin_dsn) as (_, store):
        ledger = Ledger(name="alone", mode="live", shards=PLAN.shards)
        node = Node(SERVICE, ledger, store, MemoryReadStore(), MachineClock())
        for book in BOOKS:
            for number, command in enumerate(before()):
                made = Asked(command=command, id=f"before-{number}", actor=book)
                assert isinstance(await node.commands.submit(made), Accepted)

        async def call(_: str, group: Sequence[Asked]) -> None:
            results = await node.commands.submit_each(group)
            assert all(isinstance(result, Accepted) for result in results)

        def groups(book: str, count: int, first: int) -> list[list[Asked]]:
            made = (asked(book, *one) for one in islice(reports(first), count * size))
            return [list(islice(made, size)) for _ in range(count)]

        await _together(call, {book: groups(book, WARM, 0) for book in BOOKS}, CALLERS[size])
        each = events // len(BOOKS) // size
        work = {book: groups(book, each, WARM * size) for book in BOOKS}
        busy = time.process_time()
        rate = await _rate(call, work, CALLERS[size], size, lambda: time.process_time() - busy)
        await node.commands.close()
    return rate


async def _rate(
    call: Callable[[str, Any], Coroutine[Any, Any, None]],
    work: dict[str, list[Any]],
    callers: int,
    size: int,
    busy: Callable[[], float],
) -> Rate:
    with stopwatch() as watch:
        took = await _together(call, work, callers)
    events = size * sum(map(len, work.values()))
    return Rate(events / watch.seconds, busy() / events * 1_000_000, took)


async def _together(
    call: Callable[[str, Any], Coroutine[Any, Any, None]], work: dict[str, list[Any]], callers: int
) -> list[float]:
    """Do all work with so many at once, in each book the same number; return how long each took (ms)."""
    took: list[float] = []

    async def caller(book: str, mine: Sequence[Any]) -> None:
        for one in mine:
            with stopwatch() as watch:
                await call(book, one)
            took.append(watch.seconds * 1000)

    each = callers // len(work)
    await asyncio.gather(
        *(caller(book, mine[number::each]) for book, mine in work.items() for number in range(each))
    )
    return took


def _bodies(book: str, size: int, count: int, first: int) -> list[bytes]:
    events = (cloud_event(book, *one) for one in islice(reports(first), count * size))
    groups = [list(islice(events, size)) for _ in range(count)]
    return [b"[" + b",".join(group) + b"]" if size > 1 else group[0] for group in groups]
