"""A whole site for one test: PostgreSQL, Kafka, and the echo services as processes that can be killed."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from infra.access.keys import Access
from infra.access.postgres import PostgresAuditLog, PostgresKeyStore
from infra.clock import MachineClock
from infra.config import Config, HttpSettings, KafkaSettings, PostgresSettings
from infra.database import Database, address
from infra.event_store.postgres import PostgresEventStore
from infra.kafka import KafkaBus
from infra.local import ports
from infra.local.parts import silent
from infra.local.program import Program, ProgramPart, python_module
from infra.local.stack import LocalStack
from infra.migrations import read_schema, writer_role
from infra.migrations.ledgers import create_ledger, database_name
from infra.node import Ledger
from infra.read_store.postgres import PostgresReadStore
from tests.ledgers import PASSWORD, PLAN, prepare_cluster

LEDGER = Ledger(name="kills", mode="live", shards=PLAN.shards)
SERVICES = ("capacity", "contracts")
ROOT = Path(__file__).resolve().parents[2]


class Site:
    """Addresses, secrets and processes."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        chosen = ports.stored(folder / "services.json", SERVICES)
        self.urls = {name: f"http://{ports.HOST}:{chosen[name]}" for name in SERVICES}
        self.pepper, self.sealing = secrets.token_bytes(32), secrets.token_bytes(64)
        self.services: Mapping[str, ProgramPart] = {
            name: ProgramPart(self._program(name, chosen[name]), folder / f"{name}.log", silent)
            for name in SERVICES
        }

    def dsn(self, role: str) -> str:
        name = database_name(LEDGER.name)
        return address(self.stack.postgres_dsn, database=name, user=role, password=PASSWORD)

    async def keys(self, tenants: Sequence[str]) -> dict[str, str]:
        """Make a key for each tenant."""
        async with Database(self.dsn(writer_role("capacity")), appends=1, reads=1) as database:
            stores = PostgresKeyStore(database), PostgresAuditLog(database)
            access = Access(LEDGER.name, *stores, self.pepper, now=MachineClock(), seconds=time.monotonic)
            return {
                tenant: str((await access.create(tenant, ("capacity:report",), "load", None))[1])
                for tenant in tenants
            }

    @asynccontextmanager
    async def looking(self) -> AsyncGenerator["Looking"]:
        """Open everything durable, to look at it from outside."""
        async with AsyncExitStack() as stack:
            opened = {
                service: await stack.enter_async_context(Database(self.dsn(writer_role(service))))
                for service in SERVICES
            }
            databases = dict.fromkeys(PLAN.logs, opened["capacity"])
            yield Looking(
                store=PostgresEventStore(databases, ("capacity", "usage"), PLAN.shards),
                reads={name: PostgresReadStore(one, read_schema(name)) for name, one in opened.items()},
                bus=KafkaBus(KafkaSettings(bootstrap=self.stack.kafka_bootstrap), LEDGER, "looking"),
            )

    def _program(self, name: str, port: int) -> Program:
        config = Config(
            postgres=PostgresSettings(
                dsn=address(self.stack.postgres_dsn, user=writer_role(name), password=PASSWORD)
            ),
            kafka=KafkaSettings(bootstrap=self.stack.kafka_bootstrap),
            http=HttpSettings(host=ports.HOST, port=port, peers=self.urls),
            ledgers=(LEDGER.name,),
            pepper_file=str(self._secret("pepper", self.pepper)),
            sealing_file=str(self._secret("sealing", self.sealing)),
            log_level="warning",
        )
        file = self._private(f"{name}.yaml", msgspec.json.encode(config))
        return Program(
            name=name,
            argv=python_module(f"tests.e2e.echo_{name}", "--config", str(file)),
            ready_url=f"{self.urls[name]}/health/ready",
            folder=ROOT,
        )

    def _secret(self, name: str, value: bytes) -> Path:
        return self._private(name, value.hex().encode())

    def _private(self, name: str, content: bytes) -> Path:
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_bytes(content)
        return file


class Looking(msgspec.Struct, frozen=True, kw_only=True):
    """The stores and the bus of a site."""

    store: PostgresEventStore
    reads: Mapping[str, PostgresReadStore]
    bus: KafkaBus


@asynccontextmanager
async def open_site(folder: Path) -> AsyncGenerator[Site]:
    """Bring everything up; take it down at the end."""
    async with LocalStack(folder / "stack") as stack:
        await prepare_cluster(stack.postgres_dsn)
        await create_ledger(stack.postgres_dsn, LEDGER.name, "live", PLAN)
        site = Site(stack, folder)
        try:
            await asyncio.gather(*(service.start() for service in site.services.values()))
            yield site
        finally:
            await asyncio.gather(*(service.stop() for service in site.services.values()))
