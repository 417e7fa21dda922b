"""What settlement records. Names are qualified; amounts have all digits of their currency."""

from datetime import date
from typing import TypeAlias

from schemas.kernel.interval import Interval
from schemas.kernel.rounding import Rounding
from schemas.kernel.wire import Instant
from schemas.message import Event
from schemas.settlement.values import (
    Allocation,
    AmountText,
    BasisEntry,
    BilledLine,
    CurrencyCode,
    Measured,
    NettedStatement,
    NettingPayment,
    Recognised,
    Remittance,
    TaxEntry,
    UndeterminedFee,
)


class StatementIssued(Event, tag="settlement.StatementIssued.v1"):
    """What is owed for an interval, computed from what was known at `basis`. Never changes.

    `digest` is the SHA-256, in hex, of everything a reader of the statement sees. `calendar` is the whole
    calendar interval that shares are taken of; `zone` and `rounding` are those that the interval goes by.
    """

    statement: str
    contract: str
    interval: Interval
    currency: CurrencyCode
    rulebook: int
    net: AmountText
    total: AmountText
    calendar: Interval
    zone: str
    rounding: Rounding
    issued_at: Instant
    due_at: Instant
    basis: tuple[BasisEntry, ...]
    digest: str
    lines: tuple[BilledLine, ...] = ()
    taxes: tuple[TaxEntry, ...] = ()
    undetermined: tuple[UndeterminedFee, ...] = ()
    provisional: bool = False
    recognised: tuple[Recognised, ...] = ()
    measured: Measured = Measured()


class IntervalClosed(Event, tag="settlement.IntervalClosed.v1"):
    """Nothing more is issued for the interval; what comes later is a correction on the next statement."""

    contract: str
    interval: Interval
    statement: str


class CreditNoteIssued(Event, tag="settlement.CreditNoteIssued.v1"):
    """A part of a statement was given back."""

    contract: str
    credit_note: str
    statement: str
    currency: CurrencyCode
    net: AmountText
    total: AmountText
    reason: str
    issued_at: Instant
    taxes: tuple[TaxEntry, ...] = ()


class PaymentRecorded(Event, tag="settlement.PaymentRecorded.v1"):
    """Money was received."""

    contract: str
    payment: str
    currency: CurrencyCode
    amount: AmountText
    received_at: Instant
    remittance: tuple[Remittance, ...] = ()


class PaymentAllocated(Event, tag="settlement.PaymentAllocated.v1"):
    """Parts of a payment went to statements; the rest waits."""

    contract: str
    payment: str
    currency: CurrencyCode
    allocations: tuple[Allocation, ...]


class CreditApplied(Event, tag="settlement.CreditApplied.v1"):
    """Parts of a credit (a statement whose open amount is below zero) went to other statements."""

    contract: str
    statement: str
    currency: CurrencyCode
    allocations: tuple[Allocation, ...]


class DisputeOpened(Event, tag="settlement.DisputeOpened.v1"):
    """The customer contests a part of a statement."""

    contract: str
    dispute: str
    statement: str
    currency: CurrencyCode
    amount: AmountText
    reason: str
    opened_at: Instant


class DisputeResolved(Event, tag="settlement.DisputeResolved.v1"):
    """A dispute was decided: `upheld` was given to the customer."""

    contract: str
    dispute: str
    statement: str
    currency: CurrencyCode
    upheld: AmountText
    resolved_at: Instant


class InterestClaimed(Event, tag="settlement.InterestClaimed.v1"):
    """Late interest was claimed; `amount` is what had accrued less what was claimed before."""

    contract: str
    currency: CurrencyCode
    amount: AmountText
    up_to: Instant


class RulebookMoved(Event, tag="settlement.RulebookMoved.v1"):
    """An interval is computed by another rulebook from now on."""

    contract: str
    interval: Interval
    rulebook: int
    reason: str


class StatementNetted(Event, tag="settlement.StatementNetted.v1"):
    """A netting paid a statement."""

    contract: str
    statement: str
    netting: str
    currency: CurrencyCode
    amount: AmountText
    value_date: Instant


class AccountRemeasured(Event, tag="settlement.AccountRemeasured.v1"):
    """A billing interval ended at `at` while something was open in another currency than the books'."""

    contract: str
    at: Instant


class BookSet(Event, tag="settlement.BookSet.v1"):
    """The currency of a tenant's books."""

    currency: CurrencyCode


class RateRecorded(Event, tag="settlement.RateRecorded.v1"):
    """The rate of a day."""

    pair: str
    date: date
    rate: str


class NettingProposed(Event, tag="settlement.NettingProposed.v1"):
    """A netting as one party may see it: its own net and payments; as the proposer, everything."""

    netting: str
    proposer: str
    party: str
    parties: tuple[str, ...]
    currency: CurrencyCode
    value_date: Instant
    net: dict[str, AmountText]
    payments: tuple[NettingPayment, ...]
    statements: tuple[NettedStatement, ...]


class NettingAccepted(Event, tag="settlement.NettingAccepted.v1"):
    """One party accepted."""

    netting: str
    party: str


class NettingSettled(Event, tag="settlement.NettingSettled.v1"):
    """Everybody had accepted and the value date had come; as one party may see it."""

    netting: str
    party: str
    currency: CurrencyCode
    settled_at: Instant
    net: dict[str, AmountText]
    payments: tuple[NettingPayment, ...]
    statements: tuple[NettedStatement, ...]


class CostRecorded(Event, tag="settlement.CostRecorded.v1"):
    """What a pool's capacity cost its operator; in the currency of its books, USD if none was set."""

    pool: str
    interval: Interval
    currency: CurrencyCode
    amount: AmountText
    what: str


AccountEvent: TypeAlias = (
    StatementIssued
    | IntervalClosed
    | CreditNoteIssued
    | PaymentRecorded
    | PaymentAllocated
    | CreditApplied
    | DisputeOpened
    | DisputeResolved
    | InterestClaimed
    | RulebookMoved
    | StatementNetted
    | AccountRemeasured
)
BookEvent: TypeAlias = BookSet | RateRecorded
NettingEvent: TypeAlias = NettingProposed | NettingAccepted | NettingSettled
CostEvent: TypeAlias = CostRecorded
