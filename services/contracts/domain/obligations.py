"""The dates on which a party of a contract has to act, or after which it no longer can."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, TypeAlias

from schemas.contracts import FixedCharge
from schemas.kernel.agreement import Agreement, Segment, days_after, grace_end
from schemas.kernel.calendar import intervals
from services.contracts.domain.rights import opens_at

ObligationKind = Literal[
    "date_certain",
    "grace_end",
    "notice_earliest",
    "notice_latest",
    "exercise_by",
    "expiry",
    "fee_step",
    "payment_due",
]
Obligation: TypeAlias = tuple[datetime, ObligationKind]


def obligations_of(agreement: Agreement) -> Iterator[Obligation]:
    """All dates of a contract as known. A date counts by the terms that hold when it comes, up to the end."""
    end, reason = agreement.ending
    if reason != "novation":
        yield end, "expiry"
    for segment in agreement.segments:
        for at, kind in _stated(agreement, segment):
            if _holds(agreement, segment, at) and at <= end:
                yield at, kind
    yield from _payments(agreement, end)


def _stated(agreement: Agreement, segment: Segment) -> Iterator[Obligation]:
    """The dates that one version of the terms states."""
    terms = segment.terms
    for line in terms.lines:
        if line.delivery is not None and line.line not in agreement.terminated_lines:
            yield line.delivery.date_certain, "date_certain"
            yield grace_end(line.delivery, terms.billing.zone), "grace_end"
    for option in terms.options:
        if option.option not in agreement.exercised:
            yield option.exercise_by, "exercise_by"
    for charge in terms.charges:
        if isinstance(charge, FixedCharge):
            for step in charge.steps[1:]:
                yield step.start, "fee_step"
    if agreement.notice is None:
        yield from _notices(agreement, segment)


def _notices(agreement: Agreement, segment: Segment) -> Iterator[Obligation]:
    """When notice can first be given, and when last so that it still ends the contract before its term."""
    for right in segment.terms.termination:
        if right.cause != "convenience":
            continue
        opens = opens_at(right, segment.terms)
        latest = days_after(agreement.term_end, -right.notice_days)
        if opens is not None:
            yield opens, "notice_earliest"
        if opens is None or opens <= latest:
            yield latest, "notice_latest"


def _payments(agreement: Agreement, end: datetime) -> Iterator[Obligation]:
    """When each interval's statement is due, by the terms that hold at the interval's last second."""
    for segment in agreement.term_segments:
        billing = segment.terms.billing
        last = min(segment.interval.end, end)
        for interval in intervals(billing.zone, billing.interval, segment.interval.start, last):
            if interval.end <= last or last == end:
                yield days_after(interval.end, billing.due_days), "payment_due"


def _holds(agreement: Agreement, segment: Segment, at: datetime) -> bool:
    first = segment is agreement.segments[0]
    return (first or segment.start <= at) and (segment.end is None or at < segment.end)
