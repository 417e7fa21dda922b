"""Usage: what was metered in the interval, through the tiers in force at its start."""

from collections.abc import Sequence
from fractions import Fraction
from typing import assert_never

from schemas.contracts import UsageCharge
from schemas.contracts.charges import UsageTier
from schemas.kernel.instants import seconds
from schemas.kernel.rates import rate
from services.settlement.domain.rating.facts import Deal
from services.settlement.domain.rating.line import Line
from services.settlement.domain.rating.scope import Scope

GPU_METER = "gpu"
SECONDS_PER_HOUR = 3600


def usage(deal: Deal, scope: Scope) -> list[Line]:
    """`graduated`: one line a tier that was reached; `volume`: one line at the reached tier's rate."""
    if not scope.chapters:
        return []
    lines: list[Line] = []
    for charge in scope.opening.charges:
        if isinstance(charge, UsageCharge):
            lines += _lines(scope, charge, metered(deal, scope, charge))
    return lines


def metered(deal: Deal, scope: Scope, charge: UsageCharge) -> int:
    """What was metered in the interval for a charge: GPU-seconds, or whole units of another meter."""
    start, end = seconds(scope.interval.start), seconds(scope.interval.end)
    return sum(deal.meters.total(line, charge.meter, start, end) for line in charge.lines)


def _lines(scope: Scope, charge: UsageCharge, quantity: int) -> list[Line]:
    unit = SECONDS_PER_HOUR if charge.meter == GPU_METER else 1
    match charge.mode:
        case "graduated":
            parts = _graduated(charge.tiers, quantity, unit)
        case "volume":
            parts = _volume(charge.tiers, quantity, unit)
        case _:
            assert_never(charge.mode)
    return [_line(scope, charge, tier, part, unit) for tier, part in parts if part]


def _graduated(tiers: Sequence[UsageTier], quantity: int, unit: int) -> list[tuple[int, Fraction]]:
    """The part of the quantity in each tier; what lies above the last tier goes to the last."""
    parts: list[tuple[int, Fraction]] = []
    done = Fraction(0)
    for index, tier in enumerate(tiers):
        last = index == len(tiers) - 1
        top = Fraction(quantity)
        if tier.up_to is not None and not last:
            top = min(top, rate(tier.up_to) * unit)
        parts.append((index, max(Fraction(0), top - done)))
        done = max(done, top)
    return parts


def _volume(tiers: Sequence[UsageTier], quantity: int, unit: int) -> list[tuple[int, Fraction]]:
    for index, tier in enumerate(tiers):
        if tier.up_to is None or quantity <= rate(tier.up_to) * unit:
            return [(index, Fraction(quantity))]
    return [(len(tiers) - 1, Fraction(quantity))] if tiers else []


def _line(scope: Scope, charge: UsageCharge, index: int, part: Fraction, unit: int) -> Line:
    tier = charge.tiers[index]
    of_gpus = charge.meter == GPU_METER
    per = " / 3600" if of_gpus else ""
    name = "GPU-second" if of_gpus else charge.meter
    whole = part.numerator // part.denominator
    return Line(
        kind="usage",
        charge=charge.charge,
        service=scope.interval,
        amount=scope.round(scope.exact(part / unit * rate(tier.rate))),
        quantity=whole,
        unit=name,
        rate=tier.rate,
        formula=f"{part} {name}s{per} x {tier.rate} (tier {index + 1}, {charge.mode})",
        order=scope.order(charge.charge, scope.interval, index),
        versions=(scope.chapters[0].version,),
        holdings=charge.lines,
    )
