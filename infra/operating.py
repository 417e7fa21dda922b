"""A ledger from behind its services, for operations: events, topics and read models.

Where it is comes from the configuration file of any of its services.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from infra import failpoints
from infra.bus import Place
from infra.clock import MachineClock, SandboxClock
from infra.config import Config, ConfigError
from infra.database import Database, address
from infra.event_store import StoreError
from infra.event_store.postgres import PostgresEventStore
from infra.kafka import KafkaBus
from infra.migrations import read_schema
from infra.migrations.ledgers import database_name, find_ledger
from infra.node import Ledger, Node
from infra.proving import ShardVerdict, Tell, in_postgres, prove
from infra.read_store.postgres import PostgresReadStore
from infra.recovery_postgres import PostgresTail
from infra.replay.postgres import PostgresAsides
from infra.runtime import named_topics, refuse_failpoints
from infra.service import Service
from infra.tokens import sealer_of
from infra.verify import GivenHead
from schemas.catalog import LOGS

CONNECTIONS = 6


class NotWholeError(StoreError):
    """A ledger was proved not to be whole; the message names the first break."""


class Backstage:
    """A ledger in PostgreSQL with its topics, under one role."""

    def __init__(self, ledger: Ledger, database: Database, config: Config, own: Sequence[str]) -> None:
        """Take the open database; `own`: the logs that its role writes."""
        self.ledger, self.database, self._config = ledger, database, config
        self.store = PostgresEventStore(dict.fromkeys(LOGS, database), own, ledger.shards)
        self.tail = PostgresTail(database)

    @asynccontextmanager
    async def bus(self) -> AsyncGenerator[KafkaBus]:
        """Open its topics."""
        bus = KafkaBus(self._config.kafka, self.ledger, "capledger-operations")
        try:
            yield bus
        finally:
            await bus.close()

    def reads(self, service: str) -> PostgresReadStore:
        """Return a service's read store; its tables are prepared by whoever reads rows."""
        return PostgresReadStore(self.database, read_schema(service))

    def asides(self, service: str) -> PostgresAsides:
        """Return where a service's read models are made anew."""
        return PostgresAsides(self.database, read_schema(service))

    async def node(self, service: Service) -> Node:
        """Return a node of the service: it decides and answers like the running ones, and drives nothing."""
        clock: Callable[[], datetime] = MachineClock()
        if self.ledger.mode == "sandbox":
            clock = SandboxClock(self.store, await self.store.now())
        node = Node(service, self.ledger, self.store, self.reads(service.name), clock)
        if self._config.sealing_file is not None:
            node.sealer = sealer_of(Path(self._config.sealing_file).read_text())
        await node.prepare()
        return node

    async def verdicts(
        self,
        logs: Sequence[str],
        tell: Tell,
        *,
        topics: bool,
        books: bool,
        given: Mapping[Place, GivenHead] | None = None,
    ) -> AsyncIterator[ShardVerdict]:
        """Yield a verdict for each shard of some logs; see `infra.proving.prove`."""
        walk = in_postgres(self.database, self.store, books=books)
        if not topics:
            async for verdict in prove(self.store, walk, logs, given=given, tell=tell):
                yield verdict
            return
        async with self.bus() as bus:
            async for verdict in prove(self.store, walk, logs, bus=bus, given=given, tell=tell):
                yield verdict


@asynccontextmanager
async def as_service(config: Config, name: str, service: Service) -> AsyncGenerator[Backstage]:
    """Open a ledger under the role of the service that the configuration is of, and set its failpoints.

    Raises:
        StoreError: it cannot be reached, or there is none of that name.
        ConfigError: failpoints are set, and it is live, or one is not known.
    """
    ledger = named_topics(await find_ledger(config.postgres.dsn, name), config)
    refuse_failpoints(ledger, config)
    _set_failpoints(config)
    async with Database(_dsn(config.postgres.dsn, name), appends=CONNECTIONS, reads=CONNECTIONS) as database:
        yield Backstage(ledger, database, config, service.logs)


@asynccontextmanager
async def as_administrator(config: Config, name: str) -> AsyncGenerator[Backstage]:
    """Open a ledger under the role that may do everything.

    Raises:
        ConfigError: the configuration names no administrator.
        StoreError: it cannot be reached, or there is none of that name.
    """
    dsn = admin_dsn(config)
    ledger = named_topics(await find_ledger(dsn, name), config)
    async with Database(_dsn(dsn, name), appends=CONNECTIONS, reads=CONNECTIONS) as database:
        yield Backstage(ledger, database, config, LOGS)


def _set_failpoints(config: Config) -> None:
    try:
        failpoints.configure(config.failpoints)
    except ValueError as error:
        raise ConfigError(f"failpoints: {error}") from error


def admin_dsn(config: Config) -> str:
    """Return where an administrator connects.

    Raises:
        ConfigError: the configuration does not say.
    """
    if config.postgres.admin_dsn is None:
        raise ConfigError("postgres.admin_dsn is needed for this: the address of a role that may do it")
    return config.postgres.admin_dsn


async def require_whole(dsn: str, ledger: Ledger, given: Mapping[Place, GivenHead], tell: Tell) -> None:
    """Prove a database that holds a ledger, topics left out.

    Raises:
        NotWholeError: names the first break.
    """
    async with Database(dsn, appends=2, reads=CONNECTIONS) as database:
        store = PostgresEventStore(dict.fromkeys(LOGS, database), LOGS, ledger.shards)
        walk = in_postgres(database, store, books=True)
        async for verdict in prove(store, walk, LOGS, given=given, tell=tell):
            if verdict.broken is not None:
                raise NotWholeError(str(verdict.broken))


def _dsn(dsn: str, name: str) -> str:
    return address(dsn, database=database_name(name))
