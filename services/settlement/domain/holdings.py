"""How capacity's events of one reservation or holding add up: what is held, recalled, passed on, cut."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from schemas.capacity import (
    CapacityCut,
    CapacityHeld,
    CapacityPassedOn,
    CapacityRecalled,
    CapacityReceived,
    CapacityRegained,
    CapacityReserved,
    CapacityRestored,
    CapacityReturned,
    HoldConfirmed,
    HoldExpired,
    ReservationAmended,
    ReservationReleased,
    ReservationTakenOver,
    ReservationTransferred,
)
from schemas.capacity.values import Cause
from schemas.kernel.schedule import Schedule, sum_of
from schemas.message import Event
from services.settlement.domain.rating.facts import Holding

GRID_MAX = timedelta(days=1)


class Link(msgspec.Struct, frozen=True):
    """A whole transfer: the other reservation, and from when on the new one holds."""

    reservation: str
    at: datetime


class HeldState(msgspec.Struct, kw_only=True):
    """A reservation after some of its events."""

    reserved: Schedule = Schedule.EMPTY
    carried: Schedule = Schedule.EMPTY
    recalled: Schedule = Schedule.EMPTY
    passed_on: dict[str, Schedule] = {}
    cuts: dict[Cause, Schedule] = {}
    before: Link | None = None
    after: Link | None = None


def held(events: Iterable[Event]) -> HeldState:
    """Fold the events of one reservation, oldest first."""
    state = HeldState()
    for event in events:
        _evolve(state, event)
    return state


def holding(state: HeldState) -> Holding:
    """What f reads of it."""
    return Holding(
        reserved=state.reserved,
        carried=state.carried,
        recalled=state.recalled,
        passed_on=sum_of(state.passed_on.values()),
        delivery_cut=state.cuts.get(Cause.DELIVERY, Schedule.EMPTY),
        maintenance_cut=state.cuts.get(Cause.MAINTENANCE, Schedule.EMPTY),
        outage_cut=state.cuts.get(Cause.OUTAGE, Schedule.EMPTY),
    )


def _evolve(state: HeldState, event: Event) -> None:
    match event:
        case CapacityReserved() | CapacityHeld() | CapacityReceived() | HoldConfirmed():
            state.reserved = event.quantity
        case ReservationReleased() | ReservationAmended() | CapacityReturned():
            state.reserved = event.quantity
        case HoldExpired():
            state.reserved = Schedule.EMPTY
        case CapacityRecalled():
            state.reserved = event.quantity
            state.recalled += event.recalled
        case CapacityCut() | CapacityRestored():
            state.cuts[event.cause] = event.quantity
        case CapacityPassedOn():
            state.passed_on[event.holding] = event.quantity
        case CapacityRegained():
            given = state.passed_on.get(event.holding, Schedule.EMPTY)
            state.passed_on[event.holding] = given.minus(event.regained)
        case _:
            _transfer(state, event)


def _transfer(state: HeldState, event: Event) -> None:
    match event:
        case ReservationTransferred():
            state.reserved = event.quantity
            state.recalled = state.recalled.minus(event.recalled or Schedule.EMPTY)
            if event.whole:
                state.after = Link(event.new_reservation, event.start)
        case ReservationTakenOver():
            state.reserved = event.quantity
            # Off the grid it goes over at the next instant on it, at most a day later: the old holder has it
            # until then. Before the novation nothing is promised, so that a day too much does no harm.
            had = event.quantity.at(event.start)
            state.carried = Schedule.constant(event.start - GRID_MAX, event.start, had)
            state.recalled = event.recalled or Schedule.EMPTY
            if event.whole:
                state.before = Link(event.old_reservation, event.start)
        case _:
            pass
