"""The stack as one object: PostgreSQL and Kafka started together; stopped, killed, started again at will."""

import asyncio
import fcntl
import time
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from infra.local import ports
from infra.local.errors import AlreadyRunningError
from infra.local.kafka import Kafka
from infra.local.parts import Part, Reporter, silent, start_together
from infra.local.postgres import Postgres

LOCK_ATTEMPTS = 3
LOCK_PAUSE_SECONDS = 0.02
PORT_NAMES = ("postgres", "kafka", "kafka_controller")


class FolderLock:
    """Holds a state folder against a second supervisor; the kernel lets go of it however we end."""

    def __init__(self, folder: Path) -> None:
        """Nothing is held yet."""
        self._path = folder / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Takes the folder.

        Raises:
            AlreadyRunningError: somebody else has it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("w")
        for attempt in range(LOCK_ATTEMPTS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # `status` holds the lock for an instant to see whether it is free
                time.sleep(LOCK_PAUSE_SECONDS * attempt)
            else:
                self._file = file
                return
        file.close()
        message = (
            f"a stack already runs in {self._path.parent}; see capledger status, or end it: capledger down"
        )
        raise AlreadyRunningError(message)

    def release(self) -> None:
        """Lets go of it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def is_held(self) -> bool:
        """Whether anybody holds it now."""
        if not self._path.exists():
            return False
        try:
            self.acquire()
        except AlreadyRunningError:
            return True
        self.release()
        return False


class LocalStack:
    """PostgreSQL and Kafka with all their state in one folder.

    `async with LocalStack(folder) as stack:` starts both and stops both. A part can be stopped, killed,
    frozen and started again in between; addresses and the password stay as long as the folder lives.
    """

    def __init__(self, folder: Path, report: Reporter = silent) -> None:
        """Chooses the ports at first; starts nothing.

        Args:
            folder: holds all state; made when absent.
            report: called with each step of progress.
        """
        self.folder = folder.resolve()
        chosen = ports.stored(self.folder / "ports.json", PORT_NAMES)
        self._lock = FolderLock(self.folder)
        self.postgres = Postgres(self.folder / "postgres", chosen["postgres"], report)
        self.kafka = Kafka(self.folder / "kafka", chosen["kafka"], chosen["kafka_controller"], report)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Both servers."""
        return (self.postgres, self.kafka)

    @property
    def postgres_dsn(self) -> str:
        """The superuser's connection address, password included; for migrations and tests."""
        return self.postgres.dsn

    @property
    def kafka_bootstrap(self) -> str:
        """`host:port` of the broker."""
        return self.kafka.address

    async def start(self) -> None:
        """Starts both servers at once and returns when both answer.

        Raises:
            LocalStackError: one of them could not be started; neither is left running.
        """
        self._lock.acquire()
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.stop)
            await start_together(self.parts)
            undo.pop_all()

    async def stop(self) -> None:
        """Stops both servers cleanly; what does not run is left alone."""
        try:
            await asyncio.gather(*(part.stop() for part in self.parts))
        finally:
            self._lock.release()

    async def start_postgres(self) -> None:
        """Starts PostgreSQL again after a stop or a kill."""
        await self.postgres.start()

    async def kill_postgres(self) -> None:
        """Ends PostgreSQL as a crash would."""
        await self.postgres.kill()

    async def start_kafka(self) -> None:
        """Starts Kafka again after a stop or a kill."""
        await self.kafka.start()

    async def kill_kafka(self) -> None:
        """Ends Kafka as a crash would."""
        await self.kafka.kill()

    async def __aenter__(self) -> Self:
        """Starts both."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops both."""
        await self.stop()
