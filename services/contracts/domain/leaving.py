"""Ending a contract early: notice, termination for cause, remedies for late delivery."""

from datetime import datetime

from schemas.contracts import (
    ContractTerminated,
    ElectRemedy,
    GiveNotice,
    Line,
    NoticeGiven,
    NoticeWithdrawn,
    Party,
    Rejection,
    Remedy,
    RemedyElected,
    TerminateContract,
    TerminationRight,
    Terms,
    TermsPeriod,
    WithdrawNotice,
)
from schemas.decision import Order
from schemas.kernel.agreement import Agreement, days_after, grace_end
from schemas.kernel.money import amount
from schemas.message import Event
from services.contracts.domain.rights import exit_fee, opens_at, other
from services.contracts.domain.split import ByLines, split
from services.contracts.domain.standing import clock, latest


def give_notice(agreement: Agreement, role: Party, order: Order[GiveNotice]) -> list[Event] | Rejection:
    """A party leaves by a right of its own; the other may record that it did, also later."""
    command, now = order.command, clock(order)
    if agreement.ended(latest(order)):
        return Rejection.CONTRACT_ENDED
    given_at = now if command.given_at is None else command.given_at
    if given_at > now or (given_at < now and not command.on_behalf):
        return Rejection.GIVEN_AT_NOT_NOW
    giver = other(role) if command.on_behalf else role
    terms = agreement.terms_near(given_at)
    right = _right_named(terms, command.right)
    if right is None:
        return Rejection.RIGHT_UNKNOWN
    if right.party not in (giver, "either"):
        return Rejection.RIGHT_OF_OTHER_PARTY
    opens = opens_at(right, terms)
    if opens is not None and given_at < opens:
        return Rejection.NOTICE_TOO_EARLY
    if agreement.notice is not None:
        return Rejection.NOTICE_ALREADY_GIVEN
    ends_at = min(days_after(given_at, right.notice_days), agreement.term_end)
    notice = NoticeGiven(
        contract=agreement.contract,
        right=right.right,
        party=giver,
        given_at=given_at,
        ends_at=ends_at,
        fee=amount(exit_fee(agreement, right.fee, ends_at), terms.currency),
        on_behalf=command.on_behalf,
    )
    return [notice]


def withdraw_notice(
    agreement: Agreement, role: Party, order: Order[WithdrawNotice]
) -> list[Event] | Rejection:
    """Who gave notice takes it back, before it has ended the contract."""
    if agreement.notice is not None and agreement.notice.party != role:
        return Rejection.NOT_YOURS_TO_DO
    if agreement.ended(latest(order)):
        return Rejection.CONTRACT_ENDED
    if agreement.notice is None:
        return Rejection.NO_NOTICE_TO_WITHDRAW
    return [NoticeWithdrawn(contract=agreement.contract)]


def terminate(agreement: Agreement, role: Party, order: Order[TerminateContract]) -> list[Event] | Rejection:
    """A party ends the contract for cause, by a right with that cause and with its days of notice."""
    command, said_at = order.command, order.effective_at
    standing = agreement.termination
    ends_at = min(command.ends_at, agreement.term_end)
    nothing_new = standing is not None and ends_at >= standing.ends_at
    if nothing_new and standing is not None and (standing.party, standing.cause) == (role, command.cause):
        return []
    if agreement.ended(latest(order)):
        return Rejection.CONTRACT_ENDED
    terms = agreement.terms_near(said_at)
    rights = [r for r in terms.termination if r.cause == command.cause and r.cause != "convenience"]
    if not rights:
        return Rejection.RIGHT_UNKNOWN
    own = [right for right in rights if right.party in (role, "either")]
    if not own:
        return Rejection.RIGHT_OF_OTHER_PARTY
    usable = [right for right in own if _in_time(right, terms, order)]
    if not usable:
        return Rejection.NOTICE_TOO_EARLY
    if nothing_new:
        return []
    right = min(usable, key=lambda r: exit_fee(agreement, r.fee, ends_at))
    event = ContractTerminated(
        contract=agreement.contract,
        right=right.right,
        party=role,
        cause=command.cause,
        effective_at=said_at,
        ends_at=ends_at,
        fee=amount(exit_fee(agreement, right.fee, ends_at), terms.currency),
    )
    return [event]


def elect_remedy(agreement: Agreement, role: Party, order: Order[ElectRemedy]) -> list[Event] | Rejection:
    """The customer chooses what follows from a line that is not there after date certain and grace."""
    command, t = order.command, order.effective_at
    if role != "customer":
        return Rejection.NOT_YOURS_TO_DO
    if any((r.line, r.remedy) == (command.line, command.remedy) for r in agreement.remedies):
        return []
    if agreement.ended(latest(order)):
        return Rejection.CONTRACT_ENDED
    line = agreement.line_at(command.line, t)
    if line is None:
        return Rejection.LINE_UNKNOWN
    if line.delivery is None or not is_missed(agreement, line, t):
        return Rejection.REMEDY_NOT_DUE
    for remedy in line.delivery.remedies:
        if remedy == command.remedy:
            return [_elected(agreement, line, remedy, order)]
    return Rejection.REMEDY_UNKNOWN


def is_missed(agreement: Agreement, line: Line, t: datetime) -> bool:
    """Whether at an instant, date certain and grace being past, a line's reservation is below its terms.

    What is cut for late delivery is not there; what the supplier took back by right is no failure of it.
    """
    delivery = line.delivery
    if delivery is None or t < grace_end(delivery, agreement.terms_near(t).billing.zone):
        return False
    state = agreement.line_state(line.line)
    there = state.reserved.at(t) + state.recalled.at(t) - state.delivery.at(t)
    return there < line.quantity.at(t)


def _elected(agreement: Agreement, line: Line, remedy: Remedy, order: Order[ElectRemedy]) -> RemedyElected:
    t = order.effective_at
    kept = (
        tuple(
            TermsPeriod(
                start=max(segment.start, t),
                end=segment.end,
                terms=split(segment.terms, t, ByLines((line.line,))).kept,
            )
            for segment in agreement.segments
            if segment.end is None or segment.end > t
        )
        if remedy == "terminate_line"
        else ()
    )
    return RemedyElected(
        contract=agreement.contract, line=line.line, remedy=remedy, effective_at=t, kept=kept
    )


def _right_named(terms: Terms, name: str) -> TerminationRight | None:
    """A right to leave for convenience; the others are no matter of notice."""
    for right in terms.termination:
        if right.right == name and right.cause == "convenience":
            return right
    return None


def _in_time(right: TerminationRight, terms: Terms, order: Order[TerminateContract]) -> bool:
    said_at, opens = order.effective_at, opens_at(right, terms)
    if opens is not None and said_at < opens:
        return False
    return order.command.ends_at >= days_after(said_at, right.notice_days)
