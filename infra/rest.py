"""Rest and the clock of a sandbox, seen from outside its services, by whoever may read all of the ledger.

At rest: heads H1, then all checkpoints C, then heads H2; H1 = C = H2, nothing in quarantine, no turn
given. The clock moves from one due timer to the next: each fires alone, by its own service, and the
ledger comes to rest after it.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from infra.database import Database, Unpooled, address, committing, connect, reading
from infra.migrations import Plan, read_schema
from infra.migrations.ledgers import database_name
from infra.statements import statement
from infra.system import TIMER_ORDER, NotAtRestError

LOOK_SECONDS = 0.01
WAITING_SECONDS_MAX = 10.0
SILENCE_SECONDS = 5.0

_statement = partial(statement, Path(__file__).parent / "live.sql")

Heads = Mapping[tuple[str, int], int]


class Turn(msgspec.Struct, frozen=True, order=True):
    """A due timer, in the order in which timers fire."""

    due: datetime
    rank: int
    stream: str
    kind: str
    timer: str
    service: str


class SandboxLedger:
    """One sandbox, on a connection that may read everything in it and move its clock."""

    def __init__(self, connection: Unpooled, plan: Plan) -> None:
        """Take the connection, and which services and logs there are."""
        self._connection, self._plan = connection, plan

    async def rest(self) -> None:
        """Return once nothing moves.

        Raises:
            NotAtRestError: something is in quarantine, waits for 10 s, or a service is missing.
        """
        before, since = "", asyncio.get_running_loop().time()
        while (what := await self._restless()) is not None:
            await self._nothing_parked()
            moved = asyncio.get_running_loop().time()
            if what != before:
                before, since = what, moved
            elif moved - since > WAITING_SECONDS_MAX:
                raise NotAtRestError(f"for {WAITING_SECONDS_MAX:g} s: {what}")
            await asyncio.sleep(LOOK_SECONDS)
        await self._nothing_parked()

    async def advance(self, to: datetime) -> None:
        """Move the clock; what falls due on the way happens first, in order.

        Raises:
            NotAtRestError: the ledger does not come to rest on the way.
        """
        await self.rest()
        while (turn := await self._first_due(to)) is not None:
            await self._set(turn.due)
            with reading():
                await self._connection.execute(_statement("give_turn"), turn.service, turn.timer)
            await self.rest()
        await self._set(to)

    async def _set(self, to: datetime) -> None:
        with reading():
            now: datetime = await self._connection.fetchval(_statement("now"))
            if to > now:
                await self._connection.execute(_statement("advance"), to)

    async def _first_due(self, until: datetime) -> Turn | None:
        found: list[Turn] = []
        for service in self._plan.services:
            with reading():
                rows = await self._connection.fetch(
                    _statement("first_due", schema=read_schema(service)), until
                )
            found += [
                Turn(
                    row["due"],
                    TIMER_ORDER.index(service),
                    row["stream"],
                    row["kind"],
                    row["id"],
                    row["service"],
                )
                for row in rows
            ]
        return min(found, default=None)

    async def _restless(self) -> str | None:
        """Return what keeps the ledger from being at rest, in words; None if nothing does."""
        with reading():
            living = await self._connection.fetch(_statement("living_services"), SILENCE_SECONDS)
            missing = set(self._plan.services) - {row["service"] for row in living}
            if missing:
                return f"{min(missing)} does not serve this ledger"
            turn = await self._connection.fetchrow(_statement("turn"))
            if turn is not None:
                return f"timer {turn['timer']} of {turn['service']} has not fired"
        first = await self._heads()
        behind = await self._behind(first)
        if behind is not None:
            return behind
        return None if await self._heads() == first else "events come in"

    async def _heads(self) -> Heads:
        found: dict[tuple[str, int], int] = {}
        for log in self._plan.logs:
            with reading():
                rows = await self._connection.fetch(_statement("heads", log=log))
            found |= {(log, row["shard"]): row["position"] for row in rows}
        return found

    async def _behind(self, heads: Heads) -> str | None:
        reached: dict[tuple[str, str, int], int] = {}
        for service in self._plan.services:
            with reading():
                rows = await self._connection.fetch(_statement("checkpoints", schema=read_schema(service)))
            reached |= {(row["consumer"], row["log"], row["shard"]): row["position"] for row in rows}
        with reading():
            consumers = await self._connection.fetch(_statement("consumers"))
        for row in consumers:
            for (log, shard), head in heads.items():
                position = reached.get((row["consumer"], log, shard), 0)
                if log == row["log"] and position < head:
                    return f"{row['consumer']} is at {log} shard {shard} position {position} of {head}"
        return None

    async def _nothing_parked(self) -> None:
        for service in self._plan.services:
            with reading():
                row = await self._connection.fetchrow(_statement("parked", schema=read_schema(service)))
            if row is not None:
                where = f"{row['log']} shard {row['shard']} position {row['position']}"
                raise NotAtRestError(
                    f"{row['consumer']} cannot apply {where} ({row['stream']}): {row['reason']}"
                )


@asynccontextmanager
async def sandbox_ledger(admin_dsn: str, name: str, plan: Plan) -> AsyncGenerator[SandboxLedger]:
    """Open a sandbox for whoever may move its clock."""
    connection = await connect(address(admin_dsn, database=database_name(name)))
    try:
        yield SandboxLedger(connection, plan)
    finally:
        await connection.close()


class PostgresTurns:
    """A service's side of the turns."""

    def __init__(self, database: Database, service: str) -> None:
        """Take the ledger's database, opened as the service."""
        self._database, self._service = database, service

    async def register(self, followed: Sequence[tuple[str, str]]) -> None:
        """Say which consumers follow which logs: pairs of consumer and log."""
        async with self._database.appending() as connection:
            with committing():
                async with connection.transaction():
                    await connection.execute(_statement("forget_consumers"), self._service)
                    names, logs = [pair[0] for pair in followed], [pair[1] for pair in followed]
                    await connection.execute(_statement("add_consumers"), self._service, names, logs)

    async def mine(self) -> str | None:
        """See `Turns.mine`."""
        async with self._database.reading() as connection:
            found: str | None = await connection.fetchval(_statement("my_turn"), self._service)
        return found

    async def done(self, timer: str) -> None:
        """See `Turns.done`."""
        async with self._database.appending() as connection:
            with committing():
                await connection.execute(_statement("turn_done"), timer)
