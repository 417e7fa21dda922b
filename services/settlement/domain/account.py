"""The account of one contract: what was billed, paid, given back, contested and claimed.

INITIAL, then `evolve`; the deciders are in `issuing`, `receipts` and `disputes`. Amounts are minor units of
the statement's currency.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, TypeAlias, assert_never

import msgspec

from schemas.kernel.interval import Interval
from schemas.kernel.money import minor
from schemas.settlement import (
    AccountEvent,
    AccountRemeasured,
    BasisEntry,
    BilledLine,
    CreditApplied,
    CreditNoteIssued,
    DisputeOpened,
    DisputeResolved,
    InterestClaimed,
    IntervalClosed,
    Kind,
    Measured,
    PaymentAllocated,
    PaymentRecorded,
    RulebookMoved,
    StatementIssued,
    StatementNetted,
    TaxEntry,
)
from services.settlement.domain.intervals import Issued

LATE_INTEREST: Final = "late_interest"
Key: TypeAlias = tuple[Kind, str | None]
"""Kind and charge: what corrections are reckoned by."""


class Change(msgspec.Struct, frozen=True):
    """By how much a statement's open amount fell (rose, if negative) at an instant, and why."""

    at: datetime
    amount: int
    cause: str


class Contested(msgspec.Struct, kw_only=True):
    """A dispute: open from `opened_at` until `resolved_at`."""

    statement: str
    amount: int
    reason: str
    opened_at: datetime
    resolved_at: datetime | None = None
    upheld: int = 0


class TaxDue(msgspec.Struct, kw_only=True):
    """One tax entry of a statement, and what of its tax was given back by credit notes."""

    category: str
    rate_percent: str
    base: int
    amount: int
    credited: int = 0


class Statement(msgspec.Struct, kw_only=True):
    """An issued statement and what became of it. `interest` is what of its net is late interest."""

    id: str
    interval: Interval
    currency: str
    net: int
    total: int
    interest: int
    taxes: list[TaxDue]
    issued_at: datetime
    due_at: datetime
    changes: list[Change] = []
    credited_net: int = 0

    def open_at(self, t: datetime | None = None) -> int:
        """What of it is not settled, at an instant or as it ends up; negative if too much was given back."""
        return self.total - sum(change.amount for change in self.changes if t is None or change.at <= t)


class Payment(msgspec.Struct, kw_only=True):
    """Money received; `allocated` is what went to statements, with when."""

    recorded: PaymentRecorded
    amount: int
    allocated: list[Change] = []

    def unapplied(self, t: datetime | None = None) -> int:
        """What waits, at an instant or as it ends up."""
        return self.amount - sum(part.amount for part in self.allocated if t is None or part.at <= t)


class Billed(msgspec.Struct, kw_only=True):
    """What was billed of one interval, kind and charge, with the tax entry it was billed under."""

    amount: int
    category: str | None
    rate_percent: str | None


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """What was known when an interval was issued right after the one before it.

    From then on, what is billed of it and of all before it is what f said of them at that basis. `used`: the
    GPU-seconds of use measured to its end.
    """

    end: datetime
    basis: tuple[BasisEntry, ...]
    used: int


class Account(msgspec.Struct, kw_only=True):
    """Everything that was recorded in one account.

    Attributes:
        statements: by id, in the order issued.
        issued: what was fixed for each interval, by its start.
        billed: by the start of the interval concerned, then kind and charge; late interest apart.
        closed: interval starts.
        rulebooks: moved intervals, by start.
        booked: revenue by account; `measured` GPU-seconds likewise.
        ahead: by currency, what was billed, late interest left out, less the revenue booked; below zero too.
        reached: by start of the interval, of those issued in their turn.
        interest_claimed, interest_billed: all late interest so far, by currency.
        remeasured: at which ends of intervals what was open was valued anew for the books.
    """

    statements: dict[str, Statement] = {}
    issued: dict[datetime, Issued] = {}
    by_interval: dict[datetime, str] = {}
    billed: dict[datetime, dict[Key, Billed]] = {}
    closed: set[datetime] = set()
    rulebooks: dict[datetime, int] = {}
    notes: dict[str, CreditNoteIssued] = {}
    payments: dict[str, Payment] = {}
    disputes: dict[str, Contested] = {}
    interest_claimed: dict[str, int] = {}
    interest_billed: dict[str, int] = {}
    netted: set[tuple[str, str]] = set()
    booked: dict[str, int] = {}
    ahead: dict[str, int] = {}
    measured: Measured = Measured()
    reached: dict[datetime, Reached] = {}
    remeasured: set[datetime] = set()

    def disputed(self, statement: str, t: datetime | None = None, without: str | None = None) -> int:
        """What of a statement is contested, at an instant or now; never more than is open."""
        held = sum(
            found.amount
            for name, found in self.disputes.items()
            if found.statement == statement and name != without and _stands(found, t)
        )
        return min(held, max(0, self.statements[statement].open_at(t)))

    def holds_foreign(self, books: str, t: datetime) -> bool:
        """Whether something is open at an instant, or money waits, in another currency than the books'."""
        return any(
            found.currency != books and found.issued_at <= t and found.open_at(t)
            for found in self.statements.values()
        ) or any(
            found.recorded.currency != books and found.recorded.received_at <= t and found.unapplied(t)
            for found in self.payments.values()
        )


def _stands(found: Contested, t: datetime | None) -> bool:
    if t is None:
        return found.resolved_at is None
    return found.opened_at <= t and (found.resolved_at is None or t < found.resolved_at)


def initial() -> Account:
    """The account of a contract of which nothing was recorded."""
    return Account()


def evolve(state: Account, event: AccountEvent) -> Account:
    """The account after one more event; the state given is changed."""
    match event:
        case StatementIssued():
            _issued(state, event)
        case IntervalClosed():
            state.closed.add(event.interval.start)
        case RulebookMoved():
            start = event.interval.start
            state.rulebooks[start] = event.rulebook
            state.reached = {at: kept for at, kept in state.reached.items() if at < start}
        case AccountRemeasured():
            state.remeasured.add(event.at)
        case InterestClaimed():
            claimed = state.interest_claimed.get(event.currency, 0)
            state.interest_claimed[event.currency] = claimed + minor(event.amount, event.currency)
        case DisputeOpened():
            state.disputes[event.dispute] = Contested(
                statement=event.statement,
                amount=minor(event.amount, event.currency),
                reason=event.reason,
                opened_at=event.opened_at,
            )
        case DisputeResolved():
            _resolved(state, event)
        case CreditNoteIssued() | StatementNetted():
            _reduced(state, event)
        case PaymentRecorded() | PaymentAllocated() | CreditApplied():
            _paid(state, event)
        case _:
            assert_never(event)
    return state


def _issued(state: Account, event: StatementIssued) -> None:
    lines = [(line, minor(line.amount, event.currency)) for line in event.lines]
    interest = sum(amount for line, amount in lines if line.kind == LATE_INTEREST)
    state.statements[event.statement] = Statement(
        id=event.statement,
        interval=event.interval,
        currency=event.currency,
        net=minor(event.net, event.currency),
        total=minor(event.total, event.currency),
        interest=interest,
        taxes=[_tax(entry, event.currency) for entry in event.taxes],
        issued_at=event.issued_at,
        due_at=event.due_at,
        changes=[],
    )
    ends = [issued.interval.end for issued in state.issued.values()]
    in_turn = not ends or event.interval.start == max(ends)
    state.issued[event.interval.start] = Issued(
        interval=event.interval,
        calendar=event.calendar,
        label=event.statement.removeprefix(event.contract + "-"),
        zone=event.zone,
        rounding=event.rounding,
        currency=event.currency,
        rulebook=event.rulebook,
    )
    state.by_interval[event.interval.start] = event.statement
    state.interest_billed[event.currency] = state.interest_billed.get(event.currency, 0) + interest
    _bill(state, lines)
    ahead = state.ahead.get(event.currency, 0) + minor(event.net, event.currency) - interest
    for revenue in event.recognised:
        booked = minor(revenue.amount, event.currency)
        state.booked[revenue.account] = state.booked.get(revenue.account, 0) + booked
        ahead -= booked
    state.ahead[event.currency] = ahead
    state.measured = plus(state.measured, event.measured)
    if in_turn:
        used = state.measured.used
        state.reached[event.interval.start] = Reached(end=event.interval.end, basis=event.basis, used=used)


def _bill(state: Account, lines: Iterable[tuple[BilledLine, int]]) -> None:
    for line, amount in lines:
        if line.kind != LATE_INTEREST:
            kept = state.billed.setdefault(line.interval.start, {})
            fresh = Billed(amount=0, category=line.category, rate_percent=line.rate_percent)
            kept.setdefault((line.kind, line.charge), fresh).amount += amount


def _tax(entry: TaxEntry, currency: str) -> TaxDue:
    return TaxDue(
        category=entry.category,
        rate_percent=entry.rate_percent,
        base=minor(entry.base, currency),
        amount=minor(entry.amount, currency),
    )


def plus(a: Measured, b: Measured, sign: int = 1) -> Measured:
    """The sum of two measurements (the difference, for sign -1)."""
    names: tuple[str, ...] = Measured.__struct_fields__
    return Measured(**{name: getattr(a, name) + sign * getattr(b, name) for name in names})


def _resolved(state: Account, event: DisputeResolved) -> None:
    dispute = state.disputes[event.dispute]
    dispute.resolved_at = event.resolved_at
    dispute.upheld = minor(event.upheld, event.currency)
    if dispute.upheld:
        change = Change(event.resolved_at, dispute.upheld, event.dispute)
        state.statements[event.statement].changes.append(change)


def _reduced(state: Account, event: CreditNoteIssued | StatementNetted) -> None:
    statement = state.statements[event.statement]
    match event:
        case CreditNoteIssued():
            statement.changes.append(
                Change(event.issued_at, minor(event.total, event.currency), event.credit_note)
            )
            statement.credited_net += minor(event.net, event.currency)
            credited: Mapping[tuple[str, str], str] = {
                (entry.category, entry.rate_percent): entry.amount for entry in event.taxes
            }
            for tax in statement.taxes:
                given = credited.get((tax.category, tax.rate_percent))
                tax.credited += 0 if given is None else minor(given, event.currency)
            state.notes[event.credit_note] = event
        case StatementNetted():
            statement.changes.append(
                Change(event.value_date, minor(event.amount, event.currency), event.netting)
            )
            state.netted.add((event.netting, event.statement))
        case _:
            assert_never(event)


def _paid(state: Account, event: PaymentRecorded | PaymentAllocated | CreditApplied) -> None:
    match event:
        case PaymentRecorded():
            amount = minor(event.amount, event.currency)
            state.payments[event.payment] = Payment(recorded=event, amount=amount, allocated=[])
        case PaymentAllocated():
            payment = state.payments[event.payment]
            for part in event.allocations:
                change = Change(part.at, minor(part.amount, event.currency), event.payment)
                payment.allocated.append(change)
                state.statements[part.statement].changes.append(change)
        case CreditApplied():
            source = state.statements[event.statement]
            for part in event.allocations:
                amount = minor(part.amount, event.currency)
                state.statements[part.statement].changes.append(Change(part.at, amount, event.statement))
                source.changes.append(Change(part.at, -amount, part.statement))
        case _:
            assert_never(event)
