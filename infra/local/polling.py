"""Waiting for what cannot signal: a foreign server's port, a lock file, a port still held."""

import asyncio
import time

PAUSE_SECONDS_FIRST = 0.01
PAUSE_SECONDS_MAX = 0.2


class Deadline:
    """A time limit and the growing pauses between looks: 10 ms first, never above 200 ms."""

    def __init__(self, seconds: float) -> None:
        """Counts from now."""
        self._end = time.monotonic() + seconds
        self._pause = PAUSE_SECONDS_FIRST

    @property
    def passed(self) -> bool:
        """Whether the limit is over."""
        return time.monotonic() >= self._end

    async def pause(self) -> None:
        """Waits before the next look."""
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 1.5, PAUSE_SECONDS_MAX)
