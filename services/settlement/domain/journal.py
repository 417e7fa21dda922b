"""Double entry: every event of an account as a group of postings that sums to zero. Debits are positive.

The balances of what is open follow from the account itself; the other legs from the event. A second book, in
GPU-seconds, has the same form. What it comes to in the currency of a tenant's books is in `valuing`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import assert_never

import msgspec

from schemas.kernel.money import minor
from schemas.settlement import (
    AccountEvent,
    AccountRemeasured,
    CreditApplied,
    CreditNoteIssued,
    DisputeOpened,
    DisputeResolved,
    InterestClaimed,
    IntervalClosed,
    Measured,
    PaymentAllocated,
    PaymentRecorded,
    RulebookMoved,
    StatementIssued,
    StatementNetted,
)
from services.settlement.domain.account import LATE_INTEREST, Account, evolve

GPU_SECOND = "GPU-second"
CASH = "Cash"
RECEIVABLE = "Receivable"
DISPUTED = "Disputed"
CUSTOMER_CREDIT = "CustomerCredit"
UNAPPLIED_CASH = "UnappliedCash"
UNBILLED = "UnbilledRevenue"
DEFERRED = "DeferredRevenue"
TAX = "TaxPayable"
CLEARING = "NettingClearing"
CREDITS = "Income:SLACredits"
INTEREST = "Income:LateInterest"
FX = "FXGainLoss"
MONETARY = (RECEIVABLE, DISPUTED, CUSTOMER_CREDIT, UNAPPLIED_CASH)


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """One leg, in minor units of the group's currency; `original` in the contract's where that is another."""

    account: str
    amount: int
    original: int | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Postings that sum to zero. `currency` is an ISO code, or GPU-second; `cause` what it is about."""

    at: datetime
    contract: str
    cause: str
    currency: str
    original_currency: str | None
    postings: tuple[Posting, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What one event comes to before it is valued: legs in minor units of the contract's currency.

    Attributes:
        remeasured: the instant at which what is open is valued anew; None where it is not.
        gpu: the groups of the book in GPU-seconds.
    """

    at: datetime
    contract: str
    cause: str
    currency: str
    legs: Mapping[str, int]
    remeasured: datetime | None
    gpu: tuple[Group, ...]


def entry(state: Account, event: AccountEvent) -> Entry | None:
    """The entry of one more event of an account, in the order recorded; the state given is changed.

    None for what moves no money.
    """
    before = balances(state)
    evolve(state, event)
    after = balances(state)
    found = booked_at(event)
    if found is None:
        return None
    at, cause, currency = found
    legs = {name: after[name] - before[name] for name in after}
    for name, part in other_legs(event).items():
        legs[name] = legs.get(name, 0) + part
    assert not sum(legs.values()), f"{cause} does not balance: {legs}"
    return Entry(
        at=at,
        contract=event.contract,
        cause=cause,
        currency=currency,
        legs={name: part for name, part in legs.items() if part},
        remeasured=_remeasured(event),
        gpu=tuple(gpu_groups(event)) if isinstance(event, StatementIssued) else (),
    )


def _remeasured(event: AccountEvent) -> datetime | None:
    match event:
        case StatementIssued():
            return event.interval.end
        case AccountRemeasured():
            return event.at
        case _:
            return None


def balances(state: Account) -> dict[str, int]:
    """What the account itself says of the balances: open items, waiting money, the contract's position.

    Over all currencies: an event changes those of its own alone.
    """
    opens = {id_: statement.open_at() for id_, statement in state.statements.items()}
    disputed = sum(state.disputed(id_) for id_ in opens)
    return {
        RECEIVABLE: sum(max(0, left) for left in opens.values()) - disputed,
        DISPUTED: disputed,
        CUSTOMER_CREDIT: sum(min(0, left) for left in opens.values()),
        UNAPPLIED_CASH: -sum(payment.unapplied() for payment in state.payments.values()),
        DEFERRED: -sum(max(0, ahead) for ahead in state.ahead.values()),
        UNBILLED: sum(max(0, -ahead) for ahead in state.ahead.values()),
    }


def booked_at(event: AccountEvent) -> tuple[datetime, str, str] | None:
    """When an event is booked, what it is about, and its currency; None for what moves no money."""
    match event:
        case StatementIssued():
            return event.issued_at, event.statement, event.currency
        case CreditNoteIssued():
            return event.issued_at, f"{event.statement} {event.credit_note}", event.currency
        case PaymentRecorded():
            return event.received_at, event.payment, event.currency
        case PaymentAllocated() | CreditApplied():
            cause = event.payment if isinstance(event, PaymentAllocated) else event.statement
            return max(part.at for part in event.allocations), cause, event.currency
        case DisputeOpened():
            return event.opened_at, event.dispute, event.currency
        case DisputeResolved():
            return event.resolved_at, event.dispute, event.currency
        case StatementNetted():
            return event.value_date, event.netting, event.currency
        case AccountRemeasured():
            return event.at, f"{event.at:%Y-%m-%d}", ""
        case IntervalClosed() | InterestClaimed() | RulebookMoved():
            return None
        case _:
            assert_never(event)


def other_legs(event: AccountEvent) -> dict[str, int]:
    """The legs that the account's own balances do not have."""
    match event:
        case StatementIssued():
            interest = sum(_minor(x.amount, event) for x in event.lines if x.kind == LATE_INTEREST)
            legs = {TAX: -sum(_minor(tax.amount, event) for tax in event.taxes), INTEREST: -interest}
            for revenue in event.recognised:
                legs[revenue.account] = legs.get(revenue.account, 0) - _minor(revenue.amount, event)
            return legs
        case CreditNoteIssued():
            return {
                CREDITS: minor(event.net, event.currency),
                TAX: sum(minor(tax.amount, event.currency) for tax in event.taxes),
            }
        case PaymentRecorded():
            return {CASH: minor(event.amount, event.currency)}
        case DisputeResolved():
            return {CREDITS: minor(event.upheld, event.currency)}
        case StatementNetted():
            return {CLEARING: minor(event.amount, event.currency)}
        case _:
            return {}


def _minor(text: str, event: StatementIssued) -> int:
    return minor(text, event.currency)


def gpu_groups(event: StatementIssued) -> list[Group]:
    """The book in GPU-seconds: committed becomes allocated; allocated used, passed on or unused."""
    m: Measured = event.measured
    there = {"Committed": -m.allocated, "Allocated": m.allocated}
    gone = {"Allocated": -m.allocated, "Used": m.used, "PassedOn": m.passed_on, "Unused": m.unused}
    return [
        Group(
            at=event.issued_at,
            contract=event.contract,
            cause=event.statement,
            currency=GPU_SECOND,
            original_currency=None,
            postings=tuple(Posting(account=name, amount=part) for name, part in legs.items() if part),
        )
        for legs in (there, gone)
        if any(legs.values())
    ]


def trial(groups: Iterable[Group]) -> dict[tuple[str, str], int]:
    """The balance of each account, by account and currency."""
    totals: dict[tuple[str, str], int] = {}
    for group in groups:
        for posting in group.postings:
            key = (posting.account, group.currency)
            totals[key] = totals.get(key, 0) + posting.amount
    return dict(sorted(totals.items()))
