"""Playing a scenario without rest: commands follow on each other while consumers are at work, in any order.

Moving a sandbox's clock comes to rest by its own rule, and a mark names what is known at rest; in between
nothing rests. Who is refused because the effect of an earlier command has not come yet sends again, same id.
A command that counts up facts (a statement issued by hand) says what was known when it was given, and the
next one the rest: it is given at rest, as a sender who waits for its own facts would.
"""

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec

from infra.codec import command_named
from infra.scenario.memory import MemoryPlayer
from infra.scenario.model import Loaded, Step
from infra.scenario.play import Refusal, play
from infra.service import Service
from infra.subscriptions import Subscription
from infra.system import System

EVENTS_AT_ONCE_MAX = 3
MOVES_MAX = 6
TRIES_MAX = 30


class RestlessSystem(System):
    """A system that comes to rest only where that is meant, and is busy in random order otherwise."""

    def __init__(
        self, services: Sequence[Service], now: datetime, shards: int = 4, dice: random.Random | None = None
    ) -> None:
        super().__init__(services, now, shards)
        self._dice = dice or random.Random(0)
        self._resting = False

    async def rest(self) -> None:
        if self._resting:
            await super().rest()
            return
        for _ in range(self._dice.randrange(MOVES_MAX)):
            await self._move(self._dice.choice(self._subscriptions()))

    async def advance(self, target: datetime) -> None:
        async with self.resting():
            await super().advance(target)

    @asynccontextmanager
    async def resting(self) -> AsyncGenerator[None]:
        """Come to rest, the shards in random order; what is done inside comes to rest too."""
        while any([await self._move(one) for one in self._shuffled()]):
            pass
        self._resting = True
        try:
            await super().rest()
            yield
        finally:
            self._resting = False

    async def _move(self, subscription: Subscription) -> int:
        """Let one consumer handle the next few events of one shard; return how many."""
        store = next(iter(self.parts.values())).node.store
        if not subscription.position:
            await subscription.open()
        count = self._dice.randint(1, EVENTS_AT_ONCE_MAX)
        events = await store.shard(subscription.log, subscription.shard, subscription.position, count)
        return await subscription.offer(events)

    def _subscriptions(self) -> list[Subscription]:
        return [one for part in self.parts.values() for one in part.subscriptions]

    def _shuffled(self) -> list[Subscription]:
        return self._dice.sample(self._subscriptions(), len(self._subscriptions()))


class RestlessPlayer(MemoryPlayer):
    """Plays on a restless system."""

    system: RestlessSystem

    async def do(self, step: Step) -> Refusal | None:
        if self._counts_up(step):
            async with self.system.resting():
                return await super().do(step)
        for _ in range(TRIES_MAX):
            refused = await super().do(step)
            if refused is None:
                return None
            await self.system.rest()
        async with self.system.resting():
            return await super().do(step)

    def _counts_up(self, step: Step) -> bool:
        command = command_named(step.do or "")
        settlement = self.system.parts["settlement"].node.rules
        return command is not None and command in settlement and settlement[command].gather is not None

    async def mark(self, name: str) -> None:
        async with self.system.resting():
            await super().mark(name)


async def last_answers(loaded: Loaded, services: Sequence[Service], seed: int) -> list[str]:
    """Play a scenario without rest; return what is wrong with the answers after its last command."""
    dice = random.Random(seed)
    steps = [
        step if step.id is not None else msgspec.structs.replace(step, id=f"step-{number}")
        for number, step in enumerate(loaded.scenario.steps)
    ]
    last = max((n for n, step in enumerate(steps) if step.do is not None), default=0)
    busy = [
        step
        if step.ask is None and step.invariants is None
        else msgspec.structs.replace(step, ask=None, expect=None, invariants=None)
        for step in steps[: last + 1]
    ]
    system = RestlessSystem(services, loaded.scenario.clock, dice=dice)
    for part in system.parts.values():
        await part.node.prepare()
    player = RestlessPlayer(system)
    wrong = await _wrong(loaded, busy, player)
    async with system.resting():
        return wrong + await _wrong(loaded, steps[last + 1 :], player)


async def _wrong(loaded: Loaded, steps: Sequence[Step], player: RestlessPlayer) -> list[str]:
    part = msgspec.structs.replace(loaded, scenario=msgspec.structs.replace(loaded.scenario, steps=steps))
    return [
        f"{played.step.do or played.step.ask}: {fault}"
        async for played in play(part, player)
        for fault in played.wrong
    ]
