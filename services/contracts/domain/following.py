"""What our own machinery records: how capacity answers for the lines, and that dates have come."""

from typing import assert_never

from schemas.contracts import (
    AnnounceDate,
    ContractEnded,
    ContractStarted,
    DeliveryMissed,
    LineConfirmed,
    LineDelivered,
    LineRefused,
    LineRequested,
    LineShort,
    NoticeWindowOpened,
    OptionLapsed,
    Party,
    RecordLine,
    Rejection,
    RequestLine,
)
from schemas.decision import Order
from schemas.kernel.agreement import Agreement
from schemas.kernel.line_state import LineState, evolve_line
from schemas.kernel.schedule import Schedule
from schemas.message import Event
from services.contracts.domain.dates import dates_of
from services.contracts.domain.leaving import is_missed
from services.contracts.domain.standing import latest


def request_line(agreement: Agreement, role: Party, order: Order[RequestLine]) -> list[Event] | Rejection:
    """The supplier asks capacity again for what of a line is not reserved from an instant on."""
    line = order.command.line
    if role != "supplier":
        return Rejection.NOT_YOURS_TO_DO
    if agreement.ended(latest(order)):
        return Rejection.CONTRACT_ENDED
    if line not in agreement.lines or line in agreement.terminated_lines:
        return Rejection.LINE_UNKNOWN
    state = agreement.line_state(line)
    lacking = agreement.committed(line).minus(state.reserved + state.recalled)
    if lacking.clip(order.effective_at, None).is_empty or state.requested_at == order.effective_at:
        return []
    return [LineRequested(contract=agreement.contract, line=line, effective_at=order.effective_at)]


def record_line(agreement: Agreement, order: Order[RecordLine]) -> list[Event]:
    """How a line now stands, as capacity told; nothing where that is known."""
    command, name = order.command, agreement.contract
    state = agreement.line_state(command.line)
    events: list[Event] = []
    reserved = state.reserved if command.reserved is None else command.reserved
    recalled = state.recalled if command.recalled is None else state.recalled + command.recalled
    if (reserved, recalled) != (state.reserved, state.recalled):
        confirmed = LineConfirmed(contract=name, line=command.line, quantity=reserved, recalled=recalled)
        events.append(confirmed)
        state = evolve_line(state, confirmed)  # which takes an earlier refusal back
    events += _cuts(name, state, command, reserved)
    refusal = command.refused
    if refusal is not None:
        event = LineRefused(
            contract=name, line=command.line, code=refusal.code, details=dict(refusal.details)
        )
        if state.requested_at is not None or state.refused != event:
            events.append(event)
    return events


def _cuts(name: str, state: LineState, command: RecordLine, reserved: Schedule) -> list[Event]:
    """A line that is short, otherwise than before; or all of it there again."""
    if command.cut is None:
        return []
    cuts = {cause: getattr(state, cause) for cause in ("delivery", "maintenance", "outage")}
    cuts[command.cut.cause.value] = command.cut.quantity
    short = LineShort(contract=name, line=command.line, **cuts)
    after = evolve_line(state, short)
    if after == state:
        return []
    if after.cut.is_empty:
        return [LineDelivered(contract=name, line=command.line, quantity=reserved)]
    return [short]


def announce(agreement: Agreement, order: Order[AnnounceDate]) -> list[Event]:
    """Announce a date that has come, if it still is one and was not announced."""
    command = order.command
    date = (command.date, command.subject, command.at)
    if date in agreement.announced or date not in dates_of(agreement):
        return []
    name, subject = agreement.contract, command.subject or ""
    match command.date:
        case "start":
            return [ContractStarted(contract=name, at=command.at)]
        case "end":
            return [ContractEnded(contract=name, at=command.at)]
        case "delivery":
            line = agreement.line_at(subject, command.at)
            if line is None or not is_missed(agreement, line, command.at):
                return []
            return [DeliveryMissed(contract=name, line=subject, at=command.at)]
        case "option":
            return [OptionLapsed(contract=name, option=subject, at=command.at)]
        case "notice":
            return [NoticeWindowOpened(contract=name, right=subject, at=command.at)]
        case _:
            assert_never(command.date)
