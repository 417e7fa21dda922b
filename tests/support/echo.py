"""Two tiny services: one records milestones, the other echoes each of them in a log of its own.

Everything that running services do is in it: rows, reactions, timers, refusals, and commands without events.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from infra.event_store import Recorded
from infra.past import Past
from infra.service import Column, Projection, Reaction, Row, Rule, Service, Table, TimerRule
from schemas.capacity import MilestoneRecorded, RecordMilestone
from schemas.decision import Aggregate, Emitted, Order, Outcome, Refused, Sent, States, Timer
from tests.support.milestones import AT, MilestoneRejection, Milestones, evolve, place

COLUMNS = (Column("tenant", "text"), Column("milestone", "text"), Column("origin", "text"))
SEEN = Table(name="seen", columns=COLUMNS, index=(("tenant",),))
HEARD = Table(name="heard", columns=COLUMNS, index=(("tenant",),))


def decide(states: States, order: Order[RecordMilestone]) -> Outcome:
    command = order.command
    stream = f"pool-{command.pool}"
    kept: Milestones = states[stream]
    if command.milestone in kept.names:
        return [] if order.by_machine else Refused(MilestoneRejection.TAKEN, {"count": len(kept.names)})
    if command.milestone.startswith("nothing"):
        return []
    event = MilestoneRecorded(
        pool=command.pool, phase=command.phase, milestone=command.milestone, at=command.at
    )
    return [Emitted(stream=stream, event=event)] * (2 if command.milestone.startswith("double") else 1)


def rows(table: str, recorded: Recorded) -> Sequence[Row]:
    event = recorded.event
    assert isinstance(event, MilestoneRecorded)
    if event.milestone.startswith("poison"):
        raise ValueError("this one cannot be applied")
    values = {"tenant": recorded.tenant, "milestone": event.milestone, "origin": str(recorded.origin)}
    return [Row(table, values)]


async def react(recorded: Recorded, _past: Past) -> Sequence[Sent]:
    event = recorded.event
    assert isinstance(event, MilestoneRecorded)
    echo = RecordMilestone(
        pool=event.pool,
        phase=f"book-{recorded.tenant}",
        milestone=f"echo-{recorded.shard}-{recorded.position}",
        at=event.at,
    )
    return [Sent(command=echo, key=event.pool)]


async def timers(recorded: Recorded, _past: Past) -> Sequence[Timer]:
    event = recorded.event
    assert isinstance(event, MilestoneRecorded)
    if not event.milestone.startswith("at-"):
        return []
    command = RecordMilestone(
        pool=event.pool,
        phase=f"book-{recorded.tenant}",
        milestone=f"rang-{recorded.shard}-{recorded.position}",
        at=event.at,
    )
    return [Timer(due=event.at, kind="ring", key=event.milestone, command=command)]


def _aggregates() -> dict[str, Aggregate[Any, Any]]:
    return {"pool": Aggregate(category="pool", initial=Milestones, evolve=evolve, state=Milestones)}


def _rule(log: str) -> Rule:
    return Rule(
        command=RecordMilestone,
        log=log,
        subject="pool",
        verb="record-milestone",
        place=place,
        decide=decide,
        scope=f"{log}:report",
    )


CAPACITY = Service(
    name="capacity",
    logs=("capacity",),
    aggregates=_aggregates(),
    rules=(_rule("capacity"),),
    projections=(
        Projection(
            name="capacity.seen",
            follows=("capacity",),
            tables=(SEEN,),
            project=lambda recorded: rows("seen", recorded),
        ),
    ),
)

CONTRACTS = Service(
    name="contracts",
    logs=("contracts",),
    aggregates=_aggregates(),
    rules=(msgspec.structs.replace(_rule("contracts"), internal=True),),
    projections=(
        Projection(
            name="contracts.heard",
            follows=("capacity", "contracts"),
            tables=(HEARD,),
            project=lambda recorded: rows("heard", recorded),
        ),
    ),
    reactions=(Reaction(name="contracts.echo", follows=("capacity",), react=react),),
    timers=(TimerRule(name="contracts.timers", follows=("capacity",), timers=timers),),
)


def record(milestone: str, pool: str = "p", at: datetime = AT) -> RecordMilestone:
    """Return a command in the actor's own book."""
    return RecordMilestone(pool=pool, phase="own", milestone=milestone, at=at)
