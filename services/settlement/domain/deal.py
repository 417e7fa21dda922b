"""From a contract's agreement to the deal that f rates: the terms up to the end, the way out."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from schemas.contracts import ContractTerminated, ExitFee, NoticeGiven
from schemas.contracts.values import NovatedFrom, TermsPeriod
from schemas.kernel.agreement import Agreement, TermSegment
from schemas.kernel.charges import fixed
from schemas.kernel.instants import iso
from schemas.kernel.interval import Interval
from schemas.kernel.money import minor
from schemas.kernel.rates import percent
from schemas.kernel.rounding import rounded
from schemas.kernel.schedule import Schedule
from schemas.message import Event
from services.settlement.domain.rating.facts import Chapter, Deal, Exit, Holding, NovationShare, shown
from services.settlement.domain.rating.usage_spread import Meters
from services.settlement.domain.revenue import Version

REDUCE_FEE = "reduce_fee"


def deal_of(
    agreement: Agreement,
    holdings: Mapping[str, Holding],
    meters: Meters,
    unsold: Mapping[str, Schedule],
) -> Deal:
    """The deal of an agreement and the facts of its lines (by line) and pools."""
    return Deal(
        contract=agreement.contract,
        chapters=chapters_of(agreement),
        committed={line: agreement.committed(line) for line in agreement.lines},
        meters=meters,
        end=agreement.end,
        elections=_elections(agreement),
        holdings=holdings,
        unsold=unsold,
        exit=exit_of(agreement),
        novation=_novation(agreement.novated_from, agreement.changed_at),
    )


def chapters_of(agreement: Agreement) -> tuple[Chapter, ...]:
    """The terms timeline within the term, up to where the contract ends."""
    return _clipped(agreement.term_segments, agreement.end)


def _clipped(segments: Sequence[TermSegment], end: datetime) -> tuple[Chapter, ...]:
    return tuple(
        Chapter(Interval(s.interval.start, min(s.interval.end, end)), s.terms, s.version)
        for s in segments
        if s.interval.start < end
    )


def _elections(agreement: Agreement) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for elected in agreement.remedies:
        if elected.remedy == REDUCE_FEE:
            found[elected.line] = min(found.get(elected.line, elected.effective_at), elected.effective_at)
    return found


def exit_of(agreement: Agreement) -> Exit | None:
    """The fee of the right used, from the terms as now known; None where nothing is due for leaving."""
    ends_at, why = agreement.ending
    used: NoticeGiven | ContractTerminated | None = None
    if why == "notice":
        used = agreement.notice
    elif why == "termination":
        used = agreement.termination
    if used is None:
        return None
    said_at = used.given_at if isinstance(used, NoticeGiven) else used.effective_at
    segment = agreement.segment_near(said_at)
    right = next((right for right in segment.terms.termination if right.right == used.right), None)
    if right is None or right.fee is None:
        return None
    if right.fee.amount is not None:
        stated_in, formula = segment.terms.currency, f"{right.fee.amount} by the right used"
        fee = minor(right.fee.amount, stated_in)
        return Exit(ends_at=ends_at, fee=fee, currency=stated_in, formula=formula, version=segment.version)
    stated_in = agreement.terms_near(ends_at).currency
    fee, formula = _share_of_rest(agreement, right.fee, ends_at)
    return Exit(ends_at=ends_at, fee=fee, currency=stated_in, formula=formula, version=segment.version)


def _share_of_rest(agreement: Agreement, fee: ExitFee, ends_at: datetime) -> tuple[int, str]:
    terms = agreement.terms_near(ends_at)
    assert fee.percent_of_remaining_fixed is not None, "a fee is one of both"
    left = fixed(agreement.term_segments, terms.currency).within(ends_at, agreement.term_end)
    exact = left * percent(fee.percent_of_remaining_fixed)
    share = fee.percent_of_remaining_fixed
    text = f"{share} % of {shown(left)} minor units of fixed fees from {iso(ends_at)} on"
    return rounded(exact, terms.billing.rounding), text


def _novation(origin: NovatedFrom | None, changed_at: datetime | None) -> NovationShare | None:
    if origin is None:
        return None
    at = origin.effective_at
    undivided = _periods(origin.undivided)
    past = tuple(
        Chapter(Interval(c.interval.start, min(c.interval.end, at)), c.terms, c.version)
        for c in undivided
        if c.interval.start < at
    )
    kept = tuple(
        Chapter(Interval(max(c.interval.start, at), c.interval.end), c.terms, c.version)
        for c in _periods(origin.kept)
        if c.interval.end > at
    )
    return NovationShare(
        effective_at=at,
        undivided=undivided,
        old=(*past, *kept),
        changed_at=changed_at,
        origin=_novation(origin.origin, origin.changed_at),
    )


def _periods(periods: Sequence[TermsPeriod]) -> tuple[Chapter, ...]:
    found: list[Chapter] = []
    for period in periods:
        start = max(period.start, period.terms.term.start)
        end = period.terms.term.end if period.end is None else min(period.end, period.terms.term.end)
        if start < end:
            found.append(Chapter(Interval(start, end), period.terms, 0))
    return tuple(found)


def version_of(agreement: Agreement, event: Event) -> Version:
    """The contract as one event left it, for the earning of fees: from when on that counts."""
    return Version(
        since=_since(agreement, event),
        chapters=chapters_of(agreement),
        committed={line: agreement.committed(line) for line in agreement.lines},
    )


def _since(agreement: Agreement, event: Event) -> datetime:
    if isinstance(event, NoticeGiven):
        return event.given_at
    effective: datetime | None = getattr(event, "effective_at", None)
    return agreement.known_from if effective is None else effective
