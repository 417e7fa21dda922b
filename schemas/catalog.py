"""The one registry of messages: what each service publishes, accepts, answers and refuses."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache

import msgspec

from schemas import capacity, contracts, settlement
from schemas.message import Command, Event, Question, tag


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the rest of the world may know about one service."""

    name: str
    logs: tuple[str, ...]
    events: tuple[type[Event], ...]
    commands: tuple[type[Command], ...]
    questions: tuple[type[Question], ...]
    rejections: type[StrEnum]


CONTEXTS: tuple[Context, ...] = (
    Context(
        name="contracts",
        logs=("contracts",),
        events=contracts.EVENTS,
        commands=contracts.COMMANDS,
        questions=contracts.QUESTIONS,
        rejections=contracts.REJECTIONS,
    ),
    Context(
        name="capacity",
        logs=("capacity", "usage"),
        events=capacity.EVENTS,
        commands=capacity.COMMANDS,
        questions=capacity.QUESTIONS,
        rejections=capacity.REJECTIONS,
    ),
    Context(
        name="settlement",
        logs=("settlement",),
        events=settlement.EVENTS,
        commands=settlement.COMMANDS,
        questions=settlement.QUESTIONS,
        rejections=settlement.REJECTIONS,
    ),
)

LOGS: tuple[str, ...] = tuple(log for context in CONTEXTS for log in context.logs)


@cache
def events_by_tag() -> Mapping[str, type[Event]]:
    """Return every event class by its full tag."""
    return {tag(event): event for context in CONTEXTS for event in context.events}


@cache
def commands_by_tag() -> Mapping[str, type[Command]]:
    """Return every command class by its full tag."""
    return {tag(command): command for context in CONTEXTS for command in context.commands}
