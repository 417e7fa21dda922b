"""Disputes: a customer contests a part of a statement, the supplier decides."""

from schemas.decision import Emitted, Order, Outcome, Refused, States
from schemas.kernel.money import amount
from schemas.settlement import (
    AccountEvent,
    DisputeOpened,
    DisputeResolved,
    OpenDispute,
    ResolveDispute,
    SettlementRejection,
)
from services.settlement.domain.account import Account, Contested
from services.settlement.domain.open_items import Tray
from services.settlement.domain.receipts import in_currency
from services.settlement.domain.standing import Standing, not_theirs, statement_name, stream_of


def open_dispute(states: States, order: Order[OpenDispute]) -> Outcome:
    """Contest a part of what is open of a statement."""
    refused = not_theirs(order, "customer")
    if refused is not None:
        return refused
    standing: Standing = order.facts
    state: Account = states[stream_of(standing.contract)]
    command = order.command
    statement = state.statements.get(statement_name(command.statement, order))
    if statement is None:
        return Refused(SettlementRejection.STATEMENT_UNKNOWN)
    value = in_currency(command.amount, statement.currency)
    known = state.disputes.get(command.dispute)
    if known is not None and _same(known, statement.id, value, command.reason):
        return []
    left = statement.open_at() - state.disputed(statement.id)
    if value is not None and not 0 < value <= left:
        return Refused(
            SettlementRejection.EXCEEDS_REMAINING, {"remaining": amount(max(0, left), statement.currency)}
        )
    if known is not None:
        return Refused(SettlementRejection.PAYMENT_EXISTS_OTHERWISE, {"dispute": command.dispute})
    if value is None:
        return Refused(SettlementRejection.CURRENCY_MISMATCH, {"currency": statement.currency})
    event = DisputeOpened(
        contract=standing.contract,
        dispute=command.dispute,
        statement=statement.id,
        currency=statement.currency,
        amount=amount(value, statement.currency),
        reason=command.reason,
        opened_at=order.effective_at,
    )
    return [_emit(standing, event)]


def resolve_dispute(states: States, order: Order[ResolveDispute]) -> Outcome:
    """Give the customer what is upheld; the rest is due again, and money that waits is laid on it."""
    refused = not_theirs(order)
    if refused is not None:
        return refused
    standing: Standing = order.facts
    state: Account = states[stream_of(standing.contract)]
    command = order.command
    known = state.disputes.get(command.dispute)
    currency = standing.currency if known is None else state.statements[known.statement].currency
    upheld = in_currency(command.upheld, currency)
    if known is not None and upheld is not None and not 0 <= upheld <= known.amount:
        return Refused(SettlementRejection.EXCEEDS_REMAINING, {"remaining": amount(known.amount, currency)})
    if known is None:
        return Refused(SettlementRejection.DISPUTE_UNKNOWN)
    if known.resolved_at is not None:
        same = upheld == known.upheld
        return [] if same else Refused(SettlementRejection.DISPUTE_UNKNOWN, {"resolved": True})
    if upheld is None:
        return Refused(SettlementRejection.CURRENCY_MISMATCH, {"currency": currency})
    event = DisputeResolved(
        contract=standing.contract,
        dispute=command.dispute,
        statement=known.statement,
        currency=currency,
        upheld=amount(upheld, currency),
        resolved_at=order.effective_at,
    )
    tray = Tray(state, standing.contract)
    tray.release(known.statement, command.dispute, upheld)
    tray.settle(order.effective_at)
    return [_emit(standing, made) for made in (event, *tray.events)]


def _same(known: Contested, statement: str, value: int | None, reason: str) -> bool:
    return known.statement == statement and known.amount == value and known.reason == reason


def _emit(standing: Standing, event: AccountEvent) -> Emitted:
    return Emitted(stream=stream_of(standing.contract), event=event, counterparty=standing.customer)
