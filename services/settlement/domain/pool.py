"""What of a pool is unsold over time: capacity net of outages, less what is committed."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from schemas.capacity import (
    CapacityHeld,
    CapacityRecalled,
    CapacityReserved,
    HoldConfirmed,
    HoldExpired,
    OutageDeclared,
    OutageEnded,
    PhaseAccepted,
    PhaseCancelled,
    PhaseForecast,
    PhaseOverdue,
    PhasePlanned,
    PoolRegistered,
    ReservationAmended,
    ReservationReleased,
    ReservationTakenOver,
    ReservationTransferred,
)
from schemas.capacity.values import Sell
from schemas.kernel.schedule import Schedule, sum_of
from schemas.message import Event


class Phase(msgspec.Struct, kw_only=True):
    """A phase of the site's energisation, as last told."""

    quantity: int
    planned_at: datetime
    forecast_at: datetime | None = None
    accepted_at: datetime | None = None
    overdue: bool = False


class PoolState(msgspec.Struct, kw_only=True):
    """A pool after some of its events. `roots` are the reservations that are not passed on from others."""

    sell: Sell = "accepted"
    phases: dict[str, Phase] = {}
    lost: dict[str, Schedule] = {}
    roots: dict[str, Schedule] = {}


def pool(events: Iterable[Event]) -> PoolState:
    """Fold the events of one pool, oldest first."""
    state = PoolState()
    for event in events:
        match event:
            case PoolRegistered():
                state.sell = event.sell
            case OutageDeclared() | OutageEnded():
                state.lost[event.outage] = event.lost
            case _:
                _phase(state, event)
                _reservation(state, event)
    return state


def unsold(state: PoolState) -> Schedule:
    """max(0, capacity - committed), capacity net of outages; holds count as committed."""
    there = sum_of(found for phase in state.phases.values() if (found := _expected(state.sell, phase)))
    return there.minus(sum_of(state.lost.values())).minus(sum_of(state.roots.values()))


def _expected(sell: Sell, phase: Phase) -> Schedule | None:
    """What a phase counts for: accepted, or by the pool's policy forecast or planned, at its latest date."""
    since = phase.accepted_at
    if since is None and not phase.overdue:
        if sell in ("forecast", "planned"):
            since = phase.forecast_at
        if since is None and sell == "planned":
            since = phase.planned_at
    if since is None or not phase.quantity:
        return None
    return Schedule.constant(since, None, phase.quantity)


def _phase(state: PoolState, event: Event) -> None:
    match event:
        case PhasePlanned():
            state.phases[event.phase] = Phase(quantity=event.quantity, planned_at=event.planned_at)
        case PhaseForecast():
            state.phases[event.phase].forecast_at = event.forecast_at
            state.phases[event.phase].overdue = False
        case PhaseAccepted():
            state.phases[event.phase].accepted_at = event.accepted_at
            state.phases[event.phase].quantity = event.quantity
        case PhaseOverdue():
            state.phases[event.phase].overdue = True
        case PhaseCancelled():
            del state.phases[event.phase]
        case _:
            pass


def _reservation(state: PoolState, event: Event) -> None:
    match event:
        case CapacityReserved() | CapacityHeld():
            state.roots[event.reservation] = event.quantity
        case HoldExpired():
            state.roots.pop(event.reservation, None)
        case HoldConfirmed() | ReservationAmended() | ReservationReleased() | CapacityRecalled():
            if event.reservation in state.roots:
                state.roots[event.reservation] = event.quantity
        case ReservationTransferred():
            if event.reservation in state.roots:
                state.roots[event.reservation] = event.quantity
                state.roots[event.new_reservation] = event.moved
        case ReservationTakenOver():
            if event.reservation in state.roots:
                state.roots[event.reservation] = event.quantity
        case _:
            pass
