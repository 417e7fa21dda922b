"""An event loop whose time is virtual: when nothing is ready, the clock jumps to what is due next.

With it `asyncio.sleep` and `asyncio.timeout` take no time, and one seed gives one run, step by step.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

OWNER: ContextVar["dict[asyncio.Task[Any], None] | None"] = ContextVar("OWNER", default=None)
"""Where tasks are noted by whom they belong to, so that a process can be killed with all its tasks."""


class StuckError(Exception):
    """Everything waits, and nothing will ever come."""


class _Jumping(selectors.SelectSelector):
    """Never waits for the outside: moves the loop's clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StuckError
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time. Seconds begin at 0."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        self.set_task_factory(_noted)  # type: ignore[arg-type]  # typeshed asks for a Future of Any

    def time(self) -> float:
        return self._jumping.now


def _noted(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], context: Context | None = None
) -> "asyncio.Task[T]":
    task = asyncio.Task(coroutine, loop=loop, context=context)
    owner = OWNER.get()
    if owner is not None:
        owner[task] = None
        task.add_done_callback(lambda done: owner.pop(done, None))
    return task


def _end_all(loop: VirtualLoop) -> None:
    """Cancel whatever still runs and see it out, or a coroutine is left that nobody has awaited."""
    while tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        try:
            loop.run_until_complete(asyncio.wait(tasks))
        except StuckError:
            return


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time."""
    loop = VirtualLoop()
    loop.set_exception_handler(lambda _loop, _context: None)  # the killed are not mourned
    try:
        return loop.run_until_complete(main)
    finally:
        _end_all(loop)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
