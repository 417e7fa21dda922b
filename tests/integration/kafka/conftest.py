"""One Kafka for the tests of this folder, and what runs on it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.local.kafka import Kafka
from tests.support.broker import running_kafka


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kafka]:
    """A running broker; tests may kill and freeze it, and leave it running."""
    async with running_kafka(tmp_path_factory) as broker:
        yield broker
