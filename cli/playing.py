"""A player for a scenario: in memory, or on a sandbox ledger of a running stack."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime

from cli.composition import SERVICES
from cli.connection import Connection
from infra.client import quiet_retries
from infra.scenario.live import LivePlayer
from infra.scenario.memory import MemoryPlayer
from infra.scenario.play import Player


@asynccontextmanager
async def player(clock: datetime, connection: Connection | None) -> AsyncGenerator[Player]:
    """Open a player whose clock stands at `clock`: in memory, or live over `connection`.

    Raises:
        ClientError: the running stack cannot be reached, or makes no sandbox.
    """
    if connection is None:
        yield await MemoryPlayer.open(SERVICES, clock)
        return
    quiet_retries()
    async with await connection.client() as client, await LivePlayer.open(client, clock) as live:
        yield live
