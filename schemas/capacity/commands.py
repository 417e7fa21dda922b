"""What capacity can be told to do. Pools by qualified name, or short in the operator's mouth."""

from typing import Annotated

import msgspec

from schemas.capacity.values import (
    Count,
    CutRule,
    Fill,
    Hours,
    Megawatts,
    MovedLine,
    Part,
    Sell,
    Sku,
    Spare,
    Tier,
    WantedLine,
)
from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule
from schemas.kernel.wire import Id, Instant, Name, Percent, Quantity, ReservationName, Text
from schemas.message import Command

Rotation = Annotated[int, msgspec.Meta(ge=1, le=720)]
Quantum = Annotated[int, msgspec.Meta(ge=60, le=86_400)]


class RegisterPool(Command, tag="capacity.RegisterPool.v1"):
    """Open a pool: one SKU at one site, in its own unit, grid and lot."""

    pool: Name
    site: Text
    sku: Sku
    lot: Count = 1
    quantum_seconds: Quantum = 3600
    spare: Spare = 0
    overbook_percent: Percent = "0"
    sell: Sell = "accepted"
    cut: CutRule = "pro_rata"
    rotation_hours: Rotation | None = None
    listed: bool = False


class PlanPhase(Command, tag="capacity.PlanPhase.v1"):
    """Plan a step of the site's energisation."""

    pool: Name
    phase: Id
    quantity: Quantity
    megawatts: Megawatts
    planned_at: Instant


class ForecastPhase(Command, tag="capacity.ForecastPhase.v1"):
    """Say when a phase is now expected; later than before is a slip."""

    pool: Name
    phase: Id
    forecast_at: Instant
    reason: Text = ""


class AcceptPhase(Command, tag="capacity.AcceptPhase.v1"):
    """Accept a phase, with what it really has."""

    pool: Name
    phase: Id
    accepted_at: Instant
    quantity: Quantity


class CancelPhase(Command, tag="capacity.CancelPhase.v1"):
    """Give up a phase that was not accepted."""

    pool: Name
    phase: Id


class RecordMilestone(Command, tag="capacity.RecordMilestone.v1"):
    """Record a milestone of a phase: permitted, ordered, delivered, energised."""

    pool: Name
    phase: Id
    milestone: Id
    at: Instant


class MarkPhaseOverdue(Command, tag="capacity.MarkPhaseOverdue.v1"):
    """By timer: the phase's latest date has come and it is not accepted."""

    pool: Name
    phase: Id
    due: Instant


class DeclareOutage(Command, tag="capacity.DeclareOutage.v1"):
    """Declare GPUs out of service, planned or not, also for the past."""

    pool: Name
    outage: Id
    quantity: Quantity
    start: Instant
    end: Instant | None = None
    planned: bool = False

    def __post_init__(self) -> None:
        """Refuse an outage over no time.

        Raises:
            ValueError: its end is not after its start.
        """
        if self.end is not None and self.end <= self.start:
            raise ValueError("an outage ends after it starts")


class EndOutage(Command, tag="capacity.EndOutage.v1"):
    """Say when an outage ends; later than declared extends it."""

    pool: Name
    outage: Id
    ended_at: Instant


class ReserveCapacity(Command, tag="capacity.ReserveCapacity.v1"):
    """Reserve GPUs over time for a holder; with `hold_until`, only hold them until then."""

    pool: Name
    reservation: ReservationName
    holder: Id
    tier: Tier
    quantity: Schedule
    contract: Name | None = None
    line: Id | None = None
    fill: Fill = Fill.ALL
    hold_until: Instant | None = None


class ReserveTogether(Command, tag="capacity.ReserveTogether.v1"):
    """Reserve in several pools of one operator: all of it or nothing."""

    parts: Annotated[tuple[Part, ...], msgspec.Meta(min_length=1, max_length=100)]


class ConfirmHold(Command, tag="capacity.ConfirmHold.v1"):
    """Make a held reservation one that stays."""

    pool: Name
    reservation: ReservationName


class ExpireHold(Command, tag="capacity.ExpireHold.v1"):
    """By timer: the hold has run out."""

    pool: Name
    reservation: ReservationName


class ReleaseReservation(Command, tag="capacity.ReleaseReservation.v1"):
    """Give a reservation back to the pool from an instant on."""

    pool: Name
    reservation: ReservationName
    start: Instant = msgspec.field(name="from")


class AmendReservation(Command, tag="capacity.AmendReservation.v1"):
    """Give a reservation another shape."""

    pool: Name
    reservation: ReservationName
    quantity: Schedule


class PassOnCapacity(Command, tag="capacity.PassOnCapacity.v1"):
    """Pass a part of what one holds on to a taker; `holding` names what the taker then holds."""

    pool: Name
    reservation: ReservationName
    holding: ReservationName
    to: Id
    quantity: Schedule
    contract: Name | None = None
    line: Id | None = None
    recall_notice_hours: Hours | None = None


class RecallCapacity(Command, tag="capacity.RecallCapacity.v1"):
    """Take back from a reservation (the operator) or from a holding (its giver); quantity None = all."""

    pool: Name
    start: Instant = msgspec.field(name="from")
    reservation: ReservationName | None = None
    holding: ReservationName | None = None
    until: Instant | None = None
    quantity: Quantity | None = None

    def __post_init__(self) -> None:
        """Refuse a recall of nothing, of two things, or over no time.

        Raises:
            ValueError: not exactly one of reservation and holding, or an end not after its start.
        """
        if (self.reservation is None) == (self.holding is None):
            raise ValueError("a recall is of a reservation or of a holding: one of both")
        if self.until is not None and self.until <= self.start:
            raise ValueError("a recall ends (until) after it starts (from)")


class ReturnCapacity(Command, tag="capacity.ReturnCapacity.v1"):
    """Give a holding, or a part of it, back to its giver; quantity None = all."""

    pool: Name
    holding: ReservationName
    start: Instant = msgspec.field(name="from")
    quantity: Quantity | None = None


class TransferReservation(Command, tag="capacity.TransferReservation.v1"):
    """Move a reservation to another holder from effective_at on; quantity None = all that is left."""

    pool: Name
    reservation: ReservationName
    to: Id
    new_reservation: ReservationName
    quantity: Schedule | None = None


class ReportUsage(Command, tag="capacity.ReportUsage.v1"):
    """Report what was metered: GPU-seconds with the peak, or whole units of another meter."""

    pool: Name
    reservation: ReservationName
    interval: Interval
    gpu_seconds: Quantity | None = None
    peak_gpus: Quantity | None = None
    meter: Id = "gpu"
    quantity: Quantity | None = None

    def __post_init__(self) -> None:
        """Refuse a report that says nothing, or two things."""
        check_metered(self.meter, self.gpu_seconds, self.peak_gpus, self.quantity)


class CorrectUsage(Command, tag="capacity.CorrectUsage.v1"):
    """Correct a report: all values anew. `corrects` is the sender's id of it."""

    pool: Name
    reservation: ReservationName
    corrects: Text
    interval: Interval
    gpu_seconds: Quantity | None = None
    peak_gpus: Quantity | None = None
    meter: Id = "gpu"
    quantity: Quantity | None = None

    def __post_init__(self) -> None:
        """Refuse a correction that says nothing, or two things."""
        check_metered(self.meter, self.gpu_seconds, self.peak_gpus, self.quantity)


class PlanUse(Command, tag="capacity.PlanUse.v1"):
    """The holder's own plan of use; what lies outside may be lent."""

    pool: Name
    reservation: ReservationName
    quantity: Schedule


class TakeTerms(Command, tag="capacity.TakeTerms.v1"):
    """By reaction to an event of a contract: its lines as they are now wanted in one operator's pools.

    `book` is the operator whose pools are meant: the supplier's own where no pool is known.
    """

    contract: Name
    book: Id
    terms_version: Count
    at: Instant
    lines: tuple[WantedLine, ...] = ()
    moved: tuple[MovedLine, ...] = ()


class ExtendCuts(Command, tag="capacity.ExtendCuts.v1"):
    """By timer: a rotating cut's plan has come to its end."""

    pool: Name
    planned_until: Instant


def check_metered(meter: str, gpu_seconds: int | None, peak_gpus: int | None, quantity: int | None) -> None:
    """Hold a report to one of its two forms.

    Raises:
        ValueError: neither or both forms, or a GPU meter without GPU-seconds.
    """
    if meter == "gpu":
        if gpu_seconds is None or peak_gpus is None or quantity is not None:
            raise ValueError("the meter gpu takes gpu_seconds and peak_gpus, and no quantity")
    elif quantity is None or gpu_seconds is not None or peak_gpus is not None:
        raise ValueError("another meter than gpu takes quantity, and neither gpu_seconds nor peak_gpus")
