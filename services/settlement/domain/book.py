"""The books of one tenant: their currency, and the rates of days.

INITIAL, `evolve`, `decide`.
"""

from bisect import bisect_right
from datetime import date
from fractions import Fraction

import msgspec

from schemas.decision import Emitted, Order, Outcome, Refused, States
from schemas.kernel.currencies import DIGITS
from schemas.kernel.rates import rate
from schemas.settlement import BookEvent, BookSet, RateRecorded, RecordRate, SetBook, SettlementRejection


class Book(msgspec.Struct, kw_only=True):
    """Currency and rates; `rates` by pair, each ascending by date, a later record of a date replacing it."""

    currency: str | None = None
    rates: dict[str, list[tuple[date, Fraction, str]]] = {}

    def rate_on(self, currency: str, day: date) -> Fraction | None:
        """How much of the books' currency a unit is worth on a day: the last rate for it or before.

        None where none is known. A pair the other way round is turned.
        """
        if self.currency is None or currency == self.currency:
            return Fraction(1)
        straight = self._on(f"{currency}/{self.currency}", day)
        if straight is not None:
            return straight
        turned = self._on(f"{self.currency}/{currency}", day)
        return None if turned is None or not turned else 1 / turned

    def lacks_rate(self, currency: str, day: date) -> bool:
        """Whether something in a currency cannot be booked on a day."""
        return self.rate_on(currency, day) is None

    def _on(self, pair: str, day: date) -> Fraction | None:
        known = self.rates.get(pair, [])
        index = bisect_right(known, day, key=lambda found: found[0])
        return known[index - 1][1] if index else None


def is_currency(code: str) -> bool:
    """Whether a code stands for a currency of ISO 4217."""
    return code in DIGITS


def initial() -> Book:
    """Books without a currency: everything is booked in that of its contract."""
    return Book()


def evolve(state: Book, event: BookEvent) -> Book:
    """The books after one more event; the state given is changed."""
    match event:
        case BookSet():
            state.currency = event.currency
        case RateRecorded():
            kept = [found for found in state.rates.get(event.pair, []) if found[0] != event.date]
            kept.append((event.date, rate(event.rate), event.rate))
            state.rates[event.pair] = sorted(kept, key=lambda found: found[0])
    return state


def set_book(states: States, order: Order[SetBook]) -> Outcome:
    """Set the currency of the actor's own books; the same again changes nothing."""
    stream = f"book-{order.book}"
    state: Book = states[stream]
    if not is_currency(order.command.currency):
        return Refused(SettlementRejection.CURRENCY_MISMATCH, {"currency": order.command.currency})
    if state.currency == order.command.currency:
        return []
    return [Emitted(stream=stream, event=BookSet(currency=order.command.currency))]


def record_rate(states: States, order: Order[RecordRate]) -> Outcome:
    """Record a day's rate; the same again changes nothing, another value replaces it."""
    stream, command = f"book-{order.book}", order.command
    state: Book = states[stream]
    known = next((found for found in state.rates.get(command.pair, []) if found[0] == command.date), None)
    if known is not None and known[1] == rate(command.rate):
        return []
    return [
        Emitted(stream=stream, event=RateRecorded(pair=command.pair, date=command.date, rate=command.rate))
    ]
