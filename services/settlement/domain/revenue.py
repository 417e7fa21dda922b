"""Revenue: what was earned, when. The difference to what was billed is a contract asset or liability.

Fixed fees are earned in proportion to the committed GPU-seconds of their lines over the steps (by the second
where a charge has no lines), rounded as a running total, prospectively after an amendment: from the instant
of each change on, what is not yet earned is spread over what is still to be delivered. Everything else is
earned in the interval it is charged for; a prepayment when it is drawn, or lost.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction

import msgspec

from schemas.contracts import FixedCharge
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule, sum_of
from services.settlement.domain.rating import RatedInterval, Rating
from services.settlement.domain.rating.facts import Chapter, Deal, charge_in
from services.settlement.domain.rating.fixed import charged
from services.settlement.domain.rating.scope import Scope

INCOME: Mapping[str, str] = {
    "fixed": "Income:Capacity",
    "capacity": "Income:Capacity",
    "block": "Income:Capacity",
    "residual": "Income:Capacity",
    "delivery": "Income:Capacity",
    "recall": "Income:Capacity",
    "usage": "Income:Usage",
    "minimum": "Income:Shortfall",
    "termination_fee": "Income:TerminationFees",
    "sla": "Income:SLACredits",
}
"""Where a kind of line is earned. A prepayment is earned as what it pays for, or as breakage."""

BREAKAGE = "Income:Breakage"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """The contract as one event left it.

    Attributes:
        since: from when on what it changed counts.
        chapters: the terms timeline up to the end as then known, later known fees filled in.
        committed: each line's GPUs along it.
    """

    since: datetime
    chapters: tuple[Chapter, ...]
    committed: Mapping[str, Schedule]


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How one fee is earned from `since` on: `earned` before, the rest of `total` as `work` is done."""

    since: int
    total: Fraction
    earned: Fraction
    work: Schedule
    end: int


class FixedFee:
    """The earning of one fixed charge over time, exact."""

    def __init__(self, plans: Sequence[_Plan]) -> None:
        """Take the plans, each from its `since` on."""
        self._plans = tuple(plans)

    def earned(self, t: int) -> Fraction:
        """What was earned by an instant (epoch seconds), in minor units."""
        held = [plan for plan in self._plans if plan.since <= t]
        return _earned(held[-1], t) if held else Fraction(0)


def fixed_fee(deal: Deal, name: str, versions: Sequence[Version], scopes: Sequence[Scope]) -> FixedFee:
    """The earning of a fixed charge: one plan a version, a later one replacing what lies after it."""
    plans: list[_Plan] = []
    for version in versions:
        work = _work(version, name)
        since = seconds(version.since)
        if not plans:
            since = min([since, *(start for start, _, _ in work.raw)])
        plans = [plan for plan in plans if plan.since < since]
        earned = _earned(plans[-1], since) if plans else Fraction(0)
        total = _total(deal, version, name, scopes)
        end = max((end for _, end, _ in work.raw if end is not None), default=since)
        plans.append(_Plan(since=since, total=total, earned=earned, work=work, end=end))
    return FixedFee(plans)


def _total(deal: Deal, version: Version, name: str, scopes: Sequence[Scope]) -> Fraction:
    """What the charge is billed for over the whole timeline of a version; undetermined steps left out.

    Rounded as it is billed, so that when all is done nothing is left between billing and earning.
    """
    return Fraction(sum(charged(deal, version.chapters, scope, name) for scope in scopes))


def _earned(plan: _Plan, t: int) -> Fraction:
    """Linear in the work done; all of it at the end of the work."""
    if t >= plan.end:
        return plan.total
    done, left = plan.work.integral(plan.since, t), plan.work.integral(plan.since, plan.end)
    if not left:
        return plan.earned
    return plan.earned + (plan.total - plan.earned) * Fraction(done, left)


def _work(version: Version, name: str) -> Schedule:
    """The committed GPUs of a charge's lines over its steps; 1 for the time itself where it has no lines."""
    parts: list[Schedule] = []
    for chapter in version.chapters:
        charge = charge_in(chapter.terms, name, FixedCharge)
        if charge is None:
            continue
        for step in charge.steps:
            inside = chapter.interval.overlap(Interval(step.start, step.end))
            if inside is None or step.amount is None:
                continue
            lines = [
                version.committed.get(line, Schedule.EMPTY).clip(inside.start, inside.end)
                for line in charge.lines
            ]
            work = sum_of(lines) if lines else Schedule.constant(inside.start, inside.end, 1)
            parts.append(work)
    return sum_of(parts)


class Earnings:
    """What a contract earns, by account, as a running total to the end of each interval."""

    def __init__(self, rating: Rating, versions: Sequence[Version], ahead: Sequence[Scope]) -> None:
        """Take the rating, the versions of the contract, and the scopes of all intervals up to its end."""
        self._rating = rating
        names = dict.fromkeys(
            charge.charge
            for version in versions
            for chapter in version.chapters
            for charge in chapter.terms.charges
            if isinstance(charge, FixedCharge)
        )
        self.fees = {name: fixed_fee(rating.deal, name, versions, ahead) for name in names}

    def to_date(self, until: datetime) -> dict[str, int]:
        """The rounded total by account of every interval that ends by then."""
        totals: dict[str, int] = {}
        last: Scope | None = None
        for found in self._rating.intervals:
            if found.scope.interval.end <= until:
                last = found.scope
                _add_lines(totals, found)
        if last is None:
            return totals
        end = seconds(last.interval.end)
        for fee in self.fees.values():
            _add(totals, INCOME["fixed"], last.round(fee.earned(end)))
        for purse in self._rating.purses:
            for at, lost in purse.breakage:
                if at <= last.interval.end and purse.billed_at < last.interval.end:
                    _add(totals, BREAKAGE, lost)
        return {name: total for name, total in totals.items() if total}


def _add_lines(totals: dict[str, int], found: RatedInterval) -> None:
    for line in found.lines:
        if line.kind != "fixed" and line.kind in INCOME:
            _add(totals, INCOME[line.kind], line.amount)


def _add(totals: dict[str, int], name: str, part: int) -> None:
    totals[name] = totals.get(name, 0) + part
