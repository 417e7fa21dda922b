"""The dates of a contract that are announced when they come."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, TypeAlias

from schemas.kernel.agreement import Agreement, Segment, grace_end
from services.contracts.domain.rights import opens_at

DateKind = Literal["start", "end", "delivery", "option", "notice"]
AnnouncedDate: TypeAlias = tuple[DateKind, str | None, datetime]
"""The kind of date, what it is about, and when."""


def dates_of(agreement: Agreement) -> frozenset[AnnouncedDate]:
    """Every date, as known, up to the contract's end."""
    end, reason = agreement.ending
    dates: set[AnnouncedDate] = set()
    if agreement.term_start < end:
        dates.add(("start", None, agreement.term_start))
    if reason != "novation":
        dates.add(("end", None, end))
    dates.update(date for segment in agreement.segments for date in _stated(agreement, segment))
    return frozenset(date for date in dates if date[2] <= end)


def _stated(agreement: Agreement, segment: Segment) -> Iterator[AnnouncedDate]:
    """The dates that a version of the terms states, those that come while it holds."""
    for date in _dates(agreement, segment):
        first = segment is agreement.segments[0]
        if (first or segment.start <= date[2]) and (segment.end is None or date[2] < segment.end):
            yield date


def _dates(agreement: Agreement, segment: Segment) -> Iterator[AnnouncedDate]:
    terms = segment.terms
    for line in terms.lines:
        if line.delivery is not None:
            yield "delivery", line.line, grace_end(line.delivery, terms.billing.zone)
    for option in terms.options:
        if option.option not in agreement.exercised:
            yield "option", option.option, option.exercise_by
    for right in terms.termination:
        opens = opens_at(right, terms)
        if right.cause == "convenience" and opens is not None:
            yield "notice", right.right, opens
