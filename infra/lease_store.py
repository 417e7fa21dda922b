"""Leases in PostgreSQL: advisory locks on one connection of a process, and a row that says that it lives."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from infra.database import NoDatabaseError, Unpooled, connect, reading
from infra.event_store import StoreError
from infra.leases import LeasesLostError
from infra.statements import statement

SILENCE_SECONDS = 5.0
FORGET_SECONDS = 60.0
ANSWER_SECONDS_MAX = 5.0

_statement = partial(statement, Path(__file__).parent / "live.sql")


class PostgresLeases:
    """The leases of one replica of a service in one ledger."""

    def __init__(self, dsn: str, service: str, replica: str, address: str = "") -> None:
        """Take where to connect and who this is; nothing is connected yet."""
        self._dsn, self._service, self._replica, self._address = dsn, service, replica, address
        self._connection: Unpooled | None = None

    async def take(self, name: str) -> bool:
        """See `Leases.take`."""
        async with self._connected() as connection:
            return bool(await connection.fetchval(_statement("take"), name))

    async def give_back(self, name: str) -> None:
        """See `Leases.give_back`."""
        async with self._connected() as connection:
            await connection.execute(_statement("give_back"), name)

    async def beat(self) -> int:
        """See `Leases.beat`. After a lost connection this makes a new one, with nothing held."""
        if self._connection is None:
            try:
                self._connection = await connect(self._dsn)
            except (StoreError, NoDatabaseError) as error:
                raise LeasesLostError(str(error)) from error
        async with self._connected() as connection:
            await connection.execute(_statement("beat"), self._replica, self._service, self._address)
            await connection.execute(_statement("forget_dead"), FORGET_SECONDS)
            return int(await connection.fetchval(_statement("living"), self._service, SILENCE_SECONDS))

    async def close(self) -> None:
        """See `Leases.close`."""
        connection = self._connection
        if connection is None:
            return
        try:
            async with self._connected():
                await connection.execute(_statement("leave"), self._replica)
        except LeasesLostError:
            return
        self._connection = None
        connection.terminate()

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[Unpooled]:
        """Work on the connection; if anything goes wrong it is dropped, and with it every lease."""
        connection = self._connection
        if connection is None:
            raise LeasesLostError("the connection is gone")
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                with reading():
                    yield connection
        except (StoreError, TimeoutError, OSError) as error:
            self._connection = None
            connection.terminate()
            raise LeasesLostError(str(error)) from error
