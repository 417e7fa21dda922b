"""Keeping loops alive: trouble that passes is waited out, trouble that must be looked at stops the loop.

The one place with a broad `except`: a bug in one loop must not take the others with it, and is told each
time.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from infra.alarms import Alarm, Alarms, alarm_of
from infra.bus import BusError, RecordTooLargeError
from infra.event_store import ClockSuspectError, StoreCorruptError, StoreError
from infra.failpoints import FailpointError
from infra.leases import LeasesLostError
from infra.logging import logger
from infra.outcomes import QueueFullError
from infra.read_store import CheckpointMovedError
from infra.relay import TopicAheadError
from infra.subscriptions import StoreRewoundError

CANCEL_AGAIN_SECONDS = 1.0
PAUSE_SECONDS_FIRST = 0.05
PAUSE_SECONDS_MAX = 2.0
LASTING_SECONDS = 10.0
"""Trouble that passes by itself rings when it has lasted so long."""
PASSING = (
    BusError,
    StoreError,
    QueueFullError,
    CheckpointMovedError,
    LeasesLostError,
    FailpointError,
    ConnectionError,
    TimeoutError,
)
FINAL = (StoreRewoundError, StoreCorruptError, TopicAheadError, RecordTooLargeError)

_log = logger("capledger.supervision")


class Backoff:
    """Growing pauses after failures; a success begins anew."""

    def __init__(self, on_success: Callable[[], None] | None = None) -> None:
        """Begin with the shortest; `on_success` is told of every success."""
        self._seconds = PAUSE_SECONDS_FIRST
        self._on_success = on_success
        self._failing_since: float | None = None

    @property
    def failing_seconds(self) -> float:
        """For how long there was no success since the first failure."""
        return 0.0 if self._failing_since is None else now() - self._failing_since

    def reset(self) -> None:
        """Note a success."""
        self._seconds, self._failing_since = PAUSE_SECONDS_FIRST, None
        if self._on_success is not None:
            self._on_success()

    async def pause(self) -> None:
        """Wait, longer each time."""
        if self._failing_since is None:
            self._failing_since = now()
        seconds, self._seconds = self._seconds, min(self._seconds * 2, PAUSE_SECONDS_MAX)
        await asyncio.sleep(seconds)


async def keep(
    name: str,
    run: Callable[[Backoff], Coroutine[Any, Any, None]],
    alarms: Alarms,
    on_final: Callable[[Exception], None] | None = None,
) -> None:
    """Run a loop again and again until it returns, is cancelled, or meets what must be looked at.

    Args:
        name: names the loop in logs and alarms.
        run: the loop; it resets the backoff it is given when it has got something done.
        alarms: where to ring when it stops for good.
        on_final: called with the reason before it stops for good.
    """
    backoff = Backoff(lambda: alarms.hush(name))
    while True:
        try:
            await run(backoff)
        except FINAL as error:
            alarms.ring(alarm_of(error), name, str(error))
            if on_final is not None:
                on_final(error)
            return
        except PASSING as error:
            _log.warning("interrupted", loop=name, error=type(error).__name__, reason=str(error))
            if isinstance(error, ClockSuspectError) or backoff.failing_seconds > LASTING_SECONDS:
                alarms.ring(alarm_of(error), name, str(error) or type(error).__name__)
        except Exception as error:  # noqa: BLE001 the supervisor: see above
            _log.exception("failed", loop=name)
            alarms.ring(Alarm.LOOP_FAILED, name, f"{type(error).__name__}: {error}")
        else:
            alarms.hush(name)
            return
        _end_if_cancelled()
        await backoff.pause()


def _end_if_cancelled() -> None:
    """End here if the loop was cancelled, and what it ran on its way out failed and hid that."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def ended(*tasks: "asyncio.Task[Any]", seconds_max: float = 5.0) -> None:
    """Cancel tasks and wait until they have ended, at most so long.

    They are cancelled again each second: a driver that is closed may swallow a cancellation, and the loop
    that was to end would then begin anew.
    """
    left, deadline = set(tasks), now() + seconds_max
    while left and now() < deadline:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=min(CANCEL_AGAIN_SECONDS, deadline - now()))


async def heard(wake: asyncio.Event, seconds_max: float) -> bool:
    """Wait until an event is set; say whether it was set in time."""
    try:
        async with asyncio.timeout(seconds_max):
            await wake.wait()
    except TimeoutError:
        return False
    return True


def now() -> float:
    """Return the seconds of the loop's clock, which never goes back and is virtual in the simulation."""
    return asyncio.get_running_loop().time()
