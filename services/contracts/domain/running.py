"""C(x): the counted amounts of a contract up to an instant, rounded once as a running total."""

from collections.abc import Sequence
from datetime import datetime

from schemas.contracts import NovatedFrom, TermsPeriod
from schemas.kernel.agreed import TermSegment, within_term
from schemas.kernel.charges import counted
from schemas.kernel.money import Rounding, rounded


class RunningTotal:
    """C(x) along the whole terms timeline, in minor units of one currency.

    A contract that a novation made takes, up to the first later change of its terms, the running total of the
    undivided contract less the running total of what the old one kept: so nothing is lost inside an interval.
    From that change on it is rounded by itself. The old contract may come from a novation in its turn.
    """

    def __init__(
        self,
        segments: Sequence[TermSegment],
        currency: str,
        rounding: Rounding,
        *,
        parts: "tuple[RunningTotal, RunningTotal] | None" = None,
        changed_at: datetime | None = None,
    ) -> None:
        """Sum up everything once; each total is then a look-up.

        Args:
            segments: the terms timeline within the term.
            currency: what is in another one does not count.
            rounding: of the running total.
            parts: of what a novation made: the totals of the undivided contract and of what the old one kept.
            changed_at: where the first later change of its terms takes effect.
        """
        self._own = counted(segments, currency)
        self._rounding: Rounding = rounding
        self._since = changed_at
        self._parts = parts
        # Down a chain of novations each total is asked for by both parts of the next: found once, it is kept.
        self._found: dict[datetime, int] = {}

    def to(self, x: datetime) -> int:
        """C(x)."""
        if self._parts is None:
            return rounded(self._own.to(x), self._rounding)
        if x not in self._found:
            self._found[x] = self._split(x, *self._parts)
        return self._found[x]

    def within(self, start: datetime, end: datetime) -> int:
        """C(end) - C(start); 0 where that is empty."""
        return self.to(end) - self.to(start) if start < end else 0

    def _split(self, x: datetime, undivided: "RunningTotal", kept: "RunningTotal") -> int:
        if self._since is None or x <= self._since:
            return undivided.to(x) - kept.to(x)
        return self.to(self._since) + rounded(self._own.within(self._since, x), self._rounding)


def parts_of(
    origin: NovatedFrom | None, currency: str, rounding: Rounding
) -> tuple[RunningTotal, RunningTotal] | None:
    """The totals of the undivided contract, and of the same with only what was kept from the novation on."""
    if origin is None:
        return None
    at = origin.effective_at
    before = [
        TermsPeriod(start=period.start, end=_earlier(period.end, at), terms=period.terms)
        for period in origin.undivided
        if period.start < at
    ]
    whole, rest = within_term(origin.undivided), within_term([*before, *origin.kept])
    parts, changed_at = parts_of(origin.origin, currency, rounding), origin.changed_at
    undivided = RunningTotal(whole, currency, rounding, parts=parts, changed_at=changed_at)
    return undivided, RunningTotal(rest, currency, rounding, parts=parts, changed_at=_earlier(changed_at, at))


def _earlier(a: datetime | None, b: datetime) -> datetime:
    return b if a is None else min(a, b)
