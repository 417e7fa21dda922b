"""The legal facts of a contract: the fold of its stream, shared by all services.

state = fold(events)
if isinstance(state, Agreement):
    state.supplier, state.segments, state.terms_at(t), state.end, state.committed("train"), ...
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias, assert_never, cast

import msgspec

from schemas.contracts.events import (
    ConsentGiven,
    ContractAcknowledged,
    ContractAmended,
    ContractEnded,
    ContractNovated,
    ContractProposed,
    ContractSigned,
    ContractStarted,
    ContractTerminated,
    DeliveryMissed,
    FeeSet,
    LineConfirmed,
    LineDelivered,
    LineRefused,
    LineRequested,
    LineShort,
    NoticeGiven,
    NoticeWindowOpened,
    NoticeWithdrawn,
    OptionExercised,
    OptionLapsed,
    RemedyElected,
)
from schemas.contracts.values import TermsPeriod
from schemas.kernel import sections
from schemas.kernel.agreed import (
    Agreement,
    EndedBy,
    Proposed,
    Segment,
    State,
    TermSegment,
    Unknown,
    days_after,
    grace_end,
)
from schemas.kernel.line_state import LineEvent, LineState, evolve_line
from schemas.kernel.sections import Sections
from schemas.message import Event

__all__ = [
    "INITIAL",
    "Agreement",
    "EndedBy",
    "LineState",
    "Proposed",
    "Segment",
    "State",
    "TermSegment",
    "Unknown",
    "announcement",
    "days_after",
    "evolve",
    "fold",
    "grace_end",
]

INITIAL: State = Unknown()
TermsEvent: TypeAlias = ContractAmended | OptionExercised | ContractNovated | RemedyElected | FeeSet
Announcement: TypeAlias = ContractStarted | ContractEnded | DeliveryMissed | OptionLapsed | NoticeWindowOpened
LaterEvent: TypeAlias = (
    TermsEvent
    | LineEvent
    | Announcement
    | ContractAcknowledged
    | NoticeGiven
    | NoticeWithdrawn
    | ContractTerminated
    | ConsentGiven
)


def fold(events: Iterable[Event]) -> State:
    """The state after all events of a contract's stream, oldest first."""
    state = INITIAL
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: State, event: Event) -> State:
    """The state after one more event of the contract's stream. History is never refused."""
    version = state.version + 1
    match event:
        case ContractProposed():
            return Proposed(event.contract, event.terms, event.effective_at, version)
        case ContractSigned():
            return _signed(event, version)
        case _:
            assert isinstance(state, Agreement), "only what was signed can go on"
            evolved = _evolved(state, cast("LaterEvent", event), version)
            return msgspec.structs.replace(evolved, version=version)


def _signed(event: ContractSigned, version: int) -> Agreement:
    start = min(event.effective_at, event.terms.term.start)
    laid = sections.opened(start, event.terms, version)
    for period in event.novated_from.later if event.novated_from is not None else ():
        laid = sections.replaced(laid, period, version)
    asked = {line.line: LineState(requested_at=event.effective_at) for line in event.terms.lines}
    return Agreement(event, not event.asserted, version, laid, line_states=asked)


def _evolved(state: Agreement, event: LaterEvent, version: int) -> Agreement:
    replace = msgspec.structs.replace
    match event:
        case ContractAmended() | OptionExercised() | ContractNovated() | RemedyElected() | FeeSet():
            return _changed(state, event, version)
        case ContractAcknowledged():
            return replace(state, acknowledged=True)
        case NoticeGiven():
            return replace(state, notice=event)
        case NoticeWithdrawn():
            return replace(state, notice=None)
        case ContractTerminated():
            return replace(state, termination=event)
        case ConsentGiven():
            return replace(state, consents=state.consents | {(event.kind, event.to)})
        case LineRequested() | LineConfirmed() | LineRefused() | LineShort() | LineDelivered():
            line = evolve_line(state.line_state(event.line), event)
            return replace(state, line_states={**state.line_states, event.line: line})
        case ContractStarted() | ContractEnded() | DeliveryMissed() | OptionLapsed() | NoticeWindowOpened():
            return replace(state, announced=state.announced | {announcement(event)})
        case _:
            assert_never(event)


def _changed(state: Agreement, event: TermsEvent, version: int) -> Agreement:
    replace = msgspec.structs.replace
    old = state.sections
    match event:
        case ContractAmended():
            laid = sections.amended(old, event.effective_at, event.until, event.changes, version)
            return _with_sections(state, event.effective_at, laid)
        case OptionExercised():
            laid = sections.with_option(old, event.effective_at, event.terms, version)
            used = replace(state, exercised=state.exercised | {event.option})
            return _with_sections(used, event.effective_at, laid)
        case ContractNovated():
            moved = replace(state, novations=(*state.novations, event))
            return _with_sections(moved, event.effective_at, _kept(old, event.kept, version))
        case RemedyElected():
            elected = replace(state, remedies=(*state.remedies, event))
            if event.remedy != "terminate_line":
                return elected
            ended = {**state.terminated_lines, event.line: event.effective_at}
            elected = replace(elected, terminated_lines=ended)
            return _with_sections(elected, event.effective_at, _kept(old, event.kept, version))
        case FeeSet():
            fees = {**state.fees, (event.charge, event.start): event.amount}
            return _with_sections(replace(state, fees=fees), event.start, old)
        case _:
            assert_never(event)


def _kept(old: Sections, kept: tuple[TermsPeriod, ...], version: int) -> Sections:
    for period in kept:
        old = sections.replaced(old, period, version)
    return old


def _with_sections(state: Agreement, effective_at: datetime, laid: Sections) -> Agreement:
    """The agreement with other sections, whose change takes effect then; new lines are asked for."""
    changed_at = effective_at if state.changed_at is None else min(state.changed_at, effective_at)
    lines = {line.line for stretch in laid["lines"] for line in stretch.value}
    asked = {line: LineState(requested_at=effective_at) for line in lines - state.line_states.keys()}
    return msgspec.structs.replace(
        state, sections=laid, changed_at=changed_at, line_states={**state.line_states, **asked}
    )


def announcement(event: Announcement) -> tuple[str, str | None, datetime]:
    """What an announcement announces: the kind of date, its subject, the instant."""
    match event:
        case ContractStarted():
            return "start", None, event.at
        case ContractEnded():
            return "end", None, event.at
        case DeliveryMissed():
            return "delivery", event.line, event.at
        case OptionLapsed():
            return "option", event.option, event.at
        case NoticeWindowOpened():
            return "notice", event.right, event.at
        case _:
            assert_never(event)
