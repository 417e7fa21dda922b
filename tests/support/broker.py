"""A Kafka broker for tests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from infra.local import ports
from infra.local.kafka import Kafka
from infra.local.parts import silent


@asynccontextmanager
async def running_kafka(folders: pytest.TempPathFactory) -> AsyncGenerator[Kafka]:
    """Start a broker in folders of its own; stop it at the end."""
    chosen = ports.stored(folders.mktemp("ports") / "ports.json", ("broker", "controller"))
    broker = Kafka(folders.mktemp("kafka"), chosen["broker"], chosen["controller"], silent)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()
