"""Where the bench starts its servers: an event loop of its own in a thread.

What is measured runs on the loop that services have, which cannot start a process as another user.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Ground:
    """The loop that servers live on, to the end: they die with the thread that started them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take a loop that runs in another thread."""
        self._loop = loop

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what comes of work on that loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


@contextmanager
def ground() -> Generator[Ground]:
    """Run such a loop."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="servers")
    thread.start()
    try:
        yield Ground(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
