"""Sandbox ledgers of a running stack: made from a template, with topics of their own, moved and dropped."""

import asyncio
from datetime import datetime

from infra.config import Config
from infra.event_store import StoreError
from infra.http.site import SandboxExistsError
from infra.kafka import KafkaBus
from infra.logging import logger
from infra.migrations import Plan
from infra.migrations.ledgers import (
    LedgerExistsError,
    LedgerUnknownError,
    create_ledger,
    drop_ledger,
    find_ledger,
    ledger_names,
)
from infra.node import Ledger
from infra.rest import sandbox_ledger
from infra.runtime import Runtimes, named_topics
from infra.supervision import Backoff
from schemas.catalog import CONTEXTS, LOGS

FIND_SECONDS = 0.3

_log = logger("capledger.sandboxes")


class LiveSandboxes:
    """Makes, moves and drops sandboxes; see `infra.http.site.Sandboxes`."""

    def __init__(self, config: Config, admin_dsn: str, runtimes: Runtimes) -> None:
        """Take the ledgers that this process serves, and where to make and drop others."""
        self._config, self._admin_dsn, self._runtimes = config, admin_dsn, runtimes

    async def create(self, name: str, clock: datetime, shards: int) -> None:
        """See `Sandboxes.create`; the other services find it by themselves."""
        try:
            await create_ledger(self._admin_dsn, name, "sandbox", plan_of(shards), clock=clock)
        except LedgerExistsError as error:
            raise SandboxExistsError(name) from error
        await self._runtimes.serve(name)

    async def drop(self, name: str) -> None:
        """See `Sandboxes.drop`."""
        try:
            ledger = await find_ledger(self._admin_dsn, name)
        except LedgerUnknownError:
            return
        await self._runtimes.leave(name)
        await drop_ledger(self._admin_dsn, name)
        bus = KafkaBus(self._config.kafka, named_topics(ledger, self._config), "capledger-sandboxes")
        await bus.remove(LOGS)
        await bus.close()

    async def rest(self, name: str) -> None:
        """See `Sandboxes.rest`."""
        async with sandbox_ledger(self._admin_dsn, name, plan_of(self._ledger(name).shards)) as ledger:
            await ledger.rest()

    async def advance(self, name: str, to: datetime) -> None:
        """See `Sandboxes.advance`."""
        async with sandbox_ledger(self._admin_dsn, name, plan_of(self._ledger(name).shards)) as ledger:
            await ledger.advance(to)

    def _ledger(self, name: str) -> Ledger:
        return self._runtimes.served[name].live.node.ledger


def plan_of(shards: int) -> Plan:
    """Return what a ledger of this release consists of."""
    return Plan(services={context.name: context.logs for context in CONTEXTS}, shards=shards)


async def finding(config: Config, runtimes: Runtimes, backoff: Backoff) -> None:
    """Serve whatever sandboxes come, and leave those that are gone, until cancelled."""
    while True:
        there = set(await ledger_names(config.postgres.dsn))
        for name in sorted(set(runtimes.served) - there):
            runtimes.leave_soon(name)
        for name in sorted(there - set(runtimes.served)):
            await _try(name, config, runtimes)
        backoff.reset()
        await asyncio.sleep(FIND_SECONDS)


async def _try(name: str, config: Config, runtimes: Runtimes) -> None:
    try:
        if (await find_ledger(config.postgres.dsn, name)).mode == "sandbox":
            await runtimes.serve(name)
    except StoreError as error:
        # it is being made or dropped just now, or is of another release
        _log.debug("sandbox_not_served", ledger=name, reason=str(error))
