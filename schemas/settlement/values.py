"""What settlement's messages are made of."""

from typing import Annotated, Literal, TypeAlias

import msgspec

from schemas.kernel.interval import Interval
from schemas.kernel.wire import Amount, Instant
from schemas.message import Value

StatementName = Annotated[
    str,
    msgspec.Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,62}/)?[a-z0-9][a-z0-9-]{0,79}$(?!\n)", max_length=144),
]
"""`<contract>-2026-10`, `-2026-q4` or `-2026`; the contract qualified, or short in its supplier's mouth."""

Pair = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}/[A-Z]{3}$(?!\n)")]
"""`EUR/USD`: how many dollars one euro is."""

Rulebook = Annotated[int, msgspec.Meta(ge=1, le=1)]
"""The number of a released rulebook; raised with each release."""

AmountText = Annotated[
    str, msgspec.Meta(description="A decimal string with all digits of its currency, such as -12.50.")
]
"""An amount as we record it: said, not checked, so that whatever was once recorded can be read for ever."""

CurrencyCode = Annotated[str, msgspec.Meta(description="An ISO 4217 code, such as USD.")]
"""A currency as we record it: said, not checked, likewise."""

Kind: TypeAlias = Literal[
    "fixed", "capacity", "block", "usage", "residual", "delivery", "recall", "minimum",
    "termination_fee", "late_interest", "sla", "prepayment",
]  # fmt: skip
"""What a line is for; lines of a statement come in this order."""


class BasisEntry(Value):
    """How far one shard was known when a statement was computed."""

    log: str
    shard: int
    position: int


class BilledLine(Value):
    """One line of an issued statement.

    Attributes:
        interval: the billing interval that the line belongs to: an earlier one for a correction.
        service: the part of it that the line is for.
        quantity: a whole number as text, in `unit`; None where the line has none.
        rate: the rate by the terms, None where the line has none.
        amount, tax: in the statement's currency.
        category, rate_percent: the tax entry that the line counts in; None for none.
        corrects: the statement that billed the interval before; None on own lines and where none did.
    """

    line: int
    kind: Kind
    interval: Interval
    service: Interval
    amount: AmountText
    tax: AmountText
    charge: str | None = None
    quantity: str | None = None
    unit: str | None = None
    rate: str | None = None
    category: str | None = None
    rate_percent: str | None = None
    corrects: str | None = None


class TaxEntry(Value):
    """The tax of one category at one rate, rounded once."""

    category: str
    rate_percent: str
    base: AmountText
    amount: AmountText


class UndeterminedFee(Value):
    """A part of the interval whose fee is not known yet."""

    charge: str
    start: Instant
    end: Instant


class Recognised(Value):
    """Revenue booked with a statement: the rounded total to date less what was booked before."""

    account: str
    amount: AmountText


class Measured(Value):
    """GPU-seconds booked with a statement; allocated = used + unused + passed on."""

    committed: int = 0
    allocated: int = 0
    used: int = 0
    unused: int = 0
    passed_on: int = 0


class Remittance(Value):
    """Which statement a payer wants a part of a payment to go to."""

    statement: StatementName
    amount: Amount


class Allocation(Value):
    """A part of a payment or credit applied to a statement; it counts from `at` on."""

    statement: str
    amount: AmountText
    at: Instant


class NettingPayment(Value):
    """One payment that settles a netting."""

    payer: str
    payee: str
    amount: AmountText


class NettedStatement(Value):
    """A statement in a netting, with what was open of it."""

    statement: str
    debtor: str
    creditor: str
    amount: AmountText
