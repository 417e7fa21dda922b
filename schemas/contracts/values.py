"""What the parties of a contract agree on: the terms, section by section."""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from schemas.capacity.values import Fill, RecallRight, Tier
from schemas.contracts.charges import Category, Charge, amounts_of
from schemas.kernel.calendar import Unit, zone_of
from schemas.kernel.interval import Span
from schemas.kernel.money import digits, minor
from schemas.kernel.proration import Proration
from schemas.kernel.rounding import Rounding
from schemas.kernel.schedule import Schedule
from schemas.kernel.wire import Amount, Currency, Id, Instant, Name, Percent, Text
from schemas.message import Value

Party = Literal["supplier", "customer"]
RightParty = Literal["supplier", "customer", "either"]
Cause = Literal["convenience", "delivery_failure", "breach"]
Remedy = Literal["terminate_contract", "terminate_line", "reduce_fee"]
Permission = Literal["allowed", "consent", "forbidden"]
ConsentKind = Literal["sublease", "novation"]
Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]
Months = Annotated[int, msgspec.Meta(ge=0, le=1_200)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class Billing(Value):
    """How a statement is made. `close_days`: spans of 24 h after an interval's end, None = no timer."""

    zone: Annotated[str, msgspec.Meta(max_length=64)] = "UTC"
    interval: Unit = "month"
    proration: Proration = "second"
    rounding: Rounding = "half_up"
    due_days: Days = 30
    close_days: Days | None = None

    def __post_init__(self) -> None:
        """Refuse a zone that nobody knows.

        Raises:
            ValueError: not an IANA time zone.
        """
        zone_of(self.zone)


class Head(Value):
    """The line of another contract on which a subleased line lives."""

    contract: Name
    line: Id


class Delivery(Value):
    """By when a line must be there, and what the customer may do after the grace if it is not."""

    date_certain: Instant
    grace_days: Days | None = None
    grace_months: Months | None = None
    remedies: tuple[Remedy, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a grace said twice.

        Raises:
            ValueError: both days and months are given.
        """
        if self.grace_days is not None and self.grace_months is not None:
            raise ValueError("grace is given in days or in months, not in both")


class Line(Value):
    """GPUs promised over time: out of a pool of the supplier's own, or passed on from a head contract."""

    line: Id
    quantity: Schedule
    pool: Name | None = None
    from_: Head | None = msgspec.field(name="from", default=None)
    tier: Tier = Tier.FIRM
    fill: Fill = Fill.ALL
    delivery: Delivery | None = None

    def __post_init__(self) -> None:
        """Refuse a line with no source, or with two.

        Raises:
            ValueError: not exactly one of `pool` and `from`.
        """
        if (self.pool is None) == (self.from_ is None):
            raise ValueError("a line names its pool, or where it comes `from`: one of both")


class SlaTier(Value):
    """The credit where availability is strictly below `below`."""

    below: Percent
    credit_percent: Percent


class Sla(Value):
    """Credits for what was out of service, at most `cap_percent` of the interval's charges."""

    target: Percent
    tiers: tuple[SlaTier, ...] = ()
    cap_percent: Percent = "100"


class LateInterest(Value):
    """Simple interest, act/365, from the due date."""

    percent_per_year: Percent


class ExitFee(Value):
    """What leaving costs: a percentage of the remaining fixed fees, or an amount."""

    percent_of_remaining_fixed: Percent | None = None
    amount: Amount | None = None

    def __post_init__(self) -> None:
        """Refuse a fee said in no way, or in two.

        Raises:
            ValueError: not exactly one of percent and amount.
        """
        if (self.percent_of_remaining_fixed is None) == (self.amount is None):
            raise ValueError("a fee is percent_of_remaining_fixed or amount: one of both")


class TerminationRight(Value):
    """A way out. `notice_days` are spans of 24 h; the lock is an instant, or months from the term's start."""

    right: Id
    party: RightParty
    cause: Cause
    notice_days: Days = 0
    notice_not_before: Instant | None = None
    notice_not_before_months: Months | None = None
    fee: ExitFee | None = None

    def __post_init__(self) -> None:
        """Refuse a lock said twice.

        Raises:
            ValueError: both an instant and months are given.
        """
        if self.notice_not_before is not None and self.notice_not_before_months is not None:
            raise ValueError("a lock is an instant or months, not both")


class OptionTerms(Value):
    """What an option adds: another term, lines, charges."""

    term: Span | None = None
    lines: tuple[Line, ...] = ()
    charges: tuple[Charge, ...] = ()

    def __post_init__(self) -> None:
        """Refuse names that occur twice.

        Raises:
            ValueError: a line or charge is named twice.
        """
        _unique("line", (line.line for line in self.lines))
        _unique("charge", (charge.charge for charge in self.charges))


class Option(Value):
    """A right to more: a longer term, or more lines. It must be exercised before `exercise_by`."""

    option: Id
    kind: Literal["extend", "expand"]
    party: RightParty
    exercise_by: Instant
    terms: OptionTerms


class Transfer(Value):
    """What the customer may do with what it bought."""

    sublease: Permission = "allowed"
    novation: Permission = "consent"


class Tax(Value):
    """A tax category (UNCL 5305, such as S) and its rate."""

    category: Category
    rate_percent: Percent


class Reference(Value):
    """Where the contract is in another system, or a document of it by name and sha256."""

    system: Text | None = None
    id: Text | None = None
    name: Text | None = None
    sha256: Sha256 | None = None


class Terms(Value):
    """All that the parties agreed, as it holds at one instant.

    Each field is a *section*: an amendment replaces whole sections. Amounts are no finer than the currency.
    """

    supplier: Id
    customer: Id
    term: Span
    currency: Currency
    billing: Billing = Billing()
    lines: tuple[Line, ...] = ()
    charges: tuple[Charge, ...] = ()
    sla: Sla | None = None
    late_interest: LateInterest | None = None
    termination: tuple[TerminationRight, ...] = ()
    options: tuple[Option, ...] = ()
    recall: RecallRight | None = None
    transfer: Transfer = Transfer()
    tax: tuple[Tax, ...] = ()
    references: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        """Refuse names that occur twice and amounts finer than the currency.

        Raises:
            ValueError: says which.
        """
        digits(self.currency)
        _unique_names(self.lines, self.charges, self.termination, self.options)
        for option in self.options:
            for stated in amounts_of(option.terms.charges):
                minor(stated, self.currency)
        for stated in amounts_of(self.charges):
            minor(stated, self.currency)
        for right in self.termination:
            if right.fee is not None and right.fee.amount is not None:
                minor(right.fee.amount, self.currency)


class Changes(Value):
    """Sections that an amendment replaces, whole; those not given stay as they are."""

    supplier: Id | msgspec.UnsetType = msgspec.UNSET
    customer: Id | msgspec.UnsetType = msgspec.UNSET
    term: Span | msgspec.UnsetType = msgspec.UNSET
    currency: Currency | msgspec.UnsetType = msgspec.UNSET
    billing: Billing | msgspec.UnsetType = msgspec.UNSET
    lines: tuple[Line, ...] | msgspec.UnsetType = msgspec.UNSET
    charges: tuple[Charge, ...] | msgspec.UnsetType = msgspec.UNSET
    sla: Sla | msgspec.UnsetType | None = msgspec.UNSET
    late_interest: LateInterest | msgspec.UnsetType | None = msgspec.UNSET
    termination: tuple[TerminationRight, ...] | msgspec.UnsetType = msgspec.UNSET
    options: tuple[Option, ...] | msgspec.UnsetType = msgspec.UNSET
    recall: RecallRight | msgspec.UnsetType | None = msgspec.UNSET
    transfer: Transfer | msgspec.UnsetType = msgspec.UNSET
    tax: tuple[Tax, ...] | msgspec.UnsetType = msgspec.UNSET
    references: tuple[Reference, ...] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Refuse names that occur twice.

        Raises:
            ValueError: a line, charge, right or option is named twice.
        """
        _unique_names(self.lines or (), self.charges or (), self.termination or (), self.options or ())


class TermsPeriod(Value):
    """Terms that hold over `[start, end)`; None = without end."""

    start: Instant
    end: Instant | None
    terms: Terms


class CoveredTerms(Value):
    """A stretch of one section, laid by a change that begins later, which an amendment covers."""

    section: Text
    start: Instant
    end: Instant | None


class NovatedFrom(Value):
    """Where a contract that a novation made comes from.

    Attributes:
        contract: the old contract.
        effective_at: from when on this one holds.
        later: its versions of terms after the first, split like it.
        undivided: the old contract's terms without this novation: inside an interval this contract's running
            total is the rounded total of these less the rounded total of what the old one kept.
        kept: the old contract's terms with it, from `effective_at` on.
        origin: where the old contract came from, if a novation made it too: its running total is then such a
            difference itself.
        changed_at: from when on the old contract was rounded by itself, for an earlier change of its terms.
    """

    contract: Name
    effective_at: Instant
    later: tuple[TermsPeriod, ...] = ()
    undivided: tuple[TermsPeriod, ...] = ()
    kept: tuple[TermsPeriod, ...] = ()
    origin: "NovatedFrom | None" = None
    changed_at: Instant | None = None


def _unique_names(
    lines: tuple[Line, ...],
    charges: tuple[Charge, ...],
    rights: tuple[TerminationRight, ...],
    options: tuple[Option, ...],
) -> None:
    _unique("line", (line.line for line in lines))
    _unique("charge", (charge.charge for charge in charges))
    _unique("right", (right.right for right in rights))
    _unique("option", (option.option for option in options))


def _unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"the {what} {name} is named twice")
        seen.add(name)
