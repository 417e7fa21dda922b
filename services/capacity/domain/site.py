"""Decisions on what a pool is and has: registration, phases, outages. All by the operator."""

from collections.abc import Mapping
from typing import Any

from schemas.capacity import (
    AcceptPhase,
    CancelPhase,
    DeclareOutage,
    EndOutage,
    ExtendCuts,
    ForecastPhase,
    MarkPhaseOverdue,
    MilestoneRecorded,
    OutageDeclared,
    OutageEnded,
    PhaseAccepted,
    PhaseCancelled,
    PhaseForecast,
    PhaseOverdue,
    PhasePlanned,
    PlanPhase,
    PoolRegistered,
    RecordMilestone,
    RegisterPool,
    Rejection,
)
from schemas.decision import Emitted, Order, Outcome, Refused
from schemas.kernel.instants import seconds
from schemas.kernel.names import owner, qualify
from schemas.kernel.schedule import Schedule
from schemas.message import Event
from services.capacity.domain.access import not_the_operator, off, pool_of, stream_of
from services.capacity.domain.cover import cover
from services.capacity.domain.draft import Draft
from services.capacity.domain.pool import Pool
from services.capacity.domain.supply import Phase, widened

States = Mapping[str, Any]


def register_pool(states: States, order: Order[RegisterPool]) -> Outcome:
    """Open a pool. The same again: nothing."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    name = qualify(command.pool, order.actor)
    if owner(name) != order.actor:
        known = pool.registered is not None and order.actor in pool.holders
        return Refused(Rejection.NOT_YOURS_TO_DO if known else Rejection.POOL_UNKNOWN)
    event = PoolRegistered(
        pool=name,
        site=command.site,
        sku=command.sku,
        lot=command.lot,
        quantum_seconds=command.quantum_seconds,
        spare=command.spare,
        overbook_percent=command.overbook_percent,
        sell=command.sell,
        cut=command.cut,
        rotation_hours=command.rotation_hours,
        listed=command.listed,
    )
    if pool.registered is None:
        return [Emitted(stream=stream_of(name), event=event)]
    return [] if pool.registered == event else Refused(Rejection.POOL_EXISTS_OTHERWISE)


def plan_phase(states: States, order: Order[PlanPhase]) -> Outcome:
    """Plan a phase. The same again: nothing."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order) or off(pool, [command.planned_at], [command.quantity])
    if refused is not None:
        return refused
    known = pool.phases.get(command.phase)
    if known is not None:
        asked = (command.quantity, command.megawatts, seconds(command.planned_at), False)
        planned = (known.planned, known.megawatts, known.planned_at, known.cancelled)
        return [] if asked == planned else Refused(Rejection.PHASE_EXISTS_OTHERWISE)
    return _with_cover(
        pool,
        order,
        PhasePlanned(
            pool=pool.name,
            phase=command.phase,
            quantity=command.quantity,
            megawatts=command.megawatts,
            planned_at=command.planned_at,
        ),
    )


def forecast_phase(states: States, order: Order[ForecastPhase]) -> Outcome:
    """Say when a phase is expected now."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order) or off(pool, [command.forecast_at])
    if refused is not None:
        return refused
    phase = _open_phase(pool, command.phase)
    if isinstance(phase, Refused):
        return phase
    if command.forecast_at <= order.at:
        return Refused(Rejection.NOT_IN_FUTURE)
    if phase.forecast_at == seconds(command.forecast_at) and not phase.overdue:
        return []
    return _with_cover(
        pool,
        order,
        PhaseForecast(
            pool=pool.name, phase=command.phase, forecast_at=command.forecast_at, reason=command.reason
        ),
    )


def accept_phase(states: States, order: Order[AcceptPhase]) -> Outcome:
    """Accept a phase; `accepted_at` may lie ahead. The same again: nothing."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order) or off(pool, [command.accepted_at], [command.quantity])
    if refused is not None:
        return refused
    known = pool.phases.get(command.phase)
    if known is not None and known.accepted_at is not None:
        same = (known.accepted_at, known.quantity) == (seconds(command.accepted_at), command.quantity)
        return [] if same else Refused(Rejection.PHASE_ALREADY_ACCEPTED)
    phase = _open_phase(pool, command.phase)
    if isinstance(phase, Refused):
        return phase
    return _with_cover(
        pool,
        order,
        PhaseAccepted(
            pool=pool.name, phase=command.phase, accepted_at=command.accepted_at, quantity=command.quantity
        ),
    )


def cancel_phase(states: States, order: Order[CancelPhase]) -> Outcome:
    """Give up a phase that was not accepted. Again: nothing."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order)
    if refused is not None:
        return refused
    known = pool.phases.get(command.phase)
    if known is not None and known.cancelled:
        return []
    phase = _open_phase(pool, command.phase)
    if isinstance(phase, Refused):
        return phase
    return _with_cover(pool, order, PhaseCancelled(pool=pool.name, phase=command.phase))


def record_milestone(states: States, order: Order[RecordMilestone]) -> Outcome:
    """Record a milestone; another date for the same one replaces it."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order)
    if refused is not None:
        return refused
    known = pool.phases.get(command.phase)
    if known is None:
        return Refused(Rejection.PHASE_UNKNOWN)
    if known.milestones.get(command.milestone) == seconds(command.at):
        return []
    event = MilestoneRecorded(pool=pool.name, phase=command.phase, milestone=command.milestone, at=command.at)
    return [Emitted(stream=stream_of(pool.name), event=event)]


def mark_overdue(states: States, order: Order[MarkPhaseOverdue]) -> Outcome:
    """By timer: what was due and is not accepted counts for nothing, if the date still is the latest."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    phase = None if pool.registered is None else pool.phases.get(command.phase)
    if phase is None or phase.accepted_at is not None or phase.cancelled or phase.overdue:
        return []
    if phase.latest != seconds(command.due):
        return []
    return _with_cover(pool, order, PhaseOverdue(pool=pool.name, phase=command.phase, due=command.due))


def declare_outage(states: States, order: Order[DeclareOutage]) -> Outcome:
    """Take GPUs out of service, also in the past. The same again: nothing."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order)
    if refused is not None:
        return refused
    start, end = seconds(command.start), None if command.end is None else seconds(command.end)
    known = pool.outages.get(command.outage)
    if known is not None:
        asked = (command.quantity, start, end, command.planned)
        declared = (known.quantity, known.start, known.end, known.planned)
        return [] if asked == declared else Refused(Rejection.OUTAGE_EXISTS_OTHERWISE)
    lost = widened(start, end, command.quantity, pool.info.quantum_seconds, pool.info.lot)
    return _with_cover(
        pool,
        order,
        OutageDeclared(
            pool=pool.name,
            outage=command.outage,
            quantity=command.quantity,
            start=command.start,
            end=command.end,
            planned=command.planned,
            lost=lost,
        ),
    )


def end_outage(states: States, order: Order[EndOutage]) -> Outcome:
    """Say when an outage ends, before, at or after what was declared; the end may lie ahead."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order)
    if refused is not None:
        return refused
    known = pool.outages.get(command.outage)
    if known is None:
        return Refused(Rejection.OUTAGE_UNKNOWN)
    ended = seconds(command.ended_at)
    if known.ended_at == ended or (known.ended_at is None and known.end == ended):
        return []
    lost = Schedule.EMPTY
    if ended > known.start:
        lost = widened(known.start, ended, known.quantity, pool.info.quantum_seconds, pool.info.lot)
    event = OutageEnded(pool=pool.name, outage=command.outage, ended_at=command.ended_at, lost=lost)
    return _with_cover(pool, order, event)


def extend_cuts(states: States, order: Order[ExtendCuts]) -> Outcome:
    """By timer: plan a rotating cut further, where its plan has come to its end."""
    pool = pool_of(states, order.command.pool, order.actor)
    if pool.registered is None or pool.planned_until != seconds(order.command.planned_until):
        return []
    draft = Draft(pool, seconds(order.at))
    cover(draft, extend=True)
    return draft.emitted


def _open_phase(pool: Pool, name: str) -> Phase | Refused:
    """Return a phase that can still be forecast, accepted or cancelled."""
    phase = pool.phases.get(name)
    if phase is None or phase.cancelled:
        return Refused(Rejection.PHASE_UNKNOWN)
    return phase if phase.accepted_at is None else Refused(Rejection.PHASE_ALREADY_ACCEPTED)


def _with_cover(pool: Pool, order: Order[Any], event: Event) -> Outcome:
    """Return an event with all that follows from it."""
    draft = Draft(pool, seconds(order.at))
    draft.add(event)
    cover(draft)
    return draft.outcome
