"""What capacity records. Names are qualified; Schedules are absolute: the state as it now stands.

A reservation and what is passed on of it (a *holding*) are told of under one field, `reservation`. An event
concerns at most one other tenant; what concerns two is two events.
"""

from collections.abc import Mapping
from typing import Any

from schemas.capacity.values import (
    ByCause,
    Cause,
    Count,
    CutRule,
    Fill,
    Hours,
    LineRecall,
    Sell,
    Sku,
    Spare,
    Tier,
)
from schemas.kernel.interval import Interval
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
    megawatts: Percent
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


class CapacityReserved(Event, tag="capacity.CapacityReserved.v1"):
    """GPUs are reserved for a holder, who is the counterparty.

    Attributes:
        quantity: what is reserved.
        asked: what was asked for, where `fill` is as_available.
        since: where a line was asked for again, from when on it is wanted at all.
        recall: the operator's rights to take back, as they follow in time.
    """

    pool: Name
    reservation: ReservationName
    holder: Id
    tier: Tier
    quantity: Schedule
    contract: Name | None = None
    line: Id | None = None
    fill: Fill = Fill.ALL
    asked: Schedule | None = None
    since: Instant | None = None
    recall: tuple[LineRecall, ...] = ()


class CapacityHeld(Event, tag="capacity.CapacityHeld.v1"):
    """GPUs are held for a holder until `hold_until`; they count as committed."""

    pool: Name
    reservation: ReservationName
    holder: Id
    tier: Tier
    quantity: Schedule
    hold_until: Instant
    contract: Name | None = None
    line: Id | None = None
    fill: Fill = Fill.ALL
    asked: Schedule | None = None


class HoldConfirmed(Event, tag="capacity.HoldConfirmed.v1"):
    """A hold became a reservation of `quantity`."""

    pool: Name
    reservation: ReservationName
    quantity: Schedule


class HoldExpired(Event, tag="capacity.HoldExpired.v1"):
    """A hold ran out: it is no more."""

    pool: Name
    reservation: ReservationName


class ReservationReleased(Event, tag="capacity.ReservationReleased.v1"):
    """A reservation, or a holding below it, ends at `start`; `quantity` is what is left of it.

    `came_from`: the reservation above whose release or end brought this about, None if it was itself.
    """

    pool: Name
    reservation: ReservationName
    start: Instant
    quantity: Schedule
    came_from: ReservationName | None = None


class ReservationAmended(Event, tag="capacity.ReservationAmended.v1"):
    """A reservation or holding has another shape, `quantity`.

    Attributes:
        asked: what was wanted, None where that is `quantity`.
        uncovered: the part of it, before the decision, that nothing covered: its shortfall falls on it alone.
        recall: the rights to take back from it, as they follow in time.
        came_from: the reservation above whose change brought this about.
    """

    pool: Name
    reservation: ReservationName
    quantity: Schedule
    tier: Tier
    asked: Schedule | None = None
    uncovered: Schedule | None = None
    recall: tuple[LineRecall, ...] = ()
    came_from: ReservationName | None = None


class CapacityPassedOn(Event, tag="capacity.CapacityPassedOn.v1"):
    """A holder, the counterparty, passed on of `reservation`; the taker gets CapacityReceived."""

    pool: Name
    reservation: ReservationName
    holding: ReservationName
    to: Id
    quantity: Schedule


class CapacityReceived(Event, tag="capacity.CapacityReceived.v1"):
    """A taker, the counterparty, holds what was passed on of `source`, its giver's reservation or holding."""

    pool: Name
    reservation: ReservationName
    holder: Id
    giver: Id
    source: ReservationName
    tier: Tier
    quantity: Schedule
    contract: Name | None = None
    line: Id | None = None
    recall_notice_hours: Hours | None = None
    fill: Fill = Fill.ALL
    asked: Schedule | None = None
    since: Instant | None = None
    recall: tuple[LineRecall, ...] = ()


class CapacityRecalled(Event, tag="capacity.CapacityRecalled.v1"):
    """GPUs of a reservation or holding were taken back: `recalled`; `quantity` is what is left of it.

    `start`, `until`, `asked`: the recall as it was asked for. `came_from`: instead, the reservation above
    whose recall brought this about.
    """

    pool: Name
    reservation: ReservationName
    recalled: Schedule
    quantity: Schedule
    start: Instant | None = None
    until: Instant | None = None
    asked: Quantity | None = None
    came_from: ReservationName | None = None


class CapacityReturned(Event, tag="capacity.CapacityReturned.v1"):
    """A taker gave back `returned` of a holding, from `start` on; `quantity` is what is left of it.

    `asked`: how much it said, None = all.
    """

    pool: Name
    reservation: ReservationName
    returned: Schedule
    quantity: Schedule
    start: Instant
    asked: Quantity | None = None


class CapacityRegained(Event, tag="capacity.CapacityRegained.v1"):
    """A giver, the counterparty, has `regained` of `holding` back, by recall or return."""

    pool: Name
    reservation: ReservationName
    holding: ReservationName
    regained: Schedule


class ReservationTransferred(Event, tag="capacity.ReservationTransferred.v1"):
    """A reservation went over to another holder: what the old one, the counterparty, has to know.

    Attributes:
        moved: what went over; `asked`: what of its terms went over with it, None where that is the same.
        quantity: what is left with the old holder.
        whole: all that was left went over, with what was passed on of it.
        start: the instant from which on it did, on the grid.
    """

    pool: Name
    reservation: ReservationName
    new_reservation: ReservationName
    to: Id
    start: Instant
    moved: Schedule
    quantity: Schedule
    asked: Schedule | None = None
    whole: bool = False


class ReservationTakenOver(Event, tag="capacity.ReservationTakenOver.v1"):
    """A reservation or holding came over from another: what its new holder, the counterparty, has to know.

    It keeps its place in the order of reservations, and its giver.
    """

    pool: Name
    reservation: ReservationName
    old_reservation: ReservationName
    holder: Id
    start: Instant
    tier: Tier
    quantity: Schedule
    contract: Name | None = None
    line: Id | None = None
    fill: Fill = Fill.ALL
    asked: Schedule | None = None
    recall: tuple[LineRecall, ...] = ()
    whole: bool = False


class GiverChanged(Event, tag="capacity.GiverChanged.v1"):
    """The giver of a holding is another from `start` on: its taker is the counterparty."""

    pool: Name
    reservation: ReservationName
    giver: Id
    source: ReservationName
    start: Instant


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


class UsePlanned(Event, tag="capacity.UsePlanned.v1"):
    """A holder, the counterparty, plans to use `quantity` and no more."""

    pool: Name
    reservation: ReservationName
    quantity: Schedule


class TermsTaken(Event, tag="capacity.TermsTaken.v1"):
    """Capacity has answered everything in a contract up to its event of version `terms_version`."""

    contract: Name
    terms_version: Count


class RequestRefused(Event, tag="capacity.RequestRefused.v1"):
    """A line was asked for and does not fit. `details` as told to who asks by hand."""

    contract: Name
    line: Id
    code: Text
    terms_version: Count
    details: Mapping[str, Any] = {}


class UsageReported(Event, tag="capacity.UsageReported.v1"):
    """What a holder, the counterparty, used; `report` is the sender's id of it."""

    pool: Name
    reservation: ReservationName
    holder: Id
    report: Text
    interval: Interval
    gpu_seconds: Quantity | None = None
    peak_gpus: Quantity | None = None
    meter: Id = "gpu"
    quantity: Quantity | None = None


class UsageCorrected(Event, tag="capacity.UsageCorrected.v1"):
    """All values of `report` anew: the last correction known is what counts."""

    pool: Name
    reservation: ReservationName
    holder: Id
    report: Text
    interval: Interval
    gpu_seconds: Quantity | None = None
    peak_gpus: Quantity | None = None
    meter: Id = "gpu"
    quantity: Quantity | None = None


class UsagePassedThrough(Event, tag="capacity.UsagePassedThrough.v1"):
    """Usage below a giver, the counterparty, as its meter sees it; replaces what came through of `report`.

    `of` is the giver's own holding through which it came: never who used it below.
    """

    pool: Name
    reservation: ReservationName
    holder: Id
    of: ReservationName
    report: Text
    interval: Interval
    gpu_seconds: Quantity | None = None
    peak_gpus: Quantity | None = None
    meter: Id = "gpu"
    quantity: Quantity | None = None
    part: int = 0
