"""What settlement can be asked."""

import msgspec

from schemas.kernel.interval import Interval
from schemas.kernel.wire import Currency, Id, Instant, Name
from schemas.message import Question
from schemas.settlement.values import StatementName


class StatementQuestion(Question):
    """Either an issued `statement`, or the preview of `interval` of `contract`."""

    contract: Name | None = None
    interval: Interval | None = None
    statement: StatementName | None = None


class ExplainQuestion(Question):
    """One line of an issued statement."""

    statement: StatementName
    line: int


class BalanceQuestion(Question):
    """Either one contract or all accounts of a tenant."""

    contract: Name | None = None
    tenant: Id | None = None


class JournalQuestion(Question):
    """The postings of a tenant's books in [from, to)."""

    tenant: Id
    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")


class CommitmentsQuestion(Question):
    """The burn-down of one contract's minimums and prepayments."""

    contract: Name


class RevenueQuestion(Question):
    """The revenue of one contract by billing interval in [from, to)."""

    contract: Name
    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")


class MarginQuestion(Question):
    """What capacity earned its operator over [from, to), less what it cost; of one pool, or all of a tenant.

    Either `pool` or `tenant`.
    """

    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")
    pool: Name | None = None
    tenant: Id | None = None


class NettingQuestion(Question):
    """What the parties owe one another in one currency at a value date."""

    parties: tuple[Id, ...]
    currency: Currency
    value_date: Instant
