"""Issuing statements and closing intervals."""

from typing import Any

from schemas.decision import Emitted, Order, Outcome, Refused, States
from schemas.kernel.agreement import days_after
from schemas.kernel.money import minor
from schemas.settlement import (
    AccountEvent,
    CloseInterval,
    IntervalClosed,
    IssueStatement,
    MoveRulebook,
    RulebookMoved,
    SettlementRejection,
    StatementIssued,
)
from services.settlement.domain.account import Account, Statement, evolve, initial
from services.settlement.domain.intervals import Slot
from services.settlement.domain.open_items import Tray
from services.settlement.domain.standing import (
    BOOKED_MAX,
    Computed,
    Standing,
    not_theirs,
    stream_of,
    too_large,
    unbookable,
)
from services.settlement.domain.statement import Issue, statement


def issue_statement(states: States, order: Order[IssueStatement]) -> Outcome:
    """Bill an interval that has ended and has no statement; money that waits goes to it."""
    found = _ended(order)
    if isinstance(found, Refused):
        return found
    state: Account = states[stream_of(order.facts.contract)]
    if found.interval.start in state.by_interval:
        return Refused(
            SettlementRejection.INTERVAL_CLOSED, {"statement": state.by_interval[found.interval.start]}
        )
    return _issued(states, order, found)


def close_interval(states: States, order: Order[CloseInterval]) -> Outcome:
    """Issue what was not issued, then close; an interval that is closed already stays as it is.

    A timer's order is never refused: where it cannot be done nothing happens.
    """
    found = _ended(order)
    if isinstance(found, Refused):
        return [] if order.by_machine else found
    state: Account = states[stream_of(order.facts.contract)]
    if found.interval.start in state.closed or (order.by_machine and found.billing.close_days is None):
        return []
    emitted: list[Emitted] = []
    if found.interval.start not in state.by_interval:
        issued = _issued(states, order, found)
        if isinstance(issued, Refused):
            return [] if order.by_machine else issued
        emitted = issued
    standing: Standing = order.facts
    closed = IntervalClosed(
        contract=standing.contract,
        interval=found.interval,
        statement=f"{standing.contract}-{found.label}",
    )
    return [*emitted, _emit(standing, closed)]


def move_rulebook(states: States, order: Order[MoveRulebook]) -> Outcome:
    """Have an interval computed by another rulebook; the one it goes by already changes nothing."""
    refused = not_theirs(order)
    if refused is not None:
        return refused
    standing: Standing = order.facts
    computed, command = standing.computed, order.command
    if computed is None or computed.slot is None:
        return Refused(SettlementRejection.NOT_AN_INTERVAL)
    state: Account = states[stream_of(standing.contract)]
    start = computed.slot.interval.start
    issued = state.issued.get(start)
    current = state.rulebooks.get(start, None if issued is None else issued.rulebook)
    if current == command.rulebook:
        return []
    moved = RulebookMoved(
        contract=standing.contract,
        interval=computed.slot.interval,
        rulebook=command.rulebook,
        reason=command.reason,
    )
    return [_emit(standing, moved)]


def _ended(order: Order[Any]) -> Slot | Refused:
    """The billing interval that a command names, once it has ended."""
    refused = not_theirs(order)
    if refused is not None:
        return refused
    computed: Computed | None = order.facts.computed
    if computed is None or computed.slot is None:
        return Refused(SettlementRejection.NOT_AN_INTERVAL)
    if computed.slot.interval.end > order.at:
        return Refused(SettlementRejection.INTERVAL_NOT_ENDED, {"ends_at": computed.slot.interval.end})
    return computed.slot


def _issued(states: States, order: Order[Any], slot: Slot) -> list[Emitted] | Refused:
    """The statement, and where money that waits goes; refused if the books cannot hold what it comes to."""
    standing: Standing = order.facts
    state: Account = states[stream_of(standing.contract)]
    computed = standing.computed
    assert computed is not None, "gathered for every statement"
    issue = Issue(
        contract=standing.contract,
        rating=computed.rating,
        basis=computed.basis,
        provisional=computed.provisional,
        issued_at=order.effective_at,
        due_at=days_after(order.effective_at, slot.billing.due_days),
        earned=computed.earned,
    )
    event = statement(issue, state, slot)
    refused = unbookable(
        states[f"book-{order.book}"], event.currency, order.effective_at, largest(event)
    ) or _uncounted(event)
    if refused is not None:
        return refused
    tray = Tray(state, standing.contract)
    tray.add(as_open(event))
    tray.settle(order.effective_at)
    return [_emit(standing, made) for made in (event, *tray.events)]


def largest(event: StatementIssued) -> int:
    """The largest amount that a statement brings to the books, in minor units, without its sign."""
    texts = [event.net, event.total, *(line.amount for line in event.lines)]
    texts += [tax.amount for tax in event.taxes] + [revenue.amount for revenue in event.recognised]
    return max(abs(minor(text, event.currency)) for text in texts)


def _uncounted(event: StatementIssued) -> Refused | None:
    """The refusal of more GPU-seconds than the books hold."""
    measured = event.measured
    counted = (measured.committed, measured.allocated, measured.used, measured.unused, measured.passed_on)
    return too_large(event.currency) if max(map(abs, counted)) > BOOKED_MAX else None


def as_open(event: StatementIssued) -> Statement:
    """A statement that is just being issued, as an open item."""
    return evolve(initial(), event).statements[event.statement]


def _emit(standing: Standing, event: AccountEvent) -> Emitted:
    return Emitted(stream=stream_of(standing.contract), event=event, counterparty=standing.customer)
