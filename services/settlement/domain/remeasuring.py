"""What is open in another currency than the books' is valued anew at each interval's end, billed or not."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from schemas.decision import Emitted, Order, Outcome, States
from schemas.settlement import AccountRemeasured, RemeasureAccount
from services.settlement.domain.account import Account
from services.settlement.domain.book import Book
from services.settlement.domain.standing import Standing, stream_of


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """When an account's intervals have ended, oldest first; `next` is when the next one does."""

    standing: Standing
    past: tuple[datetime, ...]
    next: datetime


def to_remeasure(state: Account, book: Book, ends: Sequence[datetime]) -> list[datetime]:
    """At which ends of intervals something was open that is not valued anew yet, and can be."""
    if book.currency is None:
        return []
    books = book.currency
    return [
        end
        for end in ends
        if end not in state.remeasured and state.holds_foreign(books, end) and _rated(state, book, end)
    ]


def remeasure_account(states: States, order: Order[RemeasureAccount]) -> Outcome:
    """Note each end at which something was open in another currency; a repeat notes nothing."""
    found: Ends | None = order.facts
    if found is None:
        return []
    stream = stream_of(found.standing.contract)
    ends = to_remeasure(states[stream], states[f"book-{order.book}"], found.past)
    return [
        Emitted(stream=stream, event=AccountRemeasured(contract=found.standing.contract, at=end))
        for end in ends
    ]


def _rated(state: Account, book: Book, end: datetime) -> bool:
    """Whether everything that was open at an instant has a rate."""
    currencies = {found.currency for found in state.statements.values()} | {
        found.recorded.currency for found in state.payments.values()
    }
    return not any(book.lacks_rate(currency, end.date()) for currency in currencies)
