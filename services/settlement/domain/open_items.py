"""What is open in an account, where money goes, and what interest has accrued."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

import msgspec

from schemas.kernel.instants import seconds
from schemas.kernel.money import amount, minor
from schemas.kernel.rounding import rounded
from schemas.settlement import AccountEvent, Allocation, CreditApplied, PaymentAllocated, Remittance
from services.settlement.domain.account import Account, Payment, Statement

SECONDS_PER_DAY = 86_400
DAYS_PER_YEAR = 365


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Where an account stands at an instant, in minor units; `due` is what is not overdue."""

    due: int
    overdue: int
    disputed: int
    unapplied: int


def balance(state: Account, t: datetime, currency: str) -> Balance:
    """What was open at an instant, by what is known now. Overdue: after the due date."""
    due = overdue = disputed = 0
    for statement in state.statements.values():
        if statement.issued_at > t or statement.currency != currency:
            continue
        held = state.disputed(statement.id, t)
        rest = statement.open_at(t) - held
        disputed += held
        if t > statement.due_at:
            overdue += rest
        else:
            due += rest
    waiting = sum(
        payment.unapplied(t)
        for payment in state.payments.values()
        if payment.recorded.received_at <= t and payment.recorded.currency == currency
    )
    return Balance(due=due, overdue=overdue, disputed=disputed, unapplied=waiting)


class Tray:
    """The open items of an account while money is being laid on them; nothing in the account changes."""

    def __init__(self, state: Account, contract: str) -> None:
        """Take what is open now: contested parts are left out."""
        self._state, self._contract = state, contract
        self._statements: dict[str, Statement] = dict(state.statements)
        self._open = {id_: s.open_at() - state.disputed(id_) for id_, s in state.statements.items()}
        self._waiting: list[tuple[Payment, int]] = [
            (payment, payment.unapplied()) for payment in state.payments.values() if payment.unapplied() > 0
        ]
        self.events: list[AccountEvent] = []

    def add(self, statement: Statement) -> None:
        """A statement that is being issued."""
        self._statements[statement.id] = statement
        self._open[statement.id] = statement.total

    def reduce(self, statement: str, by: int) -> None:
        """A part of a statement was given back."""
        self._open[statement] -= by

    def release(self, statement: str, dispute: str, upheld: int) -> None:
        """A dispute of a statement is decided: what it held is open again, less what is upheld."""
        others = self._state.disputed(statement, without=dispute)
        self._open[statement] = self._statements[statement].open_at() - upheld - others

    def take(self, payment: Payment, remittance: Iterable[Remittance]) -> None:
        """A payment that is being recorded: first where its payer wants it, then oldest due."""
        left = payment.amount
        parts: dict[str, int] = {}
        for wish in remittance:
            left -= self._lay(parts, wish.statement, min(left, minor(wish.amount, payment.recorded.currency)))
        self._pay(payment, left, parts)

    def settle(self, at: datetime) -> None:
        """Lay what waits on what is open: credits first, then payments as they were received."""
        for source in [id_ for id_, rest in self._open.items() if rest < 0]:
            parts: dict[str, int] = {}
            self._spread(parts, -self._open[source], self._statements[source].currency)
            if parts:
                self._open[source] += sum(parts.values())
                self.events.append(
                    CreditApplied(
                        contract=self._contract,
                        statement=source,
                        currency=self._statements[source].currency,
                        allocations=self._allocations(parts, at),
                    )
                )
        for payment, left in sorted(self._waiting, key=lambda found: _received(found[0])):
            self._pay(payment, left, {})
        self._waiting = []

    def _pay(self, payment: Payment, left: int, parts: dict[str, int]) -> None:
        self._spread(parts, left, payment.recorded.currency)
        if parts:
            self.events.append(
                PaymentAllocated(
                    contract=self._contract,
                    payment=payment.recorded.payment,
                    currency=payment.recorded.currency,
                    allocations=self._allocations(parts, payment.recorded.received_at),
                )
            )

    def _spread(self, parts: dict[str, int], left: int, currency: str) -> int:
        for statement in sorted(self._statements.values(), key=lambda s: (s.due_at, s.id)):
            if left > 0 and statement.currency == currency:
                left -= self._lay(parts, statement.id, left)
        return left

    def _lay(self, parts: dict[str, int], statement: str, wanted: int) -> int:
        laid = max(0, min(wanted, self._open[statement]))
        if laid:
            parts[statement] = parts.get(statement, 0) + laid
            self._open[statement] -= laid
        return laid

    def _allocations(self, parts: Mapping[str, int], since: datetime) -> tuple[Allocation, ...]:
        return tuple(
            Allocation(
                statement=id_,
                amount=amount(part, self._statements[id_].currency),
                at=max(since, self._statements[id_].issued_at),
            )
            for id_, part in parts.items()
        )


def _received(payment: Payment) -> tuple[datetime, str]:
    return payment.recorded.received_at, payment.recorded.payment


def accrued_interest(state: Account, rates: Mapping[str, Fraction], t: datetime, currency: str) -> int:
    """Simple interest on what is overdue and not contested, in minor units, rounded once over all statements.

    Whole days of each piece between payments, over 365; on late interest itself none accrues. `rates` gives
    the yearly rate by statement; one that is not in it bears none.
    """
    exact = sum(
        (
            _accrued(state, statement, t) * rates[statement.id]
            for statement in state.statements.values()
            if statement.id in rates and statement.currency == currency and statement.due_at < t
        ),
        Fraction(0),
    )
    return rounded(exact / DAYS_PER_YEAR, "half_up")


def claimable(state: Account, rates: Mapping[str, Fraction], t: datetime, currency: str) -> int:
    """What has accrued by an instant less what was claimed; never below zero."""
    return max(0, accrued_interest(state, rates, t, currency) - state.interest_claimed.get(currency, 0))


def _accrued(state: Account, statement: Statement, t: datetime) -> int:
    """Minor units x whole days overdue."""
    marks = {statement.due_at, t}
    marks.update(change.at for change in statement.changes)
    for dispute in state.disputes.values():
        if dispute.statement == statement.id:
            marks.add(dispute.opened_at)
            marks.update(() if dispute.resolved_at is None else (dispute.resolved_at,))
    edges = sorted(mark for mark in marks if statement.due_at <= mark <= t)
    days_on = 0
    for begin, end in pairwise(edges):
        bearing = statement.open_at(begin) - state.disputed(statement.id, begin)
        days = (seconds(end) - seconds(begin)) // SECONDS_PER_DAY
        days_on += max(0, min(bearing, statement.total - statement.interest)) * days
    return days_on
