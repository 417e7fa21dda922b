"""What the customer may hand on: consent to a sublease or novation, and the novation itself."""

from fractions import Fraction

import msgspec

from schemas.contracts import (
    ConsentGiven,
    ContractNovated,
    ContractSigned,
    GiveConsent,
    NovateContract,
    NovatedFrom,
    Party,
    Rejection,
    Terms,
    TermsPeriod,
)
from schemas.decision import Emitted, Order, Outcome, Place, States
from schemas.kernel.agreement import Agreement, Segment, State, Unknown
from schemas.kernel.names import owner, qualify
from schemas.kernel.rates import percent
from schemas.message import Event
from services.contracts.domain.split import ByLines, ByShare, Measure, Sides, moved_whole, split
from services.contracts.domain.standing import emitted, latest, name_of, refused, stream_of


def give_consent(agreement: Agreement, role: Party, order: Order[GiveConsent]) -> list[Event] | Rejection:
    """The supplier agrees to a kind of transfer to one taker, for good."""
    command = order.command
    if role != "supplier":
        return Rejection.NOT_YOURS_TO_DO
    if (command.kind, command.to) in agreement.consents:
        return []
    if agreement.ended(latest(order)):
        return Rejection.CONTRACT_ENDED
    transfer = agreement.terms_near(order.effective_at).transfer
    allowed = transfer.sublease if command.kind == "sublease" else transfer.novation
    if allowed == "forbidden":
        return Rejection.TRANSFER_FORBIDDEN
    return [ConsentGiven(contract=agreement.contract, kind=command.kind, to=command.to)]


def novation_place(command: NovateContract, actor: str) -> Place:
    """Both contracts lie in the supplier's book; a short new name is one there.

    Raises:
        ValueError: the new contract is said to lie in another book.
    """
    old = qualify(command.contract, actor)
    new = qualify(command.new_contract, owner(old))
    if owner(new) != owner(old):
        raise ValueError(f"the new contract lies in the book of {owner(old)} too")
    return Place(owner(old), tuple(dict.fromkeys((stream_of(old), stream_of(new)))))


def novate(states: States, order: Order[NovateContract]) -> Outcome:
    """A share or some lines go to another customer: one event here, one there, in one append."""
    name = name_of(order)
    state: State = states[stream_of(name)]
    role = state.role_of(order.actor) if isinstance(state, Agreement) else None
    if role is None or not isinstance(state, Agreement):
        return refused(Rejection.CONTRACT_UNKNOWN)
    new = qualify(order.command.new_contract, owner(name))
    if any(_same(novated, new, order.command) for novated in state.novations):
        return []
    if not isinstance(states[stream_of(new)], Unknown):
        return refused(Rejection.EXISTS_WITH_OTHER_TERMS)
    fault = _fault(state, role, order)
    return refused(fault) if fault is not None else _moved(state, new, order)


def _fault(agreement: Agreement, role: Party, order: Order[NovateContract]) -> Rejection | None:
    """The first rule that a novation breaks, once both names are right."""
    command = order.command
    if agreement.ended(max(order.at, command.effective_at)):
        return Rejection.CONTRACT_ENDED
    if command.to == agreement.supplier:
        return Rejection.PARTIES_MUST_DIFFER
    if command.lines is not None and not set(command.lines) <= _lines(agreement, command):
        return Rejection.LINE_UNKNOWN
    allowed = agreement.terms_near(command.effective_at).transfer.novation
    if allowed == "forbidden":
        return Rejection.TRANSFER_FORBIDDEN
    consented = role == "supplier" or ("novation", command.to) in agreement.consents
    if allowed == "consent" and not consented:
        return Rejection.CONSENT_MISSING
    if command.share_percent is not None and not 0 < percent(command.share_percent) <= 1:
        return Rejection.SHARE_OUT_OF_RANGE
    return None


def _moved(agreement: Agreement, new: str, order: Order[NovateContract]) -> Outcome:
    command = order.command
    at = command.effective_at
    whole = _is_whole(agreement, command)
    versions = _versions(agreement, command)
    sides = [_sides(segment, command, whole=whole) for segment in versions]
    kept = tuple(_period(v, s.kept, command) for v, s in zip(versions, sides, strict=True))
    moved = [
        _period(v, msgspec.structs.replace(s.moved, customer=command.to), command)
        for v, s in zip(versions, sides, strict=True)
    ]
    novated = ContractNovated(
        contract=agreement.contract,
        to=command.to,
        new_contract=new,
        effective_at=at,
        share_percent=command.share_percent,
        lines=command.lines,
        whole=whole,
        kept=kept,
    )
    origin = NovatedFrom(
        contract=agreement.contract,
        effective_at=at,
        later=tuple(moved[1:]),
        undivided=tuple(
            TermsPeriod(start=segment.start, end=segment.end, terms=segment.terms)
            for segment in agreement.segments
        ),
        kept=kept,
        origin=agreement.novated_from,
        changed_at=None if agreement.novated_from is None else agreement.changed_at,
    )
    signed = ContractSigned(
        contract=new, terms=moved[0].terms, effective_at=at, asserted=True, novated_from=origin
    )
    here: list[Emitted] = emitted(agreement.contract, agreement.customer, [novated], order)
    return here + emitted(new, command.to, [signed], order)


def _same(novated: ContractNovated, new: str, command: NovateContract) -> bool:
    return (novated.new_contract, novated.to, novated.effective_at, novated.share_percent, novated.lines) == (
        new,
        command.to,
        command.effective_at,
        command.share_percent,
        command.lines,
    )


def _versions(agreement: Agreement, command: NovateContract) -> list[Segment]:
    """The versions of the terms that hold at or after the novation."""
    return [s for s in agreement.segments if s.end is None or s.end > command.effective_at]


def _lines(agreement: Agreement, command: NovateContract) -> set[str]:
    return {line.line for version in _versions(agreement, command) for line in version.terms.lines}


def _is_whole(agreement: Agreement, command: NovateContract) -> bool:
    if command.share_percent is not None:
        return percent(command.share_percent) == 1
    return set(command.lines or ()) == _lines(agreement, command)


def _sides(segment: Segment, command: NovateContract, *, whole: bool) -> Sides:
    if whole:
        return moved_whole(segment.terms, command.effective_at)
    return split(segment.terms, command.effective_at, _measure(command))


def _measure(command: NovateContract) -> Measure:
    if command.share_percent is not None:
        return ByShare(Fraction(percent(command.share_percent)))
    assert command.lines is not None, "a novation is of a share or of lines"
    return ByLines(command.lines)


def _period(segment: Segment, terms: Terms, command: NovateContract) -> TermsPeriod:
    return TermsPeriod(start=max(segment.start, command.effective_at), end=segment.end, terms=terms)
