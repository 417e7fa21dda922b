"""Ledgers in a real PostgreSQL for tests: a fresh database each, and the address of each role in it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Literal

import msgspec

from infra.database import Database, address
from infra.event_store.postgres import PostgresEventStore
from infra.migrations import Plan, writer_role
from infra.migrations.ledgers import create_ledger, database_name, drop_ledger, prepare_roles

PLAN = Plan(
    services={"contracts": ("contracts",), "capacity": ("capacity", "usage"), "settlement": ("settlement",)},
    shards=4,
)
PASSWORD = "made-up-for-the-tests"
START = datetime(2026, 6, 1, tzinfo=UTC)
_NUMBERS = count(1)


class LedgerDatabase(msgspec.Struct, frozen=True, kw_only=True):
    """One ledger's database: where an administrator and where each role connects."""

    name: str
    admin_dsn: str

    def dsn(self, role: str) -> str:
        """Return where a role connects."""
        return address(self.admin_dsn, user=role, password=PASSWORD)

    @asynccontextmanager
    async def database(self, role: str, *, appends: int = 4, reads: int = 4) -> AsyncGenerator[Database]:
        """Open it under one role."""
        async with Database(self.dsn(role), appends=appends, reads=reads) as database:
            yield database

    @asynccontextmanager
    async def admin(self) -> AsyncGenerator[Database]:
        """Open it as an administrator, who may do damage."""
        async with Database(self.admin_dsn, appends=2, reads=2) as database:
            yield database

    @asynccontextmanager
    async def store(self, service: str = "contracts") -> AsyncGenerator[PostgresEventStore]:
        """Open its event store under the role of a service."""
        async with self.database(writer_role(service)) as database:
            databases = dict.fromkeys(PLAN.logs, database)
            yield PostgresEventStore(databases, PLAN.services[service], PLAN.shards)


async def prepare_cluster(admin_dsn: str) -> None:
    """Make the roles, all with the tests' password."""
    await prepare_roles(admin_dsn, PLAN, dict.fromkeys(PLAN.roles, PASSWORD))


@asynccontextmanager
async def fresh_ledger(
    admin_dsn: str, mode: Literal["live", "sandbox"] = "sandbox", clock: datetime = START
) -> AsyncGenerator[LedgerDatabase]:
    """Make a ledger for one test, and drop it after."""
    name = f"test{next(_NUMBERS)}"
    await create_ledger(admin_dsn, name, mode, PLAN, clock=clock if mode == "sandbox" else None)
    ledger = LedgerDatabase(name=name, admin_dsn=address(admin_dsn, database=database_name(name)))
    try:
        yield ledger
    finally:
        if mode == "live":
            async with ledger.admin() as database, database.appending() as connection:
                await connection.execute("update ledger.clock set mode = 'sandbox', at = clock_timestamp()")
        await drop_ledger(admin_dsn, name)
