"""Timers live: what is due fires, in order, once every source its rule may read is consumed through then.

Through D means: whatever was recorded at or before D, in every log that a consumer of the service
follows, has had its effect here; `resolve(D)` makes sure that nothing will ever be recorded at or before
D again.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from infra.alarms import Alarm, Alarms
from infra.event_store import Cut
from infra.node import Node
from infra.outcomes import Accepted
from infra.read_store import DueTimer
from infra.subscriptions import Subscription
from infra.supervision import Backoff, heard
from infra.telemetry import Telemetry

LOOK_SECONDS = 0.2
TURN_SECONDS = 0.02


class Turns(Protocol):
    """A sandbox's clock stands still, its timers fire one at a time: whoever advances it gives the turns."""

    async def mine(self) -> str | None:
        """Return the id of the timer whose turn it is, None if it is none of this service's."""
        ...

    async def done(self, timer: str) -> None:
        """Say that the timer has fired."""
        ...


class Timers:
    """The timers of one service in one ledger."""

    def __init__(
        self,
        node: Node,
        subscriptions: Sequence[Subscription],
        telemetry: Telemetry,
        turns: Turns | None = None,
        alarms: Alarms | None = None,
    ) -> None:
        """Take the subscriptions driven in this process, whose positions need no look into the store."""
        self._node, self._telemetry, self._turns = node, telemetry, turns
        self._alarms = alarms or Alarms()
        self._at_hand = {(one.consumer.name, one.log, one.shard): one for one in subscriptions}

    async def run(self, backoff: Backoff) -> None:
        """Fire what is due, until cancelled."""
        never = asyncio.Event()
        while True:
            fired = await (self.step() if self._turns is None else self.turn(self._turns))
            if fired:
                backoff.reset()
            else:
                await heard(never, LOOK_SECONDS if self._turns is None else TURN_SECONDS)

    async def step(self) -> int:
        """Fire everything that is due and ready; return how many."""
        store, reads, service = self._node.store, self._node.reads, self._node.service.name
        due = await reads.due(service, await store.now())
        if not due:
            return 0
        through = await store.resolve(max(timer.due for timer in due))
        if not await self._consumed(through):
            return 0
        for timer in due:
            await self._fire(timer)
        return len(due)

    async def turn(self, turns: Turns) -> int:
        """Fire the timer whose turn it is, if it is one of ours; return how many."""
        wanted = await turns.mine()
        if wanted is None:
            return 0
        due = await self._node.reads.due(self._node.service.name, await self._node.store.now())
        for timer in due:
            if timer.id == wanted:
                await self._fire(timer)
        await turns.done(wanted)
        return 1

    async def _fire(self, timer: DueTimer) -> None:
        result = await self._node.fire(timer)
        self._telemetry.count("timers_fired_total", 1, {"kind": timer.kind})
        if not isinstance(result, Accepted):
            # a rule for our own machinery never refuses; if one does, it must be seen
            what = f"timer {timer.id} of {timer.stream}: {result}"
            self._alarms.ring(Alarm.TIMER_REFUSED, f"{timer.service}-{timer.kind}", what)

    async def _consumed(self, cut: Cut) -> bool:
        """Say whether every consumer of the service has consumed all that a cut holds."""
        for consumer in self._node.consumers:
            for log in consumer.follows:
                for shard in range(self._node.store.shards):
                    position = cut.position(log, shard)
                    if position and await self._reached(consumer.name, log, shard, position) < position:
                        return False
        return True

    async def _reached(self, consumer: str, log: str, shard: int, wanted: int) -> int:
        at_hand = self._at_hand.get((consumer, log, shard))
        if at_hand is not None and at_hand.position >= wanted:
            return at_hand.position
        return (await self._node.reads.checkpoint(consumer, log, shard)).position
