"""One Kafka for the tests of this folder, and what runs on it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.local import ports
from infra.local.kafka import Kafka
from infra.local.parts import silent


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kafka]:
    """A running broker; tests may kill and freeze it, and leave it running."""
    chosen = ports.stored(tmp_path_factory.mktemp("ports") / "ports.json", ("broker", "controller"))
    broker = Kafka(tmp_path_factory.mktemp("kafka"), chosen["broker"], chosen["controller"], silent)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()
