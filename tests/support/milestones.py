"""A tiny service for tests of the machinery: it counts milestones of a pool, and refuses one that it has.

It speaks in real messages, so that everything that knows the catalogue works with it.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from infra.service import Rule, Service
from schemas.capacity import MilestoneRecorded, RecordMilestone
from schemas.decision import Aggregate, Emitted, Order, Outcome, Place, Refused, States

AT = datetime(2026, 6, 1, tzinfo=UTC)


class MilestoneRejection(StrEnum):
    TAKEN = "milestone_taken"


class Milestones(msgspec.Struct):
    """Changed in place, on purpose: the appender must cope."""

    names: list[str] = []

    def evolved(self, event: MilestoneRecorded) -> "Milestones":
        self.names.append(event.milestone)
        return self


def decide(states: States, order: Order[RecordMilestone]) -> Outcome:
    command = order.command
    stream = f"pool-{command.pool}"
    kept: Milestones = states[stream]
    if command.milestone == "bug":
        raise ZeroDivisionError("a bug in a rule")
    if command.milestone == "nothing":
        return []
    if command.milestone in kept.names:
        return Refused(MilestoneRejection.TAKEN, {"count": len(kept.names)})
    event = MilestoneRecorded(
        pool=command.pool, phase=command.phase, milestone=command.milestone, at=command.at
    )
    copies = 2 if command.milestone.startswith("double") else 1
    return [Emitted(stream=stream, event=event)] * copies


def place(command: RecordMilestone, actor: str) -> Place:
    return Place(command.phase if command.phase.startswith("book") else actor, (f"pool-{command.pool}",))


def evolve(state: Milestones, event: Any) -> Milestones:
    return state.evolved(event)


SERVICE = Service(
    name="capacity",
    logs=("capacity",),
    aggregates={"pool": Aggregate(category="pool", initial=Milestones, evolve=evolve, state=Milestones)},
    rules=(
        Rule(
            command=RecordMilestone,
            log="capacity",
            subject="pool",
            verb="record-milestone",
            place=place,
            decide=decide,
            scope="capacity:report",
        ),
    ),
)


def record(milestone: str, pool: str = "p", book: str = "own") -> RecordMilestone:
    """Return a command; a `book` that begins with `book` is the book it falls in, otherwise the actor's."""
    return RecordMilestone(pool=pool, phase=book, milestone=milestone, at=AT)
