"""One PostgreSQL for the whole run, started when a test first asks for it; a fresh ledger for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from infra.local import ports
from infra.local.parts import silent
from infra.local.postgres import Postgres
from tests.ledgers import LedgerDatabase, fresh_ledger, prepare_cluster

# The same examples on every run, so that a red run says something of the change and can be repeated;
# `make explore` looks for new ones (--hypothesis-profile=explore).
settings.register_profile("same", derandomize=True, database=None)
settings.register_profile("explore", derandomize=False, print_blob=True)
settings.load_profile("same")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    """A running server that holds the roles."""
    folder: Path = tmp_path_factory.mktemp("postgres")
    server = Postgres(folder, ports.choose(), silent)
    await server.start()
    try:
        await prepare_cluster(server.dsn)
        yield server
    finally:
        await server.stop()


@pytest_asyncio.fixture
async def ledger(postgres: Postgres) -> AsyncIterator[LedgerDatabase]:
    """A fresh sandbox ledger, its clock standing at `tests.ledgers.START`."""
    async with fresh_ledger(postgres.dsn) as made:
        yield made


@pytest_asyncio.fixture
async def live_ledger(postgres: Postgres) -> AsyncIterator[LedgerDatabase]:
    """A fresh live ledger, with the machine's clock."""
    async with fresh_ledger(postgres.dsn, "live") as made:
        yield made
