"""One service in one ledger on real servers: its connections, its live node, the desk that HTTP serves."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Self

from infra.access.keys import Access
from infra.access.postgres import PostgresAuditLog, PostgresKeyStore
from infra.bus import BusError, TopicMismatchError
from infra.clock import MachineClock, SandboxClock
from infra.config import Config, ConfigError, KafkaSettings
from infra.database import Database, address
from infra.event_store.postgres import PostgresEventStore, refuse_unsafe
from infra.event_store.postgres.party import PartyReader
from infra.head_guard import HeadGuard
from infra.http.site import Desk
from infra.kafka import KafkaBus
from infra.lease_store import PostgresLeases
from infra.live import LiveNode, Outside
from infra.logging import logger
from infra.migrations import read_schema
from infra.migrations.ledgers import database_name, find_ledger
from infra.node import Ledger
from infra.parties import PartyEvents
from infra.read_store.postgres import PostgresReadStore
from infra.rest import PostgresTurns
from infra.service import Service
from infra.telemetry import Telemetry
from schemas.catalog import LOGS

COMMANDS_SECONDS_MAX = 3.0
TOPICS_SECONDS_MAX = 10.0

_log = logger("capledger.runtime")


class Identity:
    """Who a process is, the same in all its ledgers."""

    def __init__(
        self, service: Service, config: Config, replica: str, pepper: bytes, telemetry: Telemetry
    ) -> None:
        """Take what all ledgers share."""
        self.service, self.config, self.replica = service, config, replica
        self.pepper, self.telemetry = pepper, telemetry
        self.address = ""


class Runtime:
    """A service that runs in a ledger. `open` makes one; `close` ends it, at most some seconds later."""

    def __init__(self, live: LiveNode, desk: Desk, connections: AsyncExitStack) -> None:
        """Take the parts; `open` makes them."""
        self.live, self.desk = live, desk
        self._connections = connections
        self._running = asyncio.create_task(live.run(), name=f"live-{live.node.ledger.name}")

    @classmethod
    async def open(cls, identity: Identity, name: str) -> Self:
        """Connect to a ledger, look it over, and let the service run in it.

        Raises:
            StoreError: the database cannot be reached, holds no such ledger, or is not safe.
            TopicMismatchError: a topic is not as it must be.
            ConfigError: what is configured must not be in a live ledger.
        """
        config, service = identity.config, identity.service
        ledger = named_topics(await find_ledger(config.postgres.dsn, name), config)
        refuse_failpoints(ledger, config)
        async with AsyncExitStack() as connections:
            database = await connections.enter_async_context(_database(config, name))
            await refuse_unsafe(database, LOGS)
            bus = KafkaBus(config.kafka, ledger, f"capledger-{identity.replica}")
            await _topics(bus, config.kafka)
            outside = Outside(
                PostgresEventStore(dict.fromkeys(LOGS, database), service.logs, ledger.shards),
                PostgresReadStore(database, read_schema(service.name)),
                bus,
                PostgresLeases(
                    _dsn(config.postgres.dsn, name), service.name, identity.replica, identity.address
                ),
                identity.telemetry,
            )
            live = await _live(identity, ledger, outside, database)
            database.guard = HeadGuard(live).look
            desk = await _desk(identity, live, database, connections)
            return cls(live, desk, connections.pop_all())

    async def close(self) -> None:
        """Let what is in flight be settled and relayed, then let go of everything."""
        try:
            async with asyncio.timeout(COMMANDS_SECONDS_MAX):
                await self.live.node.commands.close()
        except TimeoutError:
            _log.warning("commands_left", ledger=self.live.node.ledger.name)
        await self.live.close()
        await self._connections.aclose()


def refuse_failpoints(ledger: Ledger, config: Config) -> None:
    """Let no failpoint be set where a live ledger is worked on.

    Raises:
        ConfigError: one is.
    """
    if ledger.mode == "live" and config.failpoints:
        names = ", ".join(sorted(config.failpoints))
        raise ConfigError(
            f"failpoints are set ({names}), and {ledger.name} is a live ledger: they are for tests on"
            " sandboxes, take them out of the configuration"
        )


def named_topics(ledger: Ledger, config: Config) -> Ledger:
    """Return a ledger with its topics' prefix: a lone live ledger has the bare one, others add their name."""
    prefix = config.kafka.topic_prefix
    alone = ledger.mode == "live" and len(config.ledgers) == 1
    return Ledger(
        name=ledger.name,
        mode=ledger.mode,
        shards=ledger.shards,
        topic_prefix=prefix if alone else f"{prefix}.{ledger.name}",
    )


def _dsn(dsn: str, name: str) -> str:
    return address(dsn, database=database_name(name))


def _database(config: Config, name: str) -> Database:
    postgres = config.postgres
    return Database(_dsn(postgres.dsn, name), appends=postgres.appends_max, reads=postgres.reads_max)


async def _topics(bus: KafkaBus, settings: KafkaSettings) -> None:
    """Check the topics; where Kafka is away the ledger opens without, and its relays look again."""
    try:
        async with asyncio.timeout(TOPICS_SECONDS_MAX):
            await bus.prepare(LOGS, create=settings.create_topics)
    except TopicMismatchError:
        raise
    except (BusError, TimeoutError) as error:
        _log.warning("topics_not_checked", reason=str(error))


async def _live(identity: Identity, ledger: Ledger, outside: Outside, database: Database) -> LiveNode:
    service = identity.service
    if ledger.mode == "live":
        live = LiveNode(service, ledger, outside, MachineClock())
    else:
        turns = PostgresTurns(database, service.name)
        clock = SandboxClock(outside.store, await outside.store.now())
        live = LiveNode(service, ledger, outside, clock, turns)
        await turns.register([(one.name, log) for one in live.node.consumers for log in one.follows])
    await live.open()
    return live


async def _desk(identity: Identity, live: LiveNode, database: Database, connections: AsyncExitStack) -> Desk:
    ledger, postgres = live.node.ledger, identity.config.postgres
    reader = None
    if postgres.reader_dsn is not None:
        found = Database(_dsn(postgres.reader_dsn, ledger.name), appends=1, reads=postgres.reads_max)
        reader = PartyReader(await connections.enter_async_context(found))
    access = Access(
        ledger.name,
        PostgresKeyStore(database),
        PostgresAuditLog(database),
        identity.pepper,
        now=MachineClock(),
        seconds=time.monotonic,
    )
    return Desk(node=live.node, access=access, events=PartyEvents(live.store, reader))


class Runtimes:
    """All ledgers that a process serves, and their desks, which HTTP reads while they come and go."""

    def __init__(self, identity: Identity) -> None:
        """Nothing is served yet."""
        self._identity = identity
        self._opening = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()
        self.served: dict[str, Runtime] = {}
        self.desks: dict[str, Desk] = {}

    async def serve(self, name: str) -> None:
        """Serve a ledger from now on; one that is served already is left as it is.

        Raises:
            StoreError, TopicMismatchError, ConfigError: as for `Runtime.open`.
        """
        async with self._opening:
            if name not in self.served:
                runtime = await Runtime.open(self._identity, name)
                self.served[name], self.desks[name] = runtime, runtime.desk
                _log.info("ledger_served", ledger=name, mode=runtime.live.node.ledger.mode)

    async def leave(self, name: str) -> None:
        """Serve a ledger no more."""
        self.desks.pop(name, None)
        runtime = self.served.pop(name, None)
        if runtime is not None:
            await runtime.close()
            _log.info("ledger_left", ledger=name)

    def leave_soon(self, name: str) -> None:
        """Serve a ledger no more, without waiting until everything of it has ended."""
        task = asyncio.create_task(self.leave(name), name=f"leaving-{name}")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Leave all of them at once."""
        for name in list(self.served):
            self.leave_soon(name)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    @property
    def nodes(self) -> Mapping[str, LiveNode]:
        """The live nodes, by ledger."""
        return {name: runtime.live for name, runtime in self.served.items()}
