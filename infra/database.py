"""PostgreSQL: the only module that knows the driver. Pools, deadlines, and what the driver's errors mean."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self, TypeAlias, Union
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from asyncpg.pgproto.pgproto import UUID

from infra.event_store import (
    ClockSuspectError,
    InstantInFutureError,
    OutcomeUnknownError,
    StoreUnavailableError,
    UnbalancedError,
)

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Unpooled: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pooled: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Connection: TypeAlias = Union[Unpooled, Pooled]  # noqa: UP007 these are strings at run time
Guard: TypeAlias = Callable[[Connection], Coroutine[Any, Any, None]]
Row: TypeAlias = asyncpg.Record
Uuid = UUID  # faster to make than the standard one, whose subclass it is

CONNECT_SECONDS_MAX = 5.0
ACQUIRE_SECONDS_MAX = 10.0
COMMAND_SECONDS_MAX = 60.0
IDLE_SECONDS_MAX = 60.0
STATEMENTS_CACHED_MAX = 1000
QUERIES_PER_CONNECTION_MAX = 1 << 62
POSITION_MAX = (1 << 63) - 1

# Every query here is short, has parameters and is served by an index, in the index's order: one plan for all
# values, made once a connection, and never one that a table's first, small statistics make look cheap.
SESSION = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "timezone": "UTC",
    "client_encoding": "UTF8",
}

# The server says itself that it has rolled back, because it or somebody else is in the way for the moment.
BUSY = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
# The connection is gone, or was never there; what was in flight may have been committed or not.
LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # the driver's account of a connection that broke within a query
)


DuplicateDatabaseError = asyncpg.DuplicateDatabaseError
NoDatabaseError = asyncpg.InvalidCatalogNameError


CLOSED = (
    "a ledger that was restored from a backup is closed until `capledger recover` has brought back what its"
    " topics hold beyond it"
)
"""Our databases have no limit of connections of their own but this one (`infra/backup.py`)."""


class Database:
    """One database under one role.

    It has a pool for appends and a pool for reads: who holds a shard's head reads beside it, and must never
    wait for a connection that somebody holds who waits for the same head.
    """

    def __init__(self, dsn: str, *, appends: int = 8, reads: int = 8) -> None:
        """Nothing is connected yet; the numbers bound the connections of each kind.

        Args:
            dsn: where to connect, credentials included.
            appends: connections for what writes.
            reads: connections for what reads.
        """
        self.dsn = dsn
        self._sizes = (appends, reads)
        self.guard: Guard | None = None
        """Looks over each new connection for appends before it is used; what it raises, the user meets."""
        self._pools: tuple[Pool, Pool] | None = None

    async def open(self) -> None:
        """Make both pools.

        Raises:
            StoreUnavailableError: nobody answers there.
        """
        with reading():
            appends = await self._pool(self._sizes[0], guarded=True)
            reads = await self._pool(self._sizes[1], guarded=False)
        self._pools = (appends, reads)

    async def close(self) -> None:
        """Let running queries end, then close every connection; after 5 s without waiting."""
        if self._pools is None:
            return
        pools, self._pools = self._pools, None
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                await asyncio.gather(*(pool.close() for pool in pools))
        except TimeoutError:
            for pool in pools:
                pool.terminate()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def appending(self) -> AsyncGenerator[Connection]:
        """Hold a connection for a write. Never taken while another one is held for a write."""
        async with self._acquired(0) as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Connection]:
        """Hold a connection for reads, their errors translated."""
        with reading():
            async with self._acquired(1) as connection:
                yield connection

    async def _look_over(self, connection: Unpooled, /) -> None:
        if self.guard is not None:
            await self.guard(connection)

    async def _pool(self, size: int, *, guarded: bool) -> Pool:
        return await asyncpg.create_pool(
            self.dsn,
            min_size=1,
            max_size=size,
            max_queries=QUERIES_PER_CONNECTION_MAX,
            max_inactive_connection_lifetime=IDLE_SECONDS_MAX,
            timeout=CONNECT_SECONDS_MAX,
            command_timeout=COMMAND_SECONDS_MAX,
            statement_cache_size=STATEMENTS_CACHED_MAX,
            max_cached_statement_lifetime=0,
            server_settings=SESSION,
            init=self._look_over if guarded else None,
            reset=_left_as_it_is,
        )

    @asynccontextmanager
    async def _acquired(self, number: int) -> AsyncGenerator[Connection]:
        if self._pools is None:
            raise StoreUnavailableError("the database is not open")
        pool = self._pools[number]
        try:
            connection = await pool.acquire(timeout=ACQUIRE_SECONDS_MAX)
        except (*LOST, asyncpg.InterfaceError, NoDatabaseError) as error:
            # a dropped sandbox is as good as a server that is away
            raise StoreUnavailableError(f"cannot connect: {_told(error)}") from error
        try:
            yield connection
        finally:
            await _release(pool, connection)


async def connect(dsn: str) -> Unpooled:
    """Return one connection outside any pool, for migrations and tools.

    Raises:
        StoreUnavailableError: nobody answers there.
    """
    with reading():
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_SECONDS_MAX,
            command_timeout=COMMAND_SECONDS_MAX,
            server_settings={"timezone": "UTC"},
        )


@contextmanager
def reading() -> Generator[None]:
    """Translate the driver's errors around what only reads."""
    try:
        yield
    except (*LOST, *BUSY) as error:
        raise StoreUnavailableError(_told(error)) from error
    except asyncpg.InterfaceError as error:
        if not _closed(error):
            raise
        raise StoreUnavailableError(_told(error)) from error
    except asyncpg.PostgresError as error:
        raise _ours(error) from error


@contextmanager
def committing() -> Generator[None]:
    """Translate the driver's errors around what commits: lost is unknown, a server's no is not done."""
    try:
        yield
    except BUSY as error:
        raise StoreUnavailableError(_told(error)) from error
    except LOST as error:
        raise OutcomeUnknownError(_told(error)) from error
    except asyncpg.InterfaceError as error:
        if not _closed(error):
            raise
        raise OutcomeUnknownError(_told(error)) from error
    except asyncpg.PostgresError as error:
        raise _ours(error) from error


def address(
    dsn: str, *, database: str | None = None, user: str | None = None, password: str | None = None
) -> str:
    """Return a DSN that differs from another in what is given.

    Raises:
        ValueError: the DSN is not a URL.
    """
    parts = urlsplit(dsn)
    if parts.scheme not in {"postgresql", "postgres"} or parts.hostname is None:
        raise ValueError("expected postgresql://user:password@host:port/database")
    login, _, place = parts.netloc.rpartition("@")
    if user is not None:
        login = quote(user, safe="") + ("" if password is None else f":{quote(password, safe='')}")
    path = parts.path if database is None else f"/{quote(database, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{place}" if login else place, path=path))


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


async def _left_as_it_is(_: object) -> None:
    """Leave a released connection as it is: no session state is ever set, and a reset is a round trip."""


async def _release(pool: Pool, connection: Pooled) -> None:
    try:
        await pool.release(connection, timeout=CONNECT_SECONDS_MAX)
    except (*LOST, asyncpg.InterfaceError):
        # gone or hanging: the pool has dropped it, and what it was used for has its own outcome
        if not connection.is_closed():
            connection.terminate()


def _closed(error: asyncpg.InterfaceError) -> bool:
    return any(word in str(error) for word in ("closed", "closing", "terminated"))


def _ours(error: asyncpg.PostgresError) -> Exception:
    """Return what the errors that our own functions raise stand for; others are bugs and stay as they are."""
    match error.sqlstate:
        case "CL003":
            return ClockSuspectError(str(error))
        case "CL004":
            return InstantInFutureError(str(error))
        case "CL010":
            return UnbalancedError(str(error))
        case _:
            return error


def _told(error: BaseException) -> str:
    if isinstance(error, asyncpg.TooManyConnectionsError) and "for database" in str(error):
        return f"{error}: {CLOSED}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
