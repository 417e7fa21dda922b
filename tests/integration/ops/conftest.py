"""The rooms that operations are tried in: in memory, then on PostgreSQL."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from infra import failpoints
from infra.local.postgres import Postgres
from tests.ledgers import fresh_ledger
from tests.support.ledger_room import Room, memory_room, postgres_room


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.stack)])
def server(request: pytest.FixtureRequest) -> Postgres | None:
    """No server, then a running one."""
    if request.param == "memory":
        return None
    found = request.getfixturevalue("postgres")
    assert isinstance(found, Postgres)
    return found


@pytest_asyncio.fixture
async def room(server: Postgres | None) -> AsyncIterator[Room]:
    """A service with a read model, nothing recorded yet."""
    if server is None:
        made = memory_room()
        await made.open()
        yield made
        return
    async with fresh_ledger(server.dsn) as ledger, postgres_room(ledger) as made:
        await made.open()
        yield made


@pytest.fixture(autouse=True)
def no_failpoints_left() -> Iterator[None]:
    """Set every failpoint back."""
    yield
    failpoints.clear()
