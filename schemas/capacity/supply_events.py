"""What capacity records of a pool itself: what it is, what it has, what it is short of and who is cut for it.

Schedules are absolute: the state as it now stands.
"""

from schemas.capacity.values import (
    ByCause,
    Cause,
    CutRule,
    Megawatts,
    Sell,
    Sku,
    Spare,
)
from schemas.kernel.schedule import Schedule
from schemas.kernel.wire import Id, Instant, Name, Percent, Quantity, ReservationName, Text
from schemas.message import Event


class PoolRegistered(Event, tag="capacity.PoolRegistered.v1"):
    """A pool was opened."""

    pool: Name
    site: Text
    sku: Sku
    lot: int = 1
    quantum_seconds: int = 3600
    spare: Spare = 0
    overbook_percent: Percent = "0"
    sell: Sell = "accepted"
    cut: CutRule = "pro_rata"
    rotation_hours: int | None = None
    listed: bool = False


class PhasePlanned(Event, tag="capacity.PhasePlanned.v1"):
    """A phase was planned."""

    pool: Name
    phase: Id
    quantity: Quantity
    megawatts: Megawatts
    planned_at: Instant


class PhaseForecast(Event, tag="capacity.PhaseForecast.v1"):
    """A phase is expected at another date; later than before is a slip."""

    pool: Name
    phase: Id
    forecast_at: Instant
    reason: Text = ""


class PhaseAccepted(Event, tag="capacity.PhaseAccepted.v1"):
    """A phase was accepted, with what it really has."""

    pool: Name
    phase: Id
    accepted_at: Instant
    quantity: Quantity


class PhaseCancelled(Event, tag="capacity.PhaseCancelled.v1"):
    """A phase was given up."""

    pool: Name
    phase: Id


class MilestoneRecorded(Event, tag="capacity.MilestoneRecorded.v1"):
    """A phase passed a milestone."""

    pool: Name
    phase: Id
    milestone: Id
    at: Instant


class PhaseOverdue(Event, tag="capacity.PhaseOverdue.v1"):
    """A phase's latest date came unaccepted: it counts for nothing until accepted or forecast anew."""

    pool: Name
    phase: Id
    due: Instant


class OutageDeclared(Event, tag="capacity.OutageDeclared.v1"):
    """GPUs are out of service. `lost` is what the pool loses: widened to its grid, rounded up to lots."""

    pool: Name
    outage: Id
    quantity: Quantity
    start: Instant
    end: Instant | None
    planned: bool
    lost: Schedule


class OutageEnded(Event, tag="capacity.OutageEnded.v1"):
    """An outage ended, or will. `lost` is what the pool loses by it in the end."""

    pool: Name
    outage: Id
    ended_at: Instant
    lost: Schedule


class ShortfallOpened(Event, tag="capacity.ShortfallOpened.v1"):
    """A pool is short of what it committed; told again under the same id when its extent changes."""

    pool: Name
    shortfall: Id
    opened_at: Instant
    quantity: ByCause


class ShortfallClosed(Event, tag="capacity.ShortfallClosed.v1"):
    """A shortfall does not reach beyond now any more; `quantity` is what was short in the end."""

    pool: Name
    shortfall: Id
    quantity: ByCause


class CapacityCut(Event, tag="capacity.CapacityCut.v1"):
    """More of a reservation or holding is cut by a cause; `quantity` is all that is cut by it."""

    pool: Name
    reservation: ReservationName
    cause: Cause
    quantity: Schedule


class CapacityRestored(Event, tag="capacity.CapacityRestored.v1"):
    """Less of a reservation or holding is cut by a cause; `quantity` is what is still cut by it."""

    pool: Name
    reservation: ReservationName
    cause: Cause
    quantity: Schedule


class CutsPlanned(Event, tag="capacity.CutsPlanned.v1"):
    """A rotating cut is planned up to `until`: beyond it there is no cut yet."""

    pool: Name
    until: Instant | None
