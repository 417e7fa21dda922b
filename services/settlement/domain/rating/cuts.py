"""Where use is cut: every instant at which some rule may part one second's use from the next one's."""

from collections.abc import Iterable, Sequence

from schemas.contracts import BlockCharge, MinimumCharge
from schemas.kernel.instants import seconds
from services.settlement.domain.rating.block import SECONDS_PER_HOUR
from services.settlement.domain.rating.facts import Deal
from services.settlement.domain.rating.minimum import periods
from services.settlement.domain.rating.scope import Scope


def usage_cuts(deal: Deal, scopes: Sequence[Scope]) -> set[int]:
    """Epoch seconds: what is used between two neighbouring ones is never parted by a rule.

    Bounds of intervals, changes of terms, hours of blocks (counted from the interval's start), periods of
    minimums.
    """
    cuts: set[int] = set()
    for scope in scopes:
        start, end = seconds(scope.interval.start), seconds(scope.interval.end)
        cuts |= {start, end}
        for chapter in scope.chapters:
            cuts |= {seconds(chapter.interval.start), seconds(chapter.interval.end)}
        if any(isinstance(c, BlockCharge) for chapter in scope.chapters for c in chapter.terms.charges):
            cuts.update(range(start, end, SECONDS_PER_HOUR))
    return cuts | period_bounds(deal)


def period_bounds(deal: Deal) -> set[int]:
    """The bounds of every period of every minimum, in epoch seconds."""
    return {
        seconds(t)
        for name in _minimums(deal)
        for period, _ in periods(deal, name)
        for t in (period.start, period.end)
    }


def _minimums(deal: Deal) -> Iterable[str]:
    return dict.fromkeys(
        charge.charge
        for chapter in deal.chapters
        for charge in chapter.terms.charges
        if isinstance(charge, MinimumCharge)
    )
