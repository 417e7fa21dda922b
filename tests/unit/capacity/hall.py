"""One operator's pools without any machinery: commands decided and taken in, one after the other."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.capacity import (
    AcceptPhase,
    PlanPhase,
    RegisterPool,
    ReserveCapacity,
    Sku,
    Tier,
)
from schemas.decision import Emitted, Order, Outcome, Refused
from schemas.kernel.instants import seconds
from schemas.kernel.schedule import Schedule
from schemas.message import Command
from services.capacity.checks import faults
from services.capacity.domain.pool import Pool
from services.capacity.rules import RULES
from services.capacity.service import SERVICE

START = datetime(2026, 6, 1, tzinfo=UTC)
SKU = Sku(gpu="GB300", memory_gb=288, interconnect="infiniband")
RULE_OF = {rule.command: rule for rule in RULES}


def hour(number: float) -> datetime:
    """The instant so many hours after the start."""
    return START + timedelta(hours=number)


def gpus(*steps: tuple[float, float | None, int]) -> Schedule:
    """GPUs over hours after the start."""
    return Schedule.from_raw(
        (seconds(hour(start)), None if end is None else seconds(hour(end)), quantity)
        for start, end, quantity in steps
    )


def in_hours(schedule: Schedule) -> list[tuple[float, float | None, int]]:
    """The steps of a schedule in hours after the start."""
    begin = seconds(START)
    return [
        ((start - begin) / 3600, None if end is None else (end - begin) / 3600, quantity)
        for start, end, quantity in schedule.raw
    ]


class Hall:
    """States by stream, a clock that is moved by hand, and everything that was emitted."""

    def __init__(self) -> None:
        self.now = START
        self.states: dict[str, Any] = {}
        self.emitted: list[Emitted] = []
        self.numbers: defaultdict[str, int] = defaultdict(int)

    def decide(self, command: Command, actor: str = "op", effective_at: datetime | None = None) -> Outcome:
        rule = RULE_OF[type(command)]
        place = rule.place(command, actor)
        for stream in place.streams:
            aggregate = SERVICE.aggregates[stream.split("-", 1)[0]]
            self.states.setdefault(stream, aggregate.initial())
        order = Order(
            command=command,
            id=f"c-{len(self.emitted)}",
            actor=actor,
            book=place.book,
            at=self.now,
            effective_at=effective_at or self.now,
        )
        return rule.decide(self.states, order)

    def do(self, command: Command, actor: str = "op", effective_at: datetime | None = None) -> Outcome:
        outcome = self.decide(command, actor, effective_at)
        if not isinstance(outcome, Refused):
            self.take(outcome)
        return outcome

    def take(self, outcome: Sequence[Emitted]) -> None:
        for emitted in outcome:
            aggregate = SERVICE.aggregates[emitted.stream.split("-", 1)[0]]
            self.states[emitted.stream] = aggregate.evolve(self.states[emitted.stream], emitted.event)
            self.emitted.append(emitted)

    def pool(self, name: str = "p") -> Pool:
        found: Pool = self.states[f"pool-{name}"]
        return found

    def sound(self, name: str = "p") -> None:
        assert list(faults(self.pool(name))) == []

    def cuts(self, reservation: str, pool: str = "p") -> list[tuple[float, float | None, int]]:
        return in_hours(self.pool(pool).holdings[reservation].cut)


def hall_with(quantity: int, pool: str = "p", **terms: Any) -> Hall:
    """A hall with one pool that has `quantity` accepted from the start on."""
    hall = Hall()
    add_pool(hall, quantity, pool, **terms)
    return hall


def add_pool(hall: Hall, quantity: int, pool: str, **terms: Any) -> None:
    for command in pool_commands(pool, quantity, **terms):
        hall.do(command)


def pool_commands(pool: str, quantity: int, **terms: Any) -> Sequence[Command]:
    """What makes a pool with `quantity` accepted from the start on."""
    return (
        RegisterPool(pool=pool, site="s", sku=SKU, **terms),
        PlanPhase(pool=pool, phase="a", quantity=quantity, megawatts="1", planned_at=START),
        AcceptPhase(pool=pool, phase="a", accepted_at=START, quantity=quantity),
    )


def reserve(
    hall: Hall,
    name: str,
    quantity: Schedule,
    tier: Tier = Tier.FIRM,
    holder: str = "h",
    **more: Any,
) -> Outcome:
    return hall.do(
        ReserveCapacity(
            pool=more.pop("pool", "p"), reservation=name, holder=holder, tier=tier, quantity=quantity, **more
        )
    )
