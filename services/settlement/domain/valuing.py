"""What a contract's entries come to in the currency of its supplier's books, in the order of valid time.

In another currency than the contract's an entry is booked at the day's rate; what is open is remeasured at
each interval's end, and what leaves does so as it is carried, the difference realised (`FXGainLoss`). So an
entry that is learnt late may change what later ones come to: all are valued by when they were true.
"""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import TypeAlias

from schemas.kernel.money import digits
from schemas.kernel.rounding import round_half_up
from services.settlement.domain.book import Book
from services.settlement.domain.journal import FX, MONETARY, Entry, Group, Posting

REMEASURING, BOOKING = 0, 1
"""At one instant what was open before it is remeasured first."""
Step: TypeAlias = tuple[datetime, int]


class RateMissingError(LookupError):
    """Something cannot be booked, since no rate is known for its day."""

    def __init__(self, currency: str, at: datetime) -> None:
        """Name the currency and the instant."""
        super().__init__(f"no rate for {currency} on {at:%Y-%m-%d}")
        self.currency, self.at = currency, at


class Valuing:
    """What the entries of one contract come to, one after the other as long as they come in valid order."""

    def __init__(self, book: Book) -> None:
        """Take the currency and rates of the books."""
        self._book = book
        self._carried: dict[tuple[str, str], tuple[int, int]] = {}
        self._reached: tuple[datetime, int] | None = None

    def weighs(self, entry: Entry) -> bool:
        """Whether an entry hangs on those before it, or those after hang on it."""
        return self._foreign(entry) or entry.remeasured is not None

    def in_order(self, entry: Entry) -> bool:
        """Whether an entry comes after all before it in valid time, or needs no order."""
        return self._reached is None or not self.weighs(entry) or min(_steps(entry)) >= self._reached

    def value(self, entry: Entry) -> list[Group]:
        """The groups of an entry that comes next.

        Raises:
            RateMissingError: the books have another currency and no rate is known.
        """
        made = [group for step in sorted(_steps(entry)) for group in self.take(entry, step)]
        return [*made, *entry.gpu]

    def take(self, entry: Entry, step: Step) -> list[Group]:
        """The groups of one step of an entry.

        Raises:
            RateMissingError: as for `value`.
        """
        if self._foreign(entry):
            self._reached = step if self._reached is None else max(self._reached, step)
        if step[1] == REMEASURING:
            return self._remeasured(entry)
        return [self._group(entry)] if entry.legs else []

    def _foreign(self, entry: Entry) -> bool:
        """Whether it has legs, or may remeasure legs, in another currency than the books'."""
        return self._book.currency not in (None, entry.currency)

    def _group(self, entry: Entry) -> Group:
        if not self._foreign(entry):
            return Group(
                at=entry.at,
                contract=entry.contract,
                cause=entry.cause,
                currency=entry.currency,
                original_currency=None,
                postings=tuple(Posting(account=name, amount=part) for name, part in entry.legs.items()),
            )
        worth = {name: self._worth(entry, name, part) for name, part in entry.legs.items()}
        gain = -sum(worth.values())
        made = [Posting(account=n, amount=worth[n], original=entry.legs[n]) for n in entry.legs]
        if gain:
            made.append(Posting(account=FX, amount=gain, original=0))
        return Group(
            at=entry.at,
            contract=entry.contract,
            cause=entry.cause,
            currency=self._book.currency or entry.currency,
            original_currency=entry.currency,
            postings=tuple(made),
        )

    def _worth(self, entry: Entry, name: str, part: int) -> int:
        """A leg in the books' currency: what falls leaves as it is carried, the rest at the day's rate."""
        value = self._at_rate(part, entry.currency, entry.at)
        if name not in MONETARY:
            return value
        held, carried = self._carried.get((name, entry.currency), (0, 0))
        if held and (held > 0) != (part > 0):
            leaving = part if abs(part) <= abs(held) else -held
            value = round_half_up(Fraction(carried * leaving, held))
            value += self._at_rate(part - leaving, entry.currency, entry.at)
        self._carried[name, entry.currency] = (held + part, carried + value)
        return value

    def _at_rate(self, part: int, currency: str, at: datetime) -> int:
        rate = self._book.rate_on(currency, at.date())
        if rate is None:
            raise RateMissingError(currency, at)
        books = self._book.currency or currency
        return round_half_up(part * rate * Fraction(10) ** (digits(books) - digits(currency)))

    def _remeasured(self, entry: Entry) -> list[Group]:
        """What is open at an instant at its rate: one group a currency, none where nothing moved."""
        assert entry.remeasured is not None, "a step of an entry that remeasures"
        currencies = sorted({currency for (_, currency), (held, _) in self._carried.items() if held})
        made = (self._moved(entry, currency, entry.remeasured) for currency in currencies)
        return [group for group in made if group is not None]

    def _moved(self, entry: Entry, currency: str, at: datetime) -> Group | None:
        moved: dict[str, int] = {}
        for name in MONETARY:
            held, carried = self._carried.get((name, currency), (0, 0))
            worth = self._at_rate(held, currency, at)
            if worth != carried:
                moved[name] = worth - carried
                self._carried[name, currency] = (held, worth)
        if not moved:
            return None
        legs = {**moved, FX: -sum(moved.values())}
        return Group(
            at=at,
            contract=entry.contract,
            cause=f"remeasurement for {entry.cause}",
            currency=self._book.currency or currency,
            original_currency=currency,
            postings=tuple(Posting(account=n, amount=v, original=0) for n, v in legs.items() if v),
        )


def valued(book: Book, entries: Sequence[Entry]) -> tuple[list[list[Group]], Valuing]:
    """The groups of each entry, given in the order recorded, and how things stand after all of them.

    Raises:
        RateMissingError: the books have another currency and no rate is known.
    """
    valuing = Valuing(book)
    steps = sorted((step, number) for number, entry in enumerate(entries) for step in _steps(entry))
    made: list[list[Group]] = [[] for _ in entries]
    for step, number in steps:
        made[number] += valuing.take(entries[number], step)
    return [[*groups, *entry.gpu] for groups, entry in zip(made, entries, strict=True)], valuing


def _steps(entry: Entry) -> list[Step]:
    """When an entry remeasures, and when it is booked."""
    booking = (entry.at, BOOKING)
    return [booking] if entry.remeasured is None else [(entry.remeasured, REMEASURING), booking]
