"""Child processes that never outlive their parent and write to a log file of their own."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals

from infra.local.disk import free_mib, is_disk_full
from infra.local.errors import (
    DiskFullError,
    LocalStackError,
    NotReadyError,
    PortTakenError,
    UnsupportedError,
)

PR_SET_PDEATHSIG = 1
LOG_BYTES_MAX = 16 << 20
LOG_TAIL_BYTES = 3000
KILL_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """As whom a process runs: a prefix of its argument list, or another user, or (empty) as we do."""

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How one process is started and ended.

    `orphan_signal` is what the kernel sends it when its parent is gone, however that went (Linux only;
    elsewhere a killed supervisor leaves it behind, and the next start says that its port is taken).
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    folder: Path
    environment: Mapping[str, str]
    identity: Identity = field(default_factory=Identity)
    stop_signal: Signals = Signals.SIGTERM
    orphan_signal: Signals = Signals.SIGKILL


def _orphan_rule(death_signal: Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec so that it dies with us."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the rule was in force
            os.kill(os.getpid(), death_signal)

    return arm


def rotate(log: Path) -> None:
    """Moves a log that has grown past its bound aside; one older file is kept."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(log.name + ".1"))


def tail(log: Path, start: int = 0) -> str:
    """The last lines of a log that lie after byte `start`, for an error message."""
    if not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - LOG_TAIL_BYTES))
        return file.read().decode(errors="replace").strip()


class Child:
    """A running process and the group it leads."""

    def __init__(self, command: Command, process: asyncio.subprocess.Process, log_start: int) -> None:
        """Made by `start`; `log_start` is the size that the log had before."""
        self.command = command
        self._process = process
        self._log_start = log_start

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.returncode

    def said(self) -> str:
        """The end of what this process (not an earlier one) has written to its log."""
        return tail(self.command.log, self._log_start)

    def trouble(self, port: int, folder: Path, space_mib_needed: int) -> LocalStackError:
        """Why it ended while it started, from its log; it was to listen on `port` and write to `folder`."""
        text = self.said()
        if "No space left on device" in text:
            return DiskFullError(str(folder), free_mib(folder), space_mib_needed)
        if "Address already in use" in text:
            return PortTakenError(self.command.name, port)
        return NotReadyError(f"{self.command.name} ended while it started\n{text}")

    async def wait(self) -> int:
        """Waits for its end and returns the exit code."""
        return await self._process.wait()

    async def stop(self, seconds_max: float) -> bool:
        """Asks it to end, and kills it when it has not after `seconds_max`; whether it ended by itself."""
        if self.exit_code is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(self.command.stop_signal)
            try:
                async with asyncio.timeout(seconds_max):
                    await self.wait()
            except TimeoutError:
                await self.kill()
                return False
        self._sweep()
        return True

    async def kill(self) -> None:
        """Ends it and its whole group at once, as a crash would."""
        self._sweep()
        async with asyncio.timeout(KILL_SECONDS_MAX):
            await self.wait()

    def _sweep(self) -> None:
        with suppress(
            ProcessLookupError, PermissionError
        ):  # PermissionError: a group of zombies on some systems
            os.killpg(self.pid, signal.SIGKILL)


async def start(command: Command) -> Child:
    """Starts a process in a session and group of its own.

    Raises:
        UnsupportedError: its program is not on this machine.
        DiskFullError: its log cannot be written.
        LocalStackError: the system refused to start it.
    """
    try:
        command.log.parent.mkdir(parents=True, exist_ok=True)
        rotate(command.log)
        with command.log.open("ab") as log:
            log_start = log.tell()
            process = await asyncio.create_subprocess_exec(
                *command.identity.prefix,
                *command.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                cwd=command.folder,
                env=dict(command.environment),
                user=command.identity.user,
                group=command.identity.group,
                extra_groups=None if command.identity.user is None else [],
                start_new_session=True,
                preexec_fn=_orphan_rule(command.orphan_signal),
            )
    except FileNotFoundError as problem:
        raise UnsupportedError(f"{command.name}: {problem.filename} is not on this machine") from problem
    except OSError as problem:
        if is_disk_full(problem):
            raise DiskFullError(str(command.log.parent), 0, 1) from problem
        raise LocalStackError(f"{command.name} could not be started: {problem}") from problem
    return Child(command, process, log_start)


async def finish(command: Command, seconds_max: float) -> None:
    """Runs a command to its end.

    Raises:
        LocalStackError: it failed or took too long; the text has the end of its log.
    """
    child = await start(command)
    try:
        async with asyncio.timeout(seconds_max):
            code = await child.wait()
    except TimeoutError as problem:
        raise LocalStackError(f"{command.name} took over {seconds_max:g} s\n{child.said()}") from problem
    finally:
        if child.exit_code is None:
            await child.kill()
    if code:
        raise LocalStackError(f"{command.name} failed with exit code {code}\n{child.said()}")
