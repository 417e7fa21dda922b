"""One service in one ledger: everything its HTTP side, its consumers and its timers stand on.

A process serves any number of ledgers; it has one node for each. A node knows nothing of drivers: its
stores may be PostgreSQL's or memory's.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from infra.clock import current
from infra.codec import command_named, decode_as
from infra.commands import Commands
from infra.config import ConfigError
from infra.consumers import Consumer, consumers
from infra.event_store import Cut, EventStore
from infra.failpoints import Failpoint, reach
from infra.ledger_past import LedgerPast
from infra.outcomes import Asked, Result
from infra.read_store import DueTimer, ReadStore
from infra.service import Ask, Projection, Reaction, Rule, Service, TimerRule, View
from infra.tokens import EventMark, Sealer, open_sealer
from schemas.catalog import LOGS
from schemas.decision import Origin
from schemas.message import Command


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger: one database, four logs, a clock.

    Attributes:
        name: names it in credentials and on topics; an id.
        mode: `live` takes the machine's clock and no other; a `sandbox` has a clock that stands still.
        shards: how many shards each log has.
        topic_prefix: what its topics' names begin with, such as `capledger`.
    """

    name: str
    mode: Literal["live", "sandbox"]
    shards: int
    topic_prefix: str = "capledger"

    def topic(self, log: str) -> str:
        """Return the topic of a log: partition = shard."""
        return f"{self.topic_prefix}.{log}.events.v1"


def event_token(sealer: Sealer, ledger: str, key: str | None = None) -> Callable[[Origin], str]:
    """Return what seals the places of events of a ledger; `key` repeats the bytes of earlier tokens."""

    def token(place: Origin) -> str:
        return sealer.seal("event", ledger, EventMark(place.log, place.shard, place.position), key)

    return token


class UnfitError(ConfigError):
    """What is installed here is not what the rules of a service need: it would compute something else."""


def require_fit(service: Service) -> None:
    """Refuse to run a service where it lacks something.

    Raises:
        UnfitError: says what it lacks.
    """
    lacking = service.lacks()
    if lacking is not None:
        raise UnfitError(f"{service.name}: {lacking}")


class Node:
    """One service in one ledger. `sealer` seals what its own asks tell of places."""

    def __init__(
        self,
        service: Service,
        ledger: Ledger,
        store: EventStore,
        reads: ReadStore,
        clock: Callable[[], datetime],
        *,
        live: bool = False,
    ) -> None:
        """Build the service's machinery on its stores and the ledger's clock; `prepare` it before use.

        `live`: others work on the ledger at the same time, so that waiting for them makes sense.

        Raises:
            UnfitError: the service lacks something here.
        """
        require_fit(service)
        self.service, self.ledger, self.store, self.reads, self.clock = service, ledger, store, reads, clock
        followers: tuple[Projection | TimerRule | Reaction, ...] = (
            *service.projections,
            *service.timers,
            *service.reactions,
        )
        follows = {follower.name: follower.follows for follower in followers}
        self.past = LedgerPast(store, reads, LOGS, follows, own=service.logs, live=live)
        self.commands = Commands(store, [service], self.past, clock)
        self.consumers: Sequence[Consumer] = consumers(
            service.projections,
            service.timers,
            service.reactions,
            service=service.name,
            commands=self.commands,
            past=self.past,
        )
        self.sealer = open_sealer()
        self.asks: Mapping[str, Ask] = {ask.name: ask for ask in service.asks}
        self.rules: Mapping[type[Command], Rule] = {rule.command: rule for rule in service.rules}

    async def prepare(self) -> None:
        """Make the tables of the read models."""
        for projection in self.service.projections:
            await self.reads.prepare(projection.tables)

    async def ask(
        self,
        name: str,
        actor: str,
        question: Any,
        *,
        valid_at: datetime | None,
        known: Cut | None,
        scopes: frozenset[str] = frozenset(),
    ) -> Any:
        """Return the answer to a question; a refusal is an answer too. `scopes`: of the credential.

        Raises:
            KeyError: the service has no such ask.
        """
        now = await current(self.clock)
        past = self.past.at(known if known is not None else await self.past.heads())
        at = valid_at or now.replace(microsecond=0)
        token = event_token(self.sealer, self.ledger.name)
        view = View(actor=actor, valid_at=at, now=now, past=past, token=token, scopes=scopes)
        return await self.asks[name].answer(question, view)

    async def fire(self, timer: DueTimer) -> Result:
        """Send a due timer's command, and note that it is settled. Firing twice does nothing twice."""
        command_type = command_named(timer.command_type)
        assert command_type is not None, "a timer's command was known when it was set"
        origin = timer.origin
        (cause,) = await self.store.shard(origin.log, origin.shard, origin.position - 1, 1)
        asked = Asked(
            command=decode_as(command_type, timer.command),
            id=timer.id,
            actor=f"~timer/{self.service.name}",
            effective_at=timer.due,
            cause=cause,
        )
        result = await self.commands.submit(asked)
        await reach(Failpoint.TIMER_AFTER_SEND)
        await self.reads.fired(self.service.name, timer.id)
        return result
