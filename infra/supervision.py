"""Keeping loops alive: trouble that passes is waited out, trouble that must be looked at stops the loop.

The one place with a broad `except`: a bug in one loop must not take the others with it, and is told each
time.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from infra.bus import BusError, RecordTooLargeError
from infra.event_store import StoreCorruptError, StoreError
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


class Alarms:
    """What an operator must look at, by name; what is here has stopped."""

    def __init__(self) -> None:
        """All is well."""
        self.found: dict[str, str] = {}

    def ring(self, name: str, what: str) -> None:
        """Tell of something that has stopped."""
        if self.found.get(name) != what:
            self.found[name] = what
            _log.error("alarm", alarm=name, what=what)


class Backoff:
    """Growing pauses after failures; a success begins anew."""

    def __init__(self) -> None:
        """Begin with the shortest."""
        self._seconds = PAUSE_SECONDS_FIRST

    def reset(self) -> None:
        """Note a success."""
        self._seconds = PAUSE_SECONDS_FIRST

    async def pause(self) -> None:
        """Wait, longer each time."""
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
    backoff = Backoff()
    while True:
        try:
            await run(backoff)
        except FINAL as error:
            alarms.ring(name, str(error))
            if on_final is not None:
                on_final(error)
            return
        except PASSING as error:
            _log.warning("interrupted", loop=name, error=type(error).__name__, reason=str(error))
        except Exception:  # noqa: BLE001 the supervisor: see above
            _log.exception("failed", loop=name)
        else:
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
