"""Margin: what capacity earned over a stretch of time, less what it cost, by pool.

Both are running totals, rounded, so that the margins of neighbouring stretches add up. What a contract
earns is shared among the pools of its lines by their committed GPU-seconds of the stretch; where it commits
none it belongs to the tenant as a whole.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction

import msgspec

from schemas.kernel.agreement import Agreement
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.names import qualify
from schemas.kernel.rounding import round_half_up
from schemas.kernel.schedule import Schedule
from schemas.kernel.shares import largest_remainder
from schemas.settlement import CostRecorded
from services.settlement.domain.rating import RatedInterval, Rating
from services.settlement.domain.revenue import INCOME, Earnings

SECONDS_PER_HOUR = 3600
NO_POOL = ""
"""Stands for what no pool of a contract has earned."""


class PoolShare(msgspec.Struct, frozen=True, kw_only=True):
    """What one pool has of a contract: minor units earned, and the GPU-seconds committed for it."""

    pool: str
    earned: int
    committed: int


def earned(rating: Rating, earnings: Earnings, window: Interval) -> int:
    """What a contract earns in a stretch of time, in minor units of its currency."""
    return _to_date(rating, earnings, window.end) - _to_date(rating, earnings, window.start)


def _to_date(rating: Rating, earnings: Earnings, t: datetime) -> int:
    """The rounded total earned by an instant; an interval's own charges as it passes, second by second."""
    exact = sum((fee.earned(seconds(t)) for fee in earnings.fees.values()), Fraction(0))
    for found in rating.intervals:
        interval = found.scope.interval
        if interval.start < t:
            passed = Fraction(
                min(seconds(t), seconds(interval.end)) - seconds(interval.start), interval.seconds
            )
            exact += _own(found) * passed
    lost = sum(part for purse in rating.purses for at, part in purse.breakage if at <= t)
    return round_half_up(exact) + lost


def _own(found: RatedInterval) -> int:
    """What an interval's lines earn besides fixed fees, which are earned over their own time."""
    return sum(line.amount for line in found.lines if line.kind != "fixed" and line.kind in INCOME)


def by_pool(agreement: Agreement, window: Interval, amount: int) -> list[PoolShare]:
    """An amount shared among the pools of a contract's lines, by name."""
    committed: dict[str, int] = {}
    for line in agreement.lines:
        for pool, held in _held(agreement, line).items():
            part = held.integral(window.start, window.end)
            committed[pool] = committed.get(pool, 0) + part
    pools = sorted(pool for pool, part in committed.items() if part)
    if not pools:
        return [PoolShare(pool=NO_POOL, earned=amount, committed=0)]
    shares = largest_remainder(amount, [committed[pool] for pool in pools])
    return [
        PoolShare(pool=pool, earned=part, committed=committed[pool])
        for pool, part in zip(pools, shares, strict=True)
    ]


def _held(agreement: Agreement, line: str) -> Mapping[str, Schedule]:
    """What a line commits of each pool that it has lain in."""
    whole = agreement.committed(line)
    found: dict[str, Schedule] = {}
    for segment in agreement.term_segments:
        for written in segment.terms.lines:
            if written.line == line:
                pool = NO_POOL if written.pool is None else qualify(written.pool, agreement.supplier)
                part = whole.clip(segment.interval.start, segment.interval.end)
                found[pool] = found.get(pool, Schedule.EMPTY) + part
    return found


def counted(costs: Iterable[CostRecorded], window: Interval) -> list[CostRecorded]:
    """The costs of which something falls in a stretch of time."""
    return [cost for cost in costs if cost.interval.overlap(window) is not None]


def in_window(amount: int, interval: Interval, window: Interval) -> int:
    """What of a cost falls in a stretch: the rounded total to its end less that to its start."""
    return _until(amount, interval, window.end) - _until(amount, interval, window.start)


def _until(amount: int, interval: Interval, t: datetime) -> int:
    passed = min(max(seconds(t), seconds(interval.start)), seconds(interval.end)) - seconds(interval.start)
    return round_half_up(Fraction(amount * passed, interval.seconds))


def percent_of(part: int, whole: int) -> str | None:
    """A part in percent of a whole, with two digits; None of nothing."""
    if not whole:
        return None
    hundredths = round_half_up(Fraction(part * 10_000, abs(whole)))
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02}"


def per_gpu_hour(amount: int, gpu_seconds: int) -> Fraction | None:
    """Minor units for each committed GPU-hour; None where none is committed."""
    return Fraction(amount * SECONDS_PER_HOUR, gpu_seconds) if gpu_seconds else None
