"""What PostgreSQL, Kafka and our own services have in common on this machine: a part of the stack."""

import asyncio
import enum
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from infra.local.errors import LocalStackError, NotRunningError
from infra.local.processes import Child


class PartState(enum.StrEnum):
    """How far a part has come."""

    PREPARING = "preparing"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartReport:
    """One line of progress: which part, how far, and in words what it does or where it listens."""

    part: str
    state: PartState
    detail: str = ""


Reporter = Callable[[PartReport], None]


def silent(report: PartReport) -> None:
    """A reporter for those who only want the stack."""
    del report


class Part(ABC):
    """One server with its process; the same object is started, stopped and killed many times.

    `name` is the part's name in every message; `address` says where it listens.
    """

    name: str
    address: str
    stop_seconds_max = 20.0

    def __init__(self, report: Reporter) -> None:
        """Nothing runs yet."""
        self._report = report
        self.child: Child | None = None

    @abstractmethod
    async def start(self) -> None:
        """Brings the part up and returns when it answers.

        Raises:
            LocalStackError: it could not be started; `stop` ends what is left of it.
        """

    @property
    def running(self) -> bool:
        """Whether its process is alive (frozen counts as alive)."""
        return self.child is not None and self.child.exit_code is None

    async def stop(self) -> bool:
        """Ends it cleanly, if it runs; whether it ran and ended by itself when asked."""
        clean = False
        if self.child is not None and self.running:
            self.say(PartState.STOPPING)
            with suppress(NotRunningError, ProcessLookupError):  # it may end by itself just now
                self.thaw()
            clean = await self.child.stop(self.stop_seconds_max)
            detail = "" if clean else f"had to be killed after {self.stop_seconds_max:g} s"
            self.say(PartState.STOPPED, detail)
        self.child = None
        return clean

    async def kill(self) -> None:
        """Ends it as a crash would (SIGKILL)."""
        if self.child is not None:
            await self.child.kill()
        self.child = None

    def freeze(self) -> None:
        """Stops it from running without ending it (SIGSTOP), as a machine under a long pause would be."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets a frozen part go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def say(self, state: PartState, detail: str = "") -> None:
        """Reports progress."""
        self._report(PartReport(part=self.name, state=state, detail=detail))

    def _signal(self, number: signal.Signals) -> None:
        if self.child is None or self.child.exit_code is not None:
            raise NotRunningError(f"{self.name} is not running")
        os.killpg(self.child.pid, number)


async def start_together(parts: Sequence[Part]) -> None:
    """Starts parts at once.

    Raises:
        LocalStackError: the first that could not be started; the others may be left running.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part.start())
    except ExceptionGroup as troubles:
        ours, others = troubles.split(LocalStackError)
        if ours is None or others is not None:
            raise
        raise first_trouble(ours) from None


def first_trouble(troubles: ExceptionGroup[LocalStackError]) -> LocalStackError:
    """The first single error in a group of errors."""
    first = troubles.exceptions[0]
    return first_trouble(first) if isinstance(first, ExceptionGroup) else first
