"""Loops are kept alive, stopped for good, or cancelled, and never the wrong one of these."""

import asyncio

from structlog.testing import capture_logs

from infra.alarms import Alarms
from infra.bus import BusUnavailableError
from infra.event_store import StoreUnavailableError
from infra.subscriptions import StoreRewoundError
from infra.supervision import Backoff, ended, keep


async def test_trouble_that_passes_is_waited_out() -> None:
    tries = 0

    async def loop(_: Backoff) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise BusUnavailableError("away")

    await keep("loop", loop, Alarms())
    assert tries == 3


async def test_a_bug_is_told_and_does_not_end_the_loop() -> None:
    tries = 0

    async def loop(_: Backoff) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ZeroDivisionError

    with capture_logs() as lines:
        await keep("loop", loop, Alarms())
    assert tries == 2
    assert [line["event"] for line in lines] == ["failed", "alarm", "alarm_over"]


async def test_what_must_be_looked_at_stops_the_loop_and_rings() -> None:
    alarms, told = Alarms(), list[Exception]()

    async def loop(_: Backoff) -> None:
        raise StoreRewoundError("seen", "capacity", 0, 7)

    await keep("loop", loop, alarms, told.append)
    assert list(alarms.found) == ["loop"]
    assert len(told) == 1


async def test_a_cancelled_loop_ends_although_its_way_out_fails() -> None:
    running = asyncio.Event()

    async def loop(_: Backoff) -> None:
        try:
            running.set()
            await asyncio.get_running_loop().create_future()
        finally:
            raise StoreUnavailableError("the database is not open")

    task = asyncio.create_task(keep("loop", loop, Alarms()))
    await running.wait()
    await ended(task)
    assert task.cancelled()
