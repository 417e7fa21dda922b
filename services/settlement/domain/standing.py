"""What was found before a command on an account is decided: who the parties are, and for a statement f(K)."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

import msgspec

from schemas.decision import Order, Refused
from schemas.kernel.instants import iso
from schemas.kernel.money import amount, digits
from schemas.kernel.names import local, qualify
from schemas.settlement import BasisEntry, SettlementRejection
from services.settlement.domain.book import Book
from services.settlement.domain.intervals import Slot
from services.settlement.domain.rating import Rating
from services.settlement.domain.statement import Earned


class Computed(msgspec.Struct, frozen=True, kw_only=True):
    """f(K) for a statement: `slot` is None where the interval asked for is none of the contract's."""

    slot: Slot | None
    rating: Rating
    basis: tuple[BasisEntry, ...]
    provisional: bool
    earned: tuple[Earned, ...]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The parties of an account and what else a decision needs from outside.

    `interest` is the yearly rate of late interest of each statement that bears any.
    """

    contract: str
    supplier: str
    customer: str
    currency: str
    interest: Mapping[str, Fraction] = {}
    computed: Computed | None = None


def stream_of(contract: str) -> str:
    """The stream of a contract's account."""
    return f"account-{local(contract)}"


def not_theirs(order: Order[Any], party: str = "supplier") -> Refused | None:
    """The refusal of an actor who is no party, or the other one; None where it may."""
    standing: Standing | None = order.facts
    if standing is None or (
        not order.by_machine and order.actor not in (standing.supplier, standing.customer)
    ):
        return Refused(SettlementRejection.ACCOUNT_UNKNOWN)
    if not order.by_machine and order.actor != getattr(standing, party):
        return Refused(SettlementRejection.NOT_YOURS_TO_DO)
    return None


BOOKED_MAX: Final = 10**17 - 1
"""The most minor units, or GPU-seconds, of one posting: books of 64 bits hold the sum of many such."""


def unbookable(book: Book, currency: str, at: datetime, value: int) -> Refused | None:
    """The refusal of an amount that the books cannot hold, or not for want of a rate; None where they can.

    `value` in minor units of `currency`, of either sign.
    """
    if abs(value) > BOOKED_MAX:
        return too_large(currency)
    found = book.rate_on(currency, at.date())
    if found is None:
        details = {"pair": f"{currency}/{book.currency}", "date": iso(at)[:10]}
        return Refused(SettlementRejection.RATE_MISSING, details)
    books = book.currency or currency
    worth = abs(value) * found * Fraction(10) ** (digits(books) - digits(currency))
    return too_large(books) if worth > BOOKED_MAX else None


def too_large(currency: str) -> Refused:
    """The refusal of an amount that is larger than books hold in a currency."""
    details = {"currency": currency, "most": amount(BOOKED_MAX, currency)}
    return Refused(SettlementRejection.CURRENCY_MISMATCH, details)


def statement_name(name: str, order: Order[Any]) -> str:
    """The qualified id of a statement, as the actor means it."""
    return qualify(name, order.book)
