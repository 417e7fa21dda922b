"""C(x): the counted amounts of a contract up to an instant, rounded once as a running total."""

from datetime import datetime

from schemas.contracts import NovatedFrom, TermsPeriod
from schemas.kernel.agreed import within_term
from schemas.kernel.agreement import Agreement
from schemas.kernel.charges import Accrual, counted
from schemas.kernel.money import Rounding, rounded


class RunningTotal:
    """C(x) along the whole terms timeline, in minor units of one currency.

    A contract that a novation made takes, up to the first later change of its terms, the rounded total of the
    undivided contract less the rounded total of what the old one kept: so nothing is lost inside an interval.
    From that change on it is rounded by itself.
    """

    def __init__(self, agreement: Agreement, currency: str, rounding: Rounding) -> None:
        """Sum up everything once; each total is then a look-up."""
        self._own = counted(agreement.term_segments, currency)
        self._rounding: Rounding = rounding
        self._since = agreement.changed_at
        origin = agreement.novated_from
        self._parts = None if origin is None else _parts(origin, currency)

    def to(self, x: datetime) -> int:
        """C(x)."""
        if self._parts is None:
            return rounded(self._own.to(x), self._rounding)
        if self._since is None or x <= self._since:
            return self._difference(x)
        return self._difference(self._since) + rounded(self._own.within(self._since, x), self._rounding)

    def within(self, start: datetime, end: datetime) -> int:
        """C(end) - C(start); 0 where that is empty."""
        return self.to(end) - self.to(start) if start < end else 0

    def _difference(self, x: datetime) -> int:
        assert self._parts is not None, "only of a contract that a novation made"
        undivided, kept = self._parts
        return rounded(undivided.to(x), self._rounding) - rounded(kept.to(x), self._rounding)


def _parts(origin: NovatedFrom, currency: str) -> tuple[Accrual, Accrual]:
    """The totals of the undivided contract, and of the same with only what was kept from the novation on."""
    before = [
        TermsPeriod(start=period.start, end=_earlier(period.end, origin.effective_at), terms=period.terms)
        for period in origin.undivided
        if period.start < origin.effective_at
    ]
    undivided = counted(within_term(origin.undivided), currency)
    return undivided, counted(within_term([*before, *origin.kept]), currency)


def _earlier(a: datetime | None, b: datetime) -> datetime:
    return b if a is None else min(a, b)
