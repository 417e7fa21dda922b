from collections.abc import AsyncIterator

import pytest

from tests.support.http_world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    found = await World.open()
    yield found
    await found.close()
