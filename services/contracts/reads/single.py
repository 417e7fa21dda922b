"""Asks about one contract: its terms, its status."""

from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from infra.service import View
from schemas.contracts import StatusQuestion, TermsQuestion
from schemas.decision import Refused
from schemas.kernel.agreement import Agreement, Proposed
from schemas.kernel.instants import instant
from schemas.kernel.money import amount
from schemas.kernel.schedule import Schedule
from services.contracts.domain.rights import fee_of
from services.contracts.reads.finding import contract_of

Status: TypeAlias = Literal["proposed", "pending", "active", "ended", "superseded"]


async def terms(question: TermsQuestion, view: View) -> Any:  # noqa: ANN401 JSON-ready
    """The terms at an instant; null before the first."""
    state = await contract_of(question.contract, view)
    match state:
        case Refused():
            return state
        case Proposed():
            return state.terms
        case Agreement():
            return state.terms_at(view.valid_at)


async def status(question: StatusQuestion, view: View) -> Any:  # noqa: ANN401 JSON-ready
    """Status, notice, remedies, and how the lines stand."""
    state = await contract_of(question.contract, view)
    match state:
        case Refused():
            return state
        case Proposed():
            return {
                "status": "proposed",
                "focus_status": "Proposed",
                "acknowledged": False,
                "notice": None,
                "remedies": [],
                "lines": [],
            }
        case Agreement():
            name, focus = status_at(state, view.valid_at)
            return {
                "status": name,
                "focus_status": focus,
                "acknowledged": state.acknowledged,
                "notice": _notice(state, view.valid_at),
                "remedies": [
                    {"line": elected.line, "remedy": elected.remedy}
                    for elected in state.remedies
                    if elected.effective_at <= view.valid_at
                ],
                "lines": [_line(state, line) for line in state.lines],
            }


def status_at(agreement: Agreement, t: datetime) -> tuple[Status, str]:
    """The status at an instant and its name in FOCUS, computed from the dates alone."""
    end, reason = agreement.ending
    if t >= end:
        match reason:
            case "novation":
                return "superseded", "Superseded"
            case "term":
                return "ended", "Expired"
            case "notice" | "termination" | "remedy":
                return "ended", "Canceled"
    return ("pending", "Pending") if t < agreement.term_start else ("active", "Active")


def _notice(agreement: Agreement, t: datetime) -> dict[str, Any] | None:
    notice = agreement.notice
    if notice is None or t < notice.given_at:
        return None
    currency = agreement.terms_near(notice.given_at).currency
    return {
        "right": notice.right,
        "party": notice.party,
        "given_at": notice.given_at,
        "ends_at": notice.ends_at,
        "fee": amount(fee_of(agreement, notice), currency),
    }


def _line(agreement: Agreement, line: str) -> dict[str, Any]:
    state = agreement.line_state(line)
    refused = state.refused
    there = (state.reserved + state.recalled).minus(state.cut) + _carried(agreement, state.reserved)
    return {
        "line": line,
        "confirmed": state.reserved,
        "delivered": state.delivered,
        "short": agreement.committed(line).minus(there),
        "refused": None if refused is None else {"code": refused.code, "details": refused.details},
    }


def _carried(agreement: Agreement, reserved: Schedule) -> Schedule:
    """What the old holder still has of a line novated off its pool's grid, up to the next instant on it.

    A grid is at most a day.
    """
    if agreement.novated_from is None or reserved.is_empty:
        return Schedule.EMPTY
    begins, goes_over = agreement.novated_from.effective_at, instant(reserved.raw[0][0])
    if not begins < goes_over < begins + timedelta(days=1):
        return Schedule.EMPTY
    return Schedule.constant(begins, goes_over, reserved.raw[0][2])
