"""What a tenant's books come to, event by event: groups are added, and booked anew when a rate changes them.

A group is known by the event that it is about and its number among that event's groups. What is booked is
never taken back: a group that would now be booked otherwise is reversed and booked again.
"""

from collections.abc import Iterable, Sequence

import msgspec

from schemas.settlement import AccountEvent, BookEvent, BookSet, RateRecorded
from services.settlement.domain.account import initial
from services.settlement.domain.book import Book
from services.settlement.domain.journal import Entry, Group, Posting, entry
from services.settlement.domain.valuing import RateMissingError, Valuing, valued


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
        self._book, self._valuing = book, Valuing(book)
        self._state = initial()
        self._kept: list[tuple[int, Entry]] = []
        self.missing: Missing | None = None

    def post(self, source: int, event: AccountEvent) -> list[Booked]:
        """The groups that one more event adds; reversals too, where it changes what was booked before."""
        found = entry(self._state, event)
        if found is None or self.missing is not None:
            return []
        try:
            if not self._valuing.in_order(found):
                return self._placed(source, found)
            made = _numbered(source, self._valuing.value(found))
        except RateMissingError as error:
            self.missing = Missing(source=source, error=error)
            return []
        if self._valuing.weighs(found):
            self._kept.append((source, found))
        return made

    def _placed(self, source: int, found: Entry) -> list[Booked]:
        """What changes where an entry was true before others that were recorded earlier."""
        before, _ = self._all(self._kept)
        self._kept.append((source, found))
        after, self._valuing = self._all(self._kept)
        return rebooked(before, after)

    def _all(self, entries: Sequence[tuple[int, Entry]]) -> tuple[list[Booked], Valuing]:
        groups, valuing = valued(self._book, [found for _, found in entries])
        made = [_numbered(source, one) for (source, _), one in zip(entries, groups, strict=True)]
        return [one for numbered in made for one in numbered], valuing


def _numbered(source: int, groups: Iterable[Group]) -> list[Booked]:
    return [Booked(source=source, number=number, group=group) for number, group in enumerate(groups)]


def booked(book: Book, events: Iterable[tuple[int, AccountEvent]]) -> tuple[list[Booked], Missing | None]:
    """All groups of one contract's events, each with its position, and what is missing to go on."""
    books = ContractBooks(book)
    standing: dict[tuple[int, int], Booked] = {}
    for source, event in events:
        for one in books.post(source, event):
            if one.reversal:
                del standing[one.source, one.number]
            else:
                standing[one.source, one.number] = one
    return [one for _, one in sorted(standing.items())], books.missing


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
