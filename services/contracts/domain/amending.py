"""Changing the terms: amendments, fees made known, options."""

from datetime import datetime

from schemas.contracts import (
    AmendContract,
    ContractAmended,
    CoveredTerms,
    ExerciseOption,
    FeeSet,
    FeeStep,
    FixedCharge,
    Option,
    OptionExercised,
    Party,
    Rejection,
    SetFee,
    Terms,
)
from schemas.decision import Order, Refused
from schemas.kernel import sections
from schemas.kernel.agreement import Agreement, evolve
from schemas.message import Event
from services.contracts.domain.standing import latest
from services.contracts.domain.terms import first_fault, full, normal_changes


def amend(
    agreement: Agreement, role: Party, order: Order[AmendContract]
) -> list[Event] | Rejection | Refused:
    """The supplier replaces sections over a time, also when that or the contract is past."""
    if role != "supplier":
        return Rejection.NOT_YOURS_TO_DO
    command = order.command
    try:
        event = _amended(agreement, command)
        after = _with(agreement, event)
        touched = [*_touched(after, command.effective_at, command.until)]
    except ValueError:
        return Rejection.AMOUNT_TOO_FINE
    if after.sections == agreement.sections:
        return []
    fault = first_fault(touched)
    if fault is not None:
        return fault
    if any((t.supplier, t.customer) != (agreement.supplier, agreement.customer) for t in touched):
        return Rejection.AMEND_CHANGES_PARTIES
    if event.covers and not command.overrides:
        return Refused(Rejection.OVERLAYS_LATER_TERMS, {"covers": [_told(c) for c in event.covers]})
    return [event]


def set_fee(agreement: Agreement, role: Party, order: Order[SetFee]) -> list[Event] | Rejection:
    """The supplier makes a step's amount known; the same amount again brings nothing."""
    if role != "supplier":
        return Rejection.NOT_YOURS_TO_DO
    command = order.command
    steps = _steps(agreement, command.charge, command.start)
    if not steps:
        return Rejection.CHARGE_UNKNOWN
    currency = agreement.terms_near(command.start).currency
    try:
        amount = full(command.amount, currency)
    except ValueError:
        return Rejection.AMOUNT_TOO_FINE
    known = agreement.fee(command.charge, command.start)
    open_steps = [step for step in steps if step.amount is None]
    if known is None and open_steps:
        return [
            FeeSet(contract=agreement.contract, charge=command.charge, start=command.start, amount=amount)
        ]
    stated = {step.amount for step in steps if step.amount is not None} if known is None else {known}
    return [] if amount in stated else Rejection.FEE_ALREADY_SET


def exercise(agreement: Agreement, role: Party, order: Order[ExerciseOption]) -> list[Event] | Rejection:
    """A party uses its option, before the instant by which it must."""
    option = _option(agreement, order)
    theirs = option is not None and option.party not in (role, "either")
    if order.command.option in agreement.exercised and not theirs:
        return []
    if agreement.ended(latest(order)):
        return Rejection.CONTRACT_ENDED
    if theirs:
        return Rejection.RIGHT_OF_OTHER_PARTY
    if option is None:
        return Rejection.OPTION_UNKNOWN
    if order.at >= option.exercise_by:
        return Rejection.OPTION_LAPSED
    event = OptionExercised(
        contract=agreement.contract,
        option=option.option,
        effective_at=order.effective_at,
        terms=option.terms,
    )
    return [event] if _goes_together(agreement, event) else Rejection.AMOUNT_TOO_FINE


def _option(agreement: Agreement, order: Order[ExerciseOption]) -> Option | None:
    options = agreement.terms_near(order.effective_at).options
    return next((found for found in options if found.option == order.command.option), None)


def _amended(agreement: Agreement, command: AmendContract) -> ContractAmended:
    currency = agreement.terms_near(command.effective_at).currency
    changes = normal_changes(command.changes, agreement.supplier, currency)
    return ContractAmended(
        contract=agreement.contract,
        effective_at=command.effective_at,
        changes=changes,
        reason=command.reason,
        until=command.until,
        covers=sections.covered(agreement.sections, command.effective_at, command.until, changes),
        source=command.source,
    )


def _with(agreement: Agreement, event: Event) -> Agreement:
    after = evolve(agreement, event)
    assert isinstance(after, Agreement), "an agreement stays one"
    return after


def _goes_together(agreement: Agreement, event: Event) -> bool:
    """Whether the sections still make terms: no amount is finer than the currency."""
    try:
        return bool(_with(agreement, event).segments)
    except ValueError:
        return False


def _touched(agreement: Agreement, start: datetime, end: datetime | None) -> list[Terms]:
    """The versions of the terms that hold at some instant of `[start, end)`."""
    return [
        segment.terms
        for segment in agreement.segments
        if (segment.end is None or segment.end > start) and (end is None or segment.start < end)
    ]


def _steps(agreement: Agreement, charge: str, start: datetime) -> list[FeeStep]:
    """The steps of a charge that start at an instant, in every version of the terms, as they are written."""
    return [
        step
        for stretch in agreement.sections["charges"]
        for found in stretch.value
        if isinstance(found, FixedCharge) and found.charge == charge
        for step in found.steps
        if step.start == start
    ]


def _told(covered: CoveredTerms) -> dict[str, object]:
    return {"section": covered.section, "start": covered.start, "end": covered.end}
