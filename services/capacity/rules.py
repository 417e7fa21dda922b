"""Which command is decided where, by what, and what a credential needs for it."""

from collections.abc import Callable
from typing import Final

from infra.service import Rule
from schemas import capacity
from schemas.decision import Decide, Place
from schemas.message import Command, Event
from services.capacity.domain import passing, reserve, site, terms, transfer, usage
from services.capacity.gathering import gather_correction, gather_report
from services.capacity.streams import of_meter, of_parts, of_pool, of_terms

WRITE: Final = "capacity:write"
REPORT: Final = "capacity:report"


def _by_hand(
    command: type[Command],
    verb: str,
    decide: Decide,
    reported_as: type[Event] | None = None,
    scope: str = WRITE,
) -> Rule:
    return Rule(
        command=command,
        log="capacity",
        subject="pool",
        verb=verb,
        place=of_pool,
        decide=decide,
        scope=scope,
        reported_as=reported_as,
    )


def _by_machine(command: type[Command], decide: Decide, place: Callable[..., Place] = of_pool) -> Rule:
    return Rule(command=command, log="capacity", place=place, decide=decide, scope=WRITE, internal=True)


RULES: Final = (
    _by_hand(capacity.RegisterPool, "register", site.register_pool),
    _by_hand(capacity.PlanPhase, "plan-phase", site.plan_phase, capacity.PhasePlanned, REPORT),
    _by_hand(capacity.ForecastPhase, "forecast-phase", site.forecast_phase, capacity.PhaseForecast, REPORT),
    _by_hand(capacity.AcceptPhase, "accept-phase", site.accept_phase, capacity.PhaseAccepted, REPORT),
    _by_hand(capacity.CancelPhase, "cancel-phase", site.cancel_phase, capacity.PhaseCancelled, REPORT),
    _by_hand(
        capacity.RecordMilestone,
        "record-milestone",
        site.record_milestone,
        capacity.MilestoneRecorded,
        REPORT,
    ),
    _by_hand(capacity.DeclareOutage, "declare-outage", site.declare_outage, capacity.OutageDeclared, REPORT),
    _by_hand(capacity.EndOutage, "end-outage", site.end_outage, capacity.OutageEnded, REPORT),
    _by_hand(capacity.ReserveCapacity, "reserve", reserve.reserve_capacity),
    Rule(
        command=capacity.ReserveTogether,
        log="capacity",
        verb="reserve-together",
        place=of_parts,
        decide=reserve.reserve_together,
        scope=WRITE,
    ),
    _by_hand(capacity.ConfirmHold, "confirm-hold", reserve.confirm_hold),
    _by_hand(capacity.ReleaseReservation, "release", reserve.release_reservation),
    _by_hand(capacity.AmendReservation, "amend", reserve.amend_reservation),
    _by_hand(capacity.PassOnCapacity, "pass-on", passing.pass_on),
    _by_hand(capacity.RecallCapacity, "recall", passing.recall),
    _by_hand(capacity.ReturnCapacity, "return", passing.return_capacity),
    _by_hand(capacity.TransferReservation, "transfer", transfer.transfer_reservation),
    _by_hand(capacity.PlanUse, "plan-use", passing.plan_use, capacity.UsePlanned, REPORT),
    Rule(
        command=capacity.ReportUsage,
        log="usage",
        subject="pool",
        verb="report-usage",
        place=of_meter,
        decide=usage.report_usage,
        gather=gather_report,
        streams_of=usage.meters,
        gathers_own=False,
        reported_as=capacity.UsageReported,
        scope=REPORT,
    ),
    Rule(
        command=capacity.CorrectUsage,
        log="usage",
        subject="pool",
        verb="correct-usage",
        place=of_meter,
        decide=usage.correct_usage,
        gather=gather_correction,
        streams_of=usage.meters,
        refers=("corrects",),
        reported_as=capacity.UsageCorrected,
        scope=REPORT,
    ),
    _by_machine(capacity.MarkPhaseOverdue, site.mark_overdue),
    _by_machine(capacity.ExpireHold, reserve.expire_hold),
    _by_machine(capacity.ExtendCuts, site.extend_cuts),
    _by_machine(capacity.TakeTerms, terms.take_terms, of_terms),
)
