"""Double entry: every event of an account as a group of postings that sums to zero. Debits are positive.

The balances of what is open follow from the account itself; the other legs from the event. A second book, in
GPU-seconds, has the same form. Where a tenant's books have another currency, a group is booked at the day's
rate; what is open is remeasured at each interval's end, the difference realised at payment (`FXGainLoss`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import assert_never

import msgspec

from schemas.kernel.money import digits, minor
from schemas.kernel.rounding import round_half_up
from schemas.settlement import (
    AccountEvent,
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
from services.settlement.domain.account import LATE_INTEREST, Account, evolve, initial
from services.settlement.domain.book import Book

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


class RateMissingError(LookupError):
    """Something cannot be booked, since no rate is known for its day."""

    def __init__(self, currency: str, at: datetime) -> None:
        """Name the currency and the instant."""
        super().__init__(f"no rate for {currency} on {at:%Y-%m-%d}")
        self.currency, self.at = currency, at


class Ledger:
    """The books of one tenant, as its accounts' events are posted one after the other."""

    def __init__(self, book: Book) -> None:
        """Take the currency and rates of the books."""
        self._book = book
        self._accounts: dict[str, Account] = {}
        self._carried: dict[tuple[str, str], tuple[int, int]] = {}
        self.groups: list[Group] = []

    def post(self, event: AccountEvent) -> None:
        """Post one event of an account, in the order recorded.

        Raises:
            RateMissingError: the books have another currency and no rate is known.
        """
        state = self._accounts.setdefault(event.contract, initial())
        before = balances(state)
        evolve(state, event)
        after = balances(state)
        found = booked_at(event)
        if found is None:
            return
        at, cause, currency = found
        legs = {name: after[name] - before[name] for name in after}
        for name, part in other_legs(event).items():
            legs[name] = legs.get(name, 0) + part
        legs = {name: part for name, part in legs.items() if part}
        assert not sum(legs.values()), f"{cause} does not balance: {legs}"
        if isinstance(event, StatementIssued):
            self._remeasure(event)
        if legs:
            self.groups.append(self._group(at, event.contract, cause, currency, legs))
        if isinstance(event, StatementIssued):
            self.groups += gpu_groups(event)

    def _group(
        self, at: datetime, contract: str, cause: str, currency: str, legs: Mapping[str, int]
    ) -> Group:
        books = self._book.currency or currency
        if books == currency:
            postings = tuple(Posting(account=name, amount=part) for name, part in legs.items())
            return Group(
                at=at,
                contract=contract,
                cause=cause,
                currency=currency,
                original_currency=None,
                postings=postings,
            )
        worth = {name: self._worth(contract, name, part, currency, at) for name, part in legs.items()}
        gain = -sum(worth.values())
        made = [Posting(account=n, amount=worth[n], original=legs[n]) for n in legs]
        if gain:
            made.append(Posting(account=FX, amount=gain, original=0))
        return Group(
            at=at,
            contract=contract,
            cause=cause,
            currency=books,
            original_currency=currency,
            postings=tuple(made),
        )

    def _worth(self, contract: str, name: str, part: int, currency: str, at: datetime) -> int:
        """A leg in the books' currency: what falls leaves as it is carried, the rest at the day's rate."""
        value = self._at_rate(part, currency, at)
        if name not in MONETARY:
            return value
        held, carried = self._carried.get((contract, name), (0, 0))
        if held and (held > 0) != (part > 0):
            leaving = part if abs(part) <= abs(held) else -held
            value = round_half_up(Fraction(carried * leaving, held))
            value += self._at_rate(part - leaving, currency, at)
        self._carried[contract, name] = (held + part, carried + value)
        return value

    def _at_rate(self, part: int, currency: str, at: datetime) -> int:
        rate = self._book.rate_on(currency, at.date())
        if rate is None:
            raise RateMissingError(currency, at)
        books = self._book.currency or currency
        return round_half_up(part * rate * Fraction(10) ** (digits(books) - digits(currency)))

    def _remeasure(self, event: StatementIssued) -> None:
        if self._book.currency in (None, event.currency):
            return
        at, contract = event.interval.end, event.contract
        moved: dict[str, int] = {}
        for name in MONETARY:
            held, carried = self._carried.get((contract, name), (0, 0))
            worth = self._at_rate(held, event.currency, at)
            if worth != carried:
                moved[name] = worth - carried
                self._carried[contract, name] = (held, worth)
        if moved:
            legs = {**moved, FX: -sum(moved.values())}
            self.groups.append(
                Group(
                    at=at,
                    contract=contract,
                    cause=f"remeasurement for {event.statement}",
                    currency=self._book.currency or event.currency,
                    original_currency=event.currency,
                    postings=tuple(Posting(account=n, amount=v, original=0) for n, v in legs.items()),
                )
            )


def balances(state: Account) -> dict[str, int]:
    """What the account itself says of the balances: open items, waiting money, the contract's position."""
    opens = {id_: statement.open_at() for id_, statement in state.statements.items()}
    disputed = sum(state.disputed(id_) for id_ in opens)
    billed = sum(s.net - s.interest for s in state.statements.values())
    ahead = billed - sum(state.booked.values())
    return {
        RECEIVABLE: sum(max(0, left) for left in opens.values()) - disputed,
        DISPUTED: disputed,
        CUSTOMER_CREDIT: sum(min(0, left) for left in opens.values()),
        UNAPPLIED_CASH: -sum(payment.unapplied() for payment in state.payments.values()),
        DEFERRED: -max(0, ahead),
        UNBILLED: max(0, -ahead),
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
        case PaymentAllocated():
            return max(part.at for part in event.allocations), event.payment, event.currency
        case CreditApplied():
            return max(part.at for part in event.allocations), event.statement, event.currency
        case DisputeOpened():
            return event.opened_at, event.dispute, event.currency
        case DisputeResolved():
            return event.resolved_at, event.dispute, event.currency
        case StatementNetted():
            return event.value_date, event.netting, event.currency
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
