"""Deadlines of ours around the driver, and what its errors mean."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from aiokafka.errors import KafkaError

from infra.bus import BusUnavailableError

T = TypeVar("T")

ANSWER_SECONDS_MAX = 5.0
ACK_SECONDS_MAX = 8.0
CLOSE_SECONDS_MAX = 2.0
RETRY_MS = 100

_closing: set[asyncio.Task[Any]] = set()


async def within(seconds_max: float, waiting: Awaitable[T]) -> T:
    """Wait for the driver under our own deadline, its errors translated.

    Raises:
        BusUnavailableError: it took too long, or it failed.
    """
    try:
        async with asyncio.timeout(seconds_max):
            return await waiting
    except TimeoutError as error:
        raise BusUnavailableError(f"no answer in {seconds_max:g} s") from error
    except (KafkaError, OSError, AssertionError) as error:
        raise BusUnavailableError(f"{type(error).__name__}: {error}") from error


async def abandon(ending: Awaitable[None]) -> None:
    """End something as a task of its own, and wait a moment for it: the driver may hang or raise there."""
    task = asyncio.ensure_future(_quietly(ending))
    _closing.add(task)
    task.add_done_callback(_closing.discard)
    await asyncio.wait({task}, timeout=CLOSE_SECONDS_MAX)
    if not task.done():
        task.cancel()


async def _quietly(ending: Awaitable[None]) -> None:
    try:
        await ending
    except (asyncio.CancelledError, KafkaError, OSError, RuntimeError, AssertionError):
        return  # it is gone, whatever it says


async def abandoned() -> None:
    """Wait a moment for everything that was abandoned."""
    if _closing:
        await asyncio.wait(tuple(_closing), timeout=CLOSE_SECONDS_MAX)


def pace(client: Any) -> None:
    """Put a pause after each failed look for metadata: the driver asks again at once, with all of a core."""
    update = client._metadata_update  # noqa: SLF001 there is no setting for it

    async def paced(*arguments: Any) -> bool:
        done: bool = await update(*arguments)
        if not done:
            await asyncio.sleep(RETRY_MS / 1000)
        return done

    client._metadata_update = paced  # noqa: SLF001
