"""Runs the whole stack until it is told to end: PostgreSQL, Kafka and our services.

A part that ends by itself is started again, with growing pauses; one that cannot stay up is reported and
left.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from infra.local.errors import LocalStackError
from infra.local.parts import Part, PartReport, PartState, Reporter, start_together
from infra.local.program import Program, ProgramPart
from infra.local.stack import LocalStack
from infra.local.status import StackStatus, StatusFile, with_report

RESTARTS_MAX = 5
RESTART_PAUSE_SECONDS_FIRST = 0.5
STEADY_SECONDS = 60.0

Plan = Callable[[LocalStack], Awaitable[Sequence[Program]]]
"""Called when PostgreSQL and Kafka are ready: prepares what the services need (schemas, roles, topics, their
configuration files) and says which programs to start."""


async def servers_only(stack: LocalStack) -> Sequence[Program]:
    """The plan of those who only want PostgreSQL and Kafka."""
    del stack
    return ()


class Supervisor:
    """The life of one stack in one process."""

    def __init__(self, folder: Path, plan: Plan, report: Reporter, on_ready: Callable[[], None]) -> None:
        """Starts nothing.

        Args:
            folder: the state folder.
            plan: what to start beside the servers.
            report: called with every step of progress.
            on_ready: called once, when every part is ready.
        """
        self._stack = LocalStack(folder, self._take)
        self._plan = plan
        self._report = report
        self._on_ready = on_ready
        self._programs: list[ProgramPart] = []
        self._file = StatusFile(self._stack.folder)
        self._status = StackStatus(pid=os.getpid())
        self._stop = asyncio.Event()

    def request_stop(self) -> None:
        """Makes `run` end; safe in a signal handler of the loop."""
        self._stop.set()

    async def run(self) -> None:
        """Brings everything up, keeps it up, and takes it down when asked (SIGINT, SIGTERM, SIGHUP).

        Raises:
            LocalStackError: something could not be started; nothing is left running.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.request_stop)
        running = asyncio.create_task(self._up_and_watch())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running  # raises what went wrong
        finally:
            for task in (running, stopping):
                task.cancel()
            await asyncio.gather(running, stopping, return_exceptions=True)
            await self._down()

    async def _up_and_watch(self) -> None:
        await self._stack.start()
        programs = await self._plan(self._stack)
        logs = self._stack.folder / "logs"
        self._programs = [ProgramPart(one, logs / f"{one.name}.log", self._take) for one in programs]
        await start_together(self._programs)
        self._status = msgspec.structs.replace(self._status, ready=True)
        self._file.write(self._status)
        self._on_ready()
        parts = (*self._stack.parts, *self._programs)
        await asyncio.gather(*(keep_up(part) for part in parts))
        await self._stop.wait()

    async def _down(self) -> None:
        await asyncio.gather(*(program.stop() for program in self._programs))
        await self._stack.stop()

    def _take(self, report: PartReport) -> None:
        self._status = with_report(self._status, report)
        self._file.write(self._status)
        self._report(report)


async def keep_up(part: Part) -> None:
    """Starts a part again whenever it ends; returns when it has failed too often in a row."""
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        since, code = loop.time(), None
        if part.child is not None:
            code = await part.child.wait()
        failures = 1 if loop.time() - since > STEADY_SECONDS else failures + 1
        if failures > RESTARTS_MAX:
            part.say(
                PartState.FAILED, f"gave up after {RESTARTS_MAX} attempts; see its log in the state folder"
            )
            return
        if code is not None:
            part.say(PartState.FAILED, f"ended by itself with exit code {code}; starting it again")
        await asyncio.sleep(RESTART_PAUSE_SECONDS_FIRST * 2 ** (failures - 1))
        try:
            await part.start()
        except LocalStackError as trouble:
            await part.kill()
            part.say(PartState.FAILED, str(trouble))
