"""The worlds that every conformance test runs in."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.local.postgres import Postgres
from tests.conformance.worlds import MemoryWorld, World, postgres_world
from tests.ledgers import fresh_ledger


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.stack)])
def server(request: pytest.FixtureRequest) -> Postgres | None:
    """No server, then a running one; asked for here, since one event loop cannot be run in another."""
    if request.param == "memory":
        return None
    found = request.getfixturevalue("postgres")
    assert isinstance(found, Postgres)
    return found


@pytest_asyncio.fixture
async def world(server: Postgres | None) -> AsyncIterator[World]:
    """A store with a clock: in memory, then in PostgreSQL."""
    if server is None:
        yield MemoryWorld()
        return
    async with fresh_ledger(server.dsn) as ledger, postgres_world(ledger) as made:
        yield made
