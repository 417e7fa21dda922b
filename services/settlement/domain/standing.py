"""What was found before a command on an account is decided: who the parties are, and for a statement f(K)."""

from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import msgspec

from schemas.decision import Order, Refused
from schemas.kernel.instants import iso
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


def lacking_rate(book: Book, currency: str, at: datetime) -> Refused | None:
    """The refusal of what cannot be booked for want of a rate; None where it can."""
    day: date = at.date()
    if not book.lacks_rate(currency, day):
        return None
    details = {"pair": f"{currency}/{book.currency}", "date": iso(at)[:10]}
    return Refused(SettlementRejection.RATE_MISSING, details)


def statement_name(name: str, order: Order[Any]) -> str:
    """The qualified id of a statement, as the actor means it."""
    return qualify(name, order.book)
