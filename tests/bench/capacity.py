"""How fast capacity decides, whatever the number of reservations; its timeline; a search for idle time."""

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from functools import partial

from infra.codec import decode_as, encode
from infra.system import System
from schemas.capacity import IdleQuestion, ReportUsage, ReserveCapacity, Tier
from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule
from services.capacity.aggregates import POOL
from services.capacity.domain.snapshot import pack, unpack
from services.capacity.domain.timeline import Timeline
from services.capacity.service import SERVICE
from tests.bench.measure import Measure, median, stopwatch
from tests.unit.capacity.hall import START, Hall, gpus, hall_with, hour, pool_commands, reserve

HORIZON_HOURS = 26_000
CAPACITY = 10_000_000
SAMPLES = 500
DECIDE_MICROSECONDS_MOST = 60.0
YEAR_HOURS = 8_760


async def capacity_measures() -> AsyncIterator[Measure]:
    """Yield all figures of this module."""
    for live in (1_000, 20_000):
        for measure in _deciding(live):
            yield measure
    for measure in _timeline(1_000_000):
        yield measure
    async for measure in _idle():
        yield measure


def _deciding(live: int) -> Iterator[Measure]:
    chance, hall = random.Random(live), hall_with(CAPACITY)
    for number in range(live):
        reserve(hall, f"r-{number}", _shape(chance))
    commands = [
        ReserveCapacity(
            pool="p", reservation=f"n-{number}", holder="h", tier=Tier.FIRM, quantity=_shape(chance)
        )
        for number in range(SAMPLES)
    ]
    figures = sorted(_microseconds(partial(hall.decide, command)) for command in commands)
    scans = [_microseconds(partial(_scanned, hall, command)) for command in commands[:50]]
    what = f"decide a reservation at {live:,} live ones"
    yield Measure(
        what=f"{what}, p50",
        ours=median(figures),
        unit="us",
        limit=DECIDE_MICROSECONDS_MOST,
        beside="the service's limit",
        aim="at most 1",
    )
    yield Measure(
        what=f"{what}, p99",
        ours=figures[len(figures) * 99 // 100],
        unit="us",
        limit=median(scans),
        beside="a scan of all reservations, p50",
    )
    if live > 10_000:
        yield _cold(hall, live)


def _cold(hall: Hall, live: int) -> Measure:
    kept = encode(pack(hall.pool()))
    with stopwatch() as watch:
        pool = unpack(decode_as(POOL.state, kept))
        assert pool.book.fits(Tier.FIRM, gpus((0, 1, 1)))
    what = f"serve a cold pool of {live:,} reservations from a snapshot"
    return Measure(what=what, ours=watch.seconds, unit="s", limit=0.5, beside="the aim", aim="at most 1")


def _timeline(live: int) -> Iterator[Measure]:
    chance = random.Random(1)
    steps = [(0, HORIZON_HOURS, CAPACITY)]
    for _ in range(live):
        start = chance.randrange(HORIZON_HOURS - 2_000)
        steps.append((start, start + 1 + chance.randrange(2_000), -chance.randrange(1, 9)))
    with stopwatch() as watch:
        tree = Timeline(steps)
    yield Measure(what=f"timeline: rebuild of {live:,} reservations", ours=watch.seconds, unit="s")
    asked = steps[1 : SAMPLES + 1]
    low = [_microseconds(partial(tree.lowest, *step[:2])) for step in asked]
    yield Measure(what=f"timeline: range minimum at {live:,}, p50", ours=median(low), unit="us")
    added = [_microseconds(partial(tree.add, *step)) for step in asked]
    yield Measure(what=f"timeline: range add at {live:,}, p50", ours=median(added), unit="us")


async def _idle() -> AsyncIterator[Measure]:
    chance = random.Random(2)
    system = await System.open([SERVICE], START)
    for command in (
        *pool_commands("p", 128),
        ReserveCapacity(
            pool="p", reservation="a", holder="ant", tier=Tier.FIRM, quantity=gpus((0, YEAR_HOURS, 128))
        ),
    ):
        await system.submit("op", command)
    await system.advance(hour(YEAR_HOURS))
    with stopwatch() as reported:
        for number in range(YEAR_HOURS):
            peak = chance.choice((128, 128, 100, 60))
            interval = Interval(hour(number), hour(number) + timedelta(hours=1))
            await system.submit(
                "op",
                ReportUsage(
                    pool="p", reservation="a", interval=interval, gpu_seconds=peak * 3000, peak_gpus=peak
                ),
            )
    yield Measure(
        what="usage reports, one after the other, in memory",
        ours=YEAR_HOURS / reported.seconds,
        unit="reports/s",
    )
    question = IdleQuestion(tenant="ant", start=START, end=hour(YEAR_HOURS), min_gpus=20, min_hours=2)
    with stopwatch() as watch:
        answer = await system.ask("capacity.idle", "ant", question)
    assert answer["windows"]
    yield Measure(what="idle windows in a year of hourly reports", ours=watch.seconds * 1000, unit="ms")


def _shape(chance: random.Random) -> Schedule:
    start = chance.randrange(HORIZON_HOURS - 2_000)
    return gpus((start, start + 1 + chance.randrange(1_500), chance.randrange(1, 50)))


def _scanned(hall: Hall, command: ReserveCapacity) -> int:
    """What overlaps a request, found without any structure."""
    ((start, end, _),) = command.quantity.raw
    return sum(each.quantity.peak(start, end) for each in hall.pool().reservations())


def _microseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e6
