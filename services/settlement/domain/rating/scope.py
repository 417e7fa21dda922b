"""One billing interval to be rated: its bounds, the terms that hold in it, and how it is prorated."""

from collections.abc import Iterable
from fractions import Fraction

import msgspec

from schemas.contracts import Billing, Terms
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.money import exact_minor, minor
from schemas.kernel.proration import share
from schemas.kernel.rounding import rounded
from services.settlement.domain.rating.facts import Chapter, Deal, charge_names


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """An interval in the light of one deal.

    Attributes:
        interval: its bounds, UTC instants fixed at its first statement.
        calendar: the whole calendar interval that shares are taken of; another only after a change.
        label: `2026-10`, `2026-q4`, `2026`.
        billing: the billing section that it goes by.
        currency: the currency that it is billed in.
        chapters: the terms timeline within it; empty before the first terms and after the end. Terms in
            another currency come with the first interval that is billed in it: those before hold on.
        places: each charge of the chapters, with its place in the terms.
    """

    interval: Interval
    calendar: Interval
    label: str
    billing: Billing
    currency: str
    chapters: tuple[Chapter, ...]
    places: dict[str, int]

    @property
    def opening(self) -> Terms:
        """The terms at its start, or the first in it. Only where it has chapters."""
        return self.chapters[0].terms

    def share(self, part: Interval) -> Fraction:
        """The share of the calendar interval that a part makes, by the contract's proration."""
        return share(self.calendar, part, self.billing.proration, self.billing.zone)

    def round(self, exact: Fraction) -> int:
        """Minor units, rounded once by the contract's mode."""
        return rounded(exact, self.billing.rounding)

    def minor(self, amount: str) -> int:
        """The minor units of an amount in the terms."""
        return minor(amount, self.currency)

    def exact(self, amount: Fraction) -> Fraction:
        """Exact minor units of a quantity times a rate."""
        return exact_minor(amount, self.currency)

    def order(self, charge: str, start: Interval, tier: int = 0) -> tuple[int, int, int]:
        """Where a line stands among those of its kind."""
        return (self.places.get(charge, len(self.places)), seconds(start.start), tier)

    def within(self, part: Interval) -> "Scope":
        """The same interval, looked at only in a part of it; shares stay those of the whole."""
        inside = tuple(
            Chapter(clipped, chapter.terms, chapter.version)
            for chapter in self.chapters
            if (clipped := chapter.interval.overlap(part)) is not None
        )
        overlap = self.interval.overlap(part)
        assert overlap is not None, "a part of the interval"
        return msgspec.structs.replace(self, interval=overlap, chapters=inside)


def scope_of(
    deal: Deal, *, interval: Interval, calendar: Interval, label: str, billing: Billing, currency: str
) -> Scope:
    """The scope of one interval of a deal."""
    chapters = in_currency(deal.chapters_in(interval), currency)
    places = charge_names(chapters)
    for name in charge_names(deal.chapters):
        places.setdefault(name, len(places))
    return Scope(
        interval=interval,
        calendar=calendar,
        label=label,
        billing=billing,
        currency=currency,
        chapters=chapters,
        places=places,
    )


def in_currency(chapters: Iterable[Chapter], currency: str) -> tuple[Chapter, ...]:
    """The chapters in one currency; each holds on over those in another that follow it."""
    found: list[Chapter] = []
    for chapter in chapters:
        if chapter.terms.currency == currency:
            found.append(chapter)
        elif found:
            last = found[-1]
            found[-1] = Chapter(Interval(last.interval.start, chapter.interval.end), last.terms, last.version)
    return tuple(found)
