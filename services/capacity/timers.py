"""What capacity does when a time has come: phases fall overdue, holds run out, cuts are planned on."""

from collections.abc import Sequence

from infra.event_store import Recorded
from infra.past import Past
from infra.service import TimerRule
from schemas.capacity import (
    CapacityHeld,
    CutsPlanned,
    ExpireHold,
    ExtendCuts,
    MarkPhaseOverdue,
    PhaseForecast,
    PhasePlanned,
)
from schemas.decision import Timer


async def dates(recorded: Recorded, past: Past) -> Sequence[Timer]:
    """Return the timers that an event sets; whether anything is to be done is decided when they fire."""
    del past
    event = recorded.event
    match event:
        case PhasePlanned():
            overdue = MarkPhaseOverdue(pool=event.pool, phase=event.phase, due=event.planned_at)
            return [Timer(due=event.planned_at, kind="phase_due", key=event.phase, command=overdue)]
        case PhaseForecast():
            overdue = MarkPhaseOverdue(pool=event.pool, phase=event.phase, due=event.forecast_at)
            return [Timer(due=event.forecast_at, kind="phase_due", key=event.phase, command=overdue)]
        case CapacityHeld():
            expire = ExpireHold(pool=event.pool, reservation=event.reservation)
            return [Timer(due=event.hold_until, kind="hold_until", key=event.reservation, command=expire)]
        case CutsPlanned() if event.until is not None:
            extend = ExtendCuts(pool=event.pool, planned_until=event.until)
            return [Timer(due=event.until, kind="cuts_planned", key="cuts", command=extend)]
        case _:
            return []


DATES = TimerRule(name="capacity.dates", follows=("capacity",), timers=dates)
