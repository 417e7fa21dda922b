"""What of a promise was not there: short delivery and recalls, as GPU-seconds of those committed."""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from schemas.contracts import Charge
from schemas.contracts.charges import lines_of
from schemas.contracts.values import Line as TermsLine
from schemas.kernel.agreement import grace_end
from schemas.kernel.instants import instant
from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule, combine, sum_of
from services.settlement.domain.rating.facts import Chapter, Deal, Holding

REDUCE_FEE = "reduce_fee"

Lacking = Callable[[Deal, Chapter, str, Schedule], Schedule]
"""What a line lacks within a chapter, out of what the chapter promises."""


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """GPUs over time that some lines lacked, out of those committed by the terms."""

    lacking: Schedule
    committed: int

    @property
    def hull(self) -> Interval | None:
        """From the first to the last lacking instant."""
        raw = self.lacking.raw
        if not raw:
            return None
        end = raw[-1][1]
        assert end is not None, "within an interval"
        return Interval(instant(raw[0][0]), instant(end))


def not_delivered(deal: Deal, charges: Iterable[tuple[Chapter, Charge]]) -> Lack:
    """What was committed but neither reserved nor recalled, or was cut for want of delivery.

    Counted while the lower fee holds: from date certain + grace on, and where the customer had a choice
    not before it chose.
    """
    return _over(deal, charges, _undelivered)


def recalled(deal: Deal, charges: Iterable[tuple[Chapter, Charge]]) -> Lack:
    """What the supplier took back by right, from the instant at which each recall takes effect."""
    return _over(deal, charges, _recalled)


def committed_gpu_seconds(deal: Deal, interval: Interval) -> int:
    """What all lines promise within an interval."""
    return sum(held.integral(interval.start, interval.end) for held in deal.committed.values())


def _over(deal: Deal, charges: Iterable[tuple[Chapter, Charge]], lacking: Lacking) -> Lack:
    parts: list[Schedule] = []
    committed = 0
    for chapter, line in _lines(charges):
        part = chapter.interval
        promised = deal.committed.get(line, Schedule.EMPTY).clip(part.start, part.end)
        committed += promised.total()
        parts.append(lacking(deal, chapter, line, promised))
    return Lack(lacking=sum_of(parts), committed=committed)


def _lines(charges: Iterable[tuple[Chapter, Charge]]) -> list[tuple[Chapter, str]]:
    """Each line of the charges once in each chapter: charges on one line do not count it twice."""
    found: dict[tuple[datetime, str], Chapter] = {}
    for chapter, charge in charges:
        for line in lines_of(charge):
            found.setdefault((chapter.interval.start, line), chapter)
    return [(chapter, line) for (_, line), chapter in found.items()]


def _undelivered(deal: Deal, chapter: Chapter, line: str, promised: Schedule) -> Schedule:
    since = reduced_from(deal, chapter, line)
    if since is None:
        return Schedule.EMPTY
    holding = deal.holding(line)
    return combine(
        _short,
        promised.clip(max(since, chapter.interval.start), None),
        holding.reserved + holding.carried,
        holding.recalled,
        holding.delivery_cut,
    )


def _short(promised: int, reserved: int, recalled_: int, cut: int) -> int:
    return max(0, promised - max(0, reserved + recalled_ - cut))


def _recalled(deal: Deal, chapter: Chapter, line: str, promised: Schedule) -> Schedule:
    del chapter
    holding: Holding = deal.holding(line)
    return promised.min(holding.recalled)


def reduced_from(deal: Deal, chapter: Chapter, line: str) -> datetime | None:
    """From when on the fee of a line is reduced for want of delivery; None if it is not."""
    found = _line_in(chapter, line)
    if found is None or found.delivery is None or REDUCE_FEE not in found.delivery.remedies:
        return None
    due = grace_end(found.delivery, chapter.terms.billing.zone)
    if len(set(found.delivery.remedies)) == 1:
        return due
    elected = deal.elections.get(line)
    return None if elected is None else max(due, elected)


def _line_in(chapter: Chapter, line: str) -> TermsLine | None:
    return next((found for found in chapter.terms.lines if found.line == line), None)
