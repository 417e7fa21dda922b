"""Availability: a credit for GPU-seconds cut by outages, in percent of the interval's fees, up to a cap."""

from fractions import Fraction

from schemas.kernel.interval import Interval
from schemas.kernel.rates import percent
from services.settlement.domain.rating.facts import Deal, shown
from services.settlement.domain.rating.line import SECURED, Line, total
from services.settlement.domain.rating.scope import Scope
from services.settlement.domain.rating.shortfall import committed_gpu_seconds

REDUCTIONS = frozenset({"delivery", "recall"})


def availability(deal: Deal, interval: Interval) -> Fraction:
    """1 - GPU-seconds cut by outages / GPU-seconds committed in the interval within the term.

    Planned work is a cause of its own, and covers first where both overlap: it does not count.
    """
    committed = committed_gpu_seconds(deal, interval)
    if not committed:
        return Fraction(1)
    cut = sum(
        promised.min(deal.holding(line).outage_cut).integral(interval.start, interval.end)
        for line, promised in deal.committed.items()
    )
    return 1 - Fraction(cut, committed)


def sla(deal: Deal, scope: Scope, lines: list[Line]) -> list[Line]:
    """The highest credit whose `below` is strictly above the availability; at most the cap."""
    if not scope.chapters or scope.opening.sla is None:
        return []
    terms = scope.opening.sla
    reached = availability(deal, scope.interval)
    earned = [percent(tier.credit_percent) for tier in terms.tiers if percent(tier.below) > reached]
    if not earned:
        return []
    credit = min(max(earned), percent(terms.cap_percent))
    fees = total(lines, SECURED | REDUCTIONS)
    part = Interval(scope.chapters[0].interval.start, scope.chapters[-1].interval.end)
    return [
        Line(
            kind="sla",
            charge=None,
            service=part,
            amount=-scope.round(fees * credit),
            formula=f"-{fees} minor units x {shown(credit)}: availability {shown(reached)}",
            versions=(scope.chapters[0].version,),
            holdings=tuple(deal.committed),
        )
    ]
