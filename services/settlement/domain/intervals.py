"""Which intervals a contract is billed by: those issued as they were, then calendar ones by the terms."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from schemas.contracts import Billing, Terms
from schemas.kernel.agreement import Agreement
from schemas.kernel.calendar import Unit, interval_of, label
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.rounding import Rounding
from services.settlement.domain.rating.facts import Deal
from services.settlement.domain.rating.scope import Scope, scope_of

SLOTS_MAX = 10_000
ZONES_APART_SECONDS_MAX = 27 * 3600
"""More than any two zones differ by: a remainder this short comes of a change of zone, and joins the next."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """What was fixed for an interval by its first statement."""

    interval: Interval
    calendar: Interval
    label: str
    zone: str
    rounding: Rounding
    currency: str
    rulebook: int


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One billing interval: its bounds, and the billing section and currency that it goes by."""

    interval: Interval
    calendar: Interval
    label: str
    billing: Billing
    currency: str

    def scope(self, deal: Deal) -> Scope:
        """The interval in the light of a deal."""
        return scope_of(
            deal,
            interval=self.interval,
            calendar=self.calendar,
            label=self.label,
            billing=self.billing,
            currency=self.currency,
        )


def slots(agreement: Agreement, until: datetime, issued: Mapping[datetime, Issued]) -> list[Slot]:
    """The billing intervals from the first on that begin before `until`.

    A change of billing interval, zone or currency takes effect with the first interval not yet issued. Where
    calendars do not meet, the first one after the change begins where the last issued one ended; what a
    change of zone leaves over joins it.
    """
    at = _beginning(agreement, issued)
    taken = {kept.label for kept in issued.values()}
    starts = sorted(issued)
    found: list[Slot] = []
    while at < until and len(found) < SLOTS_MAX:
        known = issued.get(at)
        if known is not None:
            found.append(_as_issued(agreement.terms_near(at), known))
        else:
            later = next((start for start in starts if start > at), None)
            found.append(_by_calendar(agreement.terms_near(at), at, later, taken))
        at = found[-1].interval.end
    return found


def _beginning(agreement: Agreement, issued: Mapping[datetime, Issued]) -> datetime:
    first = agreement.term_start
    billing = agreement.terms_near(first).billing
    begin = interval_of(billing.zone, billing.interval, first).start
    holding = [start for start, kept in issued.items() if kept.interval.contains(first)]
    return min((*(holding or [begin]), *issued))


def _as_issued(terms: Terms, known: Issued) -> Slot:
    billing = msgspec.structs.replace(terms.billing, zone=known.zone, interval=unit_of(known.label))
    return Slot(
        interval=known.interval,
        calendar=known.calendar,
        label=known.label,
        billing=billing,
        currency=known.currency,
    )


def _by_calendar(terms: Terms, at: datetime, later: datetime | None, taken: set[str]) -> Slot:
    billing = terms.billing
    calendar = interval_of(billing.zone, billing.interval, at)
    left = seconds(calendar.end) - seconds(at)
    name = label(billing.zone, billing.interval, calendar)
    if at > calendar.start and (name in taken or left < ZONES_APART_SECONDS_MAX):
        calendar = interval_of(billing.zone, billing.interval, calendar.end)
    end = calendar.end if later is None else min(calendar.end, later)
    return Slot(
        interval=Interval(at, end),
        calendar=calendar,
        label=label(billing.zone, billing.interval, calendar),
        billing=billing,
        currency=terms.currency,
    )


def unit_of(label_: str) -> Unit:
    """The unit that a label tells of."""
    if "-q" in label_:
        return "quarter"
    return "month" if "-" in label_ else "year"


def bounds_of(found: Sequence[Slot]) -> list[int]:
    """Every bound of the intervals in epoch seconds, ascending."""
    return sorted({seconds(t) for slot in found for t in (slot.interval.start, slot.interval.end)})
