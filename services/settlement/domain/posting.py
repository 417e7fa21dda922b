"""What a tenant's books come to, event by event: groups are added, and booked anew when a rate changes them.

A group is known by the event that it is about and its number among that event's groups. What is booked is
never taken back: a group that would now be booked otherwise is reversed and booked again.
"""

from collections.abc import Iterable, Sequence

import msgspec

from schemas.settlement import AccountEvent, BookEvent, BookSet, RateRecorded
from services.settlement.domain.book import Book
from services.settlement.domain.journal import Group, Ledger, Posting, RateMissingError


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    """A group of postings: the `number`th of the event at the position `source`."""

    source: int
    number: int
    group: Group
    reversal: bool = False


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """The first event of a contract that could not be booked: `error` names the rate that is missing."""

    source: int
    error: RateMissingError


class ContractBooks:
    """One contract's part of the books. After what cannot be booked nothing more is, for want of a rate."""

    def __init__(self, book: Book) -> None:
        """Take the currency and rates of the books."""
        self._ledger = Ledger(book)
        self.missing: Missing | None = None

    def post(self, source: int, event: AccountEvent) -> list[Booked]:
        """The groups that one more event adds."""
        if self.missing is not None:
            return []
        try:
            self._ledger.post(event)
        except RateMissingError as error:
            self.missing = Missing(source=source, error=error)
            self._ledger.groups.clear()
            return []
        made = [
            Booked(source=source, number=number, group=group)
            for number, group in enumerate(self._ledger.groups)
        ]
        self._ledger.groups.clear()
        return made


def booked(book: Book, events: Iterable[tuple[int, AccountEvent]]) -> tuple[list[Booked], Missing | None]:
    """All groups of one contract's events (each with its position), and what is missing to go on."""
    books = ContractBooks(book)
    made = [group for source, event in events for group in books.post(source, event)]
    return made, books.missing


def rebooked(before: Sequence[Booked], after: Sequence[Booked]) -> list[Booked]:
    """What turns the groups booked before into those booked after: reversals, then what is new."""
    then = {(found.source, found.number): found for found in before}
    now = {(found.source, found.number): found for found in after}
    gone = [_reversed(found) for key, found in then.items() if now.get(key) != found]
    return gone + [found for key, found in now.items() if then.get(key) != found]


def concerns(book: Book, event: BookEvent, currencies: Iterable[str]) -> bool:
    """Whether an event of the books may change how something in some currencies is booked."""
    match event:
        case BookSet():
            return True
        case RateRecorded():
            pairs = {f"{c}/{book.currency}" for c in currencies} | {
                f"{book.currency}/{c}" for c in currencies
            }
            return book.currency is not None and event.pair in pairs


def copied(book: Book) -> Book:
    """A book that can change apart from the one given."""
    return Book(currency=book.currency, rates={pair: list(known) for pair, known in book.rates.items()})


def _reversed(found: Booked) -> Booked:
    group = found.group
    postings = tuple(
        Posting(
            account=posting.account,
            amount=-posting.amount,
            original=None if posting.original is None else -posting.original,
        )
        for posting in group.postings
    )
    return msgspec.structs.replace(
        found, group=msgspec.structs.replace(group, postings=postings), reversal=True
    )
