"""What is agreed: the states of a contract, and what its terms and life say at any instant.

The terms of a contract are a *timeline*: the first signing lays all sections, each later change lays its own
over its interval, in the order in which they became known. `version` counts the events of the stream.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Literal, TypeAlias

import msgspec

from schemas.contracts.events import (
    ContractNovated,
    ContractSigned,
    ContractTerminated,
    NoticeGiven,
    RemedyElected,
)
from schemas.contracts.values import Delivery, Line, NovatedFrom, Party, Terms, TermsPeriod
from schemas.kernel import sections
from schemas.kernel.calendar import add_months
from schemas.kernel.instants import instant, seconds
from schemas.kernel.interval import Interval
from schemas.kernel.line_state import LineState
from schemas.kernel.schedule import Schedule, sum_of
from schemas.kernel.sections import Sections

DAY_SECONDS = 86_400
EndedBy = Literal["term", "notice", "termination", "remedy", "novation"]


class Unknown(msgspec.Struct, frozen=True):
    """Nothing is known under this name."""

    version: int = 0


class Proposed(msgspec.Struct, frozen=True):
    """Terms are offered; nobody is bound."""

    contract: str
    terms: Terms
    effective_at: datetime
    version: int


class Segment(msgspec.Struct, frozen=True):
    """Terms that hold over `[start, end)` (None = without end), by the event of number `version`."""

    start: datetime
    end: datetime | None
    terms: Terms
    version: int


class TermSegment(msgspec.Struct, frozen=True):
    """Terms that hold over an interval which lies within the term that they state."""

    interval: Interval
    terms: Terms
    version: int


class Agreement(msgspec.Struct, frozen=True, dict=True):
    """A signed contract, with all that is known of it.

    Attributes:
        signed: the signing.
        acknowledged: both parties say so.
        sections: the timeline of each section of the terms.
        fees: amounts of steps that were not known, by charge and step start.
        changed_at: where the first later change of the terms takes effect.
        notice: the notice that stands, if any.
        consents: kind and taker.
        exercised: the options used.
        novations: what went over to others.
        terminated_lines: lines ended by remedy, with when.
        announced: dates announced already, for announcements alone.
    """

    signed: ContractSigned
    acknowledged: bool
    version: int
    sections: Sections
    fees: Mapping[tuple[str, datetime], str] = {}
    changed_at: datetime | None = None
    notice: NoticeGiven | None = None
    termination: ContractTerminated | None = None
    remedies: tuple[RemedyElected, ...] = ()
    consents: frozenset[tuple[str, str]] = frozenset()
    exercised: frozenset[str] = frozenset()
    novations: tuple[ContractNovated, ...] = ()
    terminated_lines: Mapping[str, datetime] = {}
    line_states: Mapping[str, LineState] = {}
    announced: frozenset[tuple[str, str | None, datetime]] = frozenset()

    # -- parties --------------------------------------------------------------------------------------

    @property
    def contract(self) -> str:
        """Its qualified name."""
        return self.signed.contract

    @property
    def supplier(self) -> str:
        """Whose book it is; never changes."""
        return self.signed.terms.supplier

    @property
    def customer(self) -> str:
        """The other party; never changes."""
        return self.signed.terms.customer

    @property
    def novated_from(self) -> NovatedFrom | None:
        """Where it comes from, if a novation made it."""
        return self.signed.novated_from

    def role_of(self, tenant: str) -> Party | None:
        """Which party a tenant is; None for anybody else."""
        if tenant == self.supplier:
            return "supplier"
        return "customer" if tenant == self.customer else None

    # -- the terms timeline ---------------------------------------------------------------------------

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The terms timeline: contiguous, merged where equal, the last without end; known fees filled in."""
        made: list[Segment] = []
        for start, end, terms, version in sections.assembled(self.sections, self.fees):
            if made and made[-1].terms == terms:
                made[-1] = Segment(made[-1].start, end, terms, made[-1].version)
            else:
                made.append(Segment(start, end, terms, version))
        return tuple(made)

    @cached_property
    def term_segments(self) -> tuple[TermSegment, ...]:
        """The parts of the timeline that lie within the term which they themselves state."""
        return within_term(self.segments)

    @property
    def known_from(self) -> datetime:
        """The first instant with terms."""
        return self.segments[0].start

    def terms_at(self, t: datetime) -> Terms | None:
        """The terms that hold at an instant; None before the first."""
        return None if t < self.known_from else self.terms_near(t)

    def terms_near(self, t: datetime) -> Terms:
        """The terms that hold at an instant; the first ones before."""
        return self.segment_near(t).terms

    def segment_near(self, t: datetime) -> Segment:
        """The segment that holds at an instant; the first one before."""
        found = self.segments[0]
        for segment in self.segments:
            if segment.start > t:
                break
            found = segment
        return found

    def fee(self, charge: str, start: datetime) -> str | None:
        """The amount set by SetFee for the steps of a charge that start then."""
        return self.fees.get((charge, start))

    # -- when it runs ---------------------------------------------------------------------------------

    @property
    def term_start(self) -> datetime:
        """When the term begins, along the whole timeline."""
        return self.term_segments[0].interval.start if self.term_segments else self.known_from

    @property
    def term_end(self) -> datetime:
        """When the term ends, along the whole timeline, whatever ends the contract before."""
        return self.term_segments[-1].interval.end if self.term_segments else self.known_from

    @property
    def superseded_at(self) -> datetime | None:
        """When all of it went over to another contract."""
        return min((n.effective_at for n in self.novations if n.whole), default=None)

    @property
    def ending(self) -> tuple[datetime, EndedBy]:
        """When the contract ends as known, and why: the earliest of all reasons."""
        reasons: list[tuple[datetime, EndedBy]] = [(self.term_end, "term")]
        if self.superseded_at is not None:
            reasons.append((self.superseded_at, "novation"))
        if self.notice is not None:
            reasons.append((self.notice.ends_at, "notice"))
        if self.termination is not None:
            reasons.append((self.termination.ends_at, "termination"))
        if (elected := self.contract_remedy) is not None:
            reasons.append((elected.effective_at, "remedy"))
        return min(reasons, key=lambda reason: reason[0])

    @property
    def end(self) -> datetime:
        """When the contract ends as known: by term, notice, termination, remedy or a whole novation."""
        return self.ending[0]

    @property
    def contract_remedy(self) -> RemedyElected | None:
        """The remedy that ends the contract, if one was elected."""
        chosen = [r for r in self.remedies if r.remedy == "terminate_contract"]
        return min(chosen, key=lambda r: r.effective_at, default=None)

    def ended(self, t: datetime) -> bool:
        """Whether the contract is over at an instant."""
        return t >= self.end

    # -- lines ----------------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The names of all lines that are ever in the terms, in the order in which they appear."""
        names = dict.fromkeys(line.line for segment in self.segments for line in segment.terms.lines)
        return tuple(dict.fromkeys((*names, *self.terminated_lines)))

    def line_at(self, line: str, t: datetime) -> Line | None:
        """A line as the terms have it at an instant."""
        return next((found for found in self.terms_near(t).lines if found.line == line), None)

    def committed(self, line: str, until: datetime | None = None) -> Schedule:
        """A line's GPUs along the whole timeline: within term, to the line's and the contract's end.

        `until` stands for the contract's end, where that is asked about as it was said by some instant.
        """
        last = self.end if until is None else until
        end = min(last, self.terminated_lines.get(line, last))
        return sum_of(
            found.quantity.clip(segment.interval.start, min(segment.interval.end, end))
            for segment in self.term_segments
            for found in segment.terms.lines
            if found.line == line
        )

    def line_state(self, line: str) -> LineState:
        """How a line stands in the physical book."""
        return self.line_states.get(line, LineState())


State: TypeAlias = Unknown | Proposed | Agreement


def within_term(periods: Iterable[Segment | TermsPeriod]) -> tuple[TermSegment, ...]:
    """The parts of periods that lie within the term which their own terms state."""
    made: list[TermSegment] = []
    for period in periods:
        term = period.terms.term
        start = max(period.start, term.start)
        end = term.end if period.end is None else min(period.end, term.end)
        if start < end:
            version = period.version if isinstance(period, Segment) else 0
            made.append(TermSegment(Interval(start, end), period.terms, version))
    return tuple(made)


def grace_end(delivery: Delivery, zone: str) -> datetime:
    """Date certain plus grace: days are spans of 24 h, months go by the wall clock of the billing zone."""
    if delivery.grace_months is not None:
        return add_months(zone, delivery.date_certain, delivery.grace_months)
    return days_after(delivery.date_certain, delivery.grace_days or 0)


def days_after(t: datetime, days: int) -> datetime:
    """So many spans of exactly 24 h after an instant."""
    return instant(seconds(t) + days * DAY_SECONDS)
