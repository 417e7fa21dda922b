"""Residual: a backstop that takes whatever of a pool is unsold, up to a limit, at every instant."""

from fractions import Fraction

from schemas.contracts import ResidualCharge
from schemas.kernel.interval import Interval
from schemas.kernel.names import qualify
from schemas.kernel.rates import rate
from schemas.kernel.schedule import Schedule
from services.settlement.domain.rating.facts import Chapter, Deal, charge_in
from services.settlement.domain.rating.line import Line
from services.settlement.domain.rating.scope import Scope

SECONDS_PER_HOUR = 3600


def residual(deal: Deal, scope: Scope) -> list[Line]:
    """One line for each neighbouring stretch of one pool, limit and rate."""
    lines: list[Line] = []
    for name in scope.places:
        runs: list[tuple[Interval, ResidualCharge, int, tuple[int, ...]]] = []
        for chapter in scope.chapters:
            charge = charge_in(chapter.terms, name, ResidualCharge)
            if charge is None:
                continue
            taken = _taken(deal, chapter, charge)
            last = runs[-1] if runs else None
            if last is not None and last[0].end == chapter.interval.start and _alike(last[1], charge):
                part = Interval(last[0].start, chapter.interval.end)
                runs[-1] = (part, last[1], last[2] + taken, (*last[3], chapter.version))
            else:
                runs.append((chapter.interval, charge, taken, (chapter.version,)))
        lines += [_line(scope, *run) for run in runs]
    return lines


def _taken(deal: Deal, chapter: Chapter, charge: ResidualCharge) -> int:
    """GPU-seconds of min(limit, unsold) within the chapter, up to `until`."""
    start, end = chapter.interval.start, chapter.interval.end
    if charge.until is not None:
        end = min(end, charge.until)
    if end <= start or not charge.limit:
        return 0
    unsold = deal.unsold.get(qualify(charge.pool, chapter.terms.supplier), Schedule.EMPTY)
    return unsold.min(Schedule.constant(start, end, charge.limit)).total()


def _alike(a: ResidualCharge, b: ResidualCharge) -> bool:
    return a.pool == b.pool and a.limit == b.limit and rate(a.rate) == rate(b.rate)


def _line(
    scope: Scope, part: Interval, charge: ResidualCharge, quantity: int, versions: tuple[int, ...]
) -> Line:
    return Line(
        kind="residual",
        charge=charge.charge,
        service=part,
        amount=scope.round(scope.exact(Fraction(quantity, SECONDS_PER_HOUR) * rate(charge.rate))),
        quantity=quantity,
        unit="GPU-second",
        rate=charge.rate,
        formula=f"{quantity} GPU-seconds unsold, at most {charge.limit} GPUs, / 3600 x {charge.rate}",
        order=scope.order(charge.charge, part),
        versions=tuple(dict.fromkeys(versions)),
        pools=(qualify(charge.pool, scope.opening.supplier),),
    )
