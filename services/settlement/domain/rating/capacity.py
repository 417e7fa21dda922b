"""Capacity: committed quantity x rate, used or not; by the GPU-hour, or by the interval."""

from collections.abc import Iterable
from fractions import Fraction
from typing import assert_never

import msgspec

from schemas.contracts import CapacityCharge
from schemas.kernel.instants import instant
from schemas.kernel.interval import Interval
from schemas.kernel.rates import rate
from schemas.kernel.schedule import Schedule
from services.settlement.domain.rating.facts import Deal, charge_in, shown
from services.settlement.domain.rating.line import Line
from services.settlement.domain.rating.scope import Scope

SECONDS_PER_HOUR = 3600


class _Run(msgspec.Struct, frozen=True):
    """A stretch of one rate, and by the interval of one quantity; its committed GPU-seconds."""

    part: Interval
    charge: CapacityCharge
    quantity: int
    gpu_seconds: int
    versions: tuple[int, ...]


def capacity(deal: Deal, scope: Scope) -> list[Line]:
    """`gpu_hour`: one line a rate; `gpu_interval`: one line a stretch of quantity and rate."""
    lines: list[Line] = []
    for name in scope.places:
        lines += [_line(scope, run) for run in _merged(_runs(deal, scope, name))]
    return lines


def _runs(deal: Deal, scope: Scope, name: str) -> Iterable[_Run]:
    for chapter in scope.chapters:
        charge = charge_in(chapter.terms, name, CapacityCharge)
        if charge is None:
            continue
        held = deal.committed.get(charge.line, Schedule.EMPTY)
        inside = held.clip(chapter.interval.start, chapter.interval.end)
        match charge.per:
            case "gpu_hour":
                yield _Run(chapter.interval, charge, 0, inside.total(), (chapter.version,))
            case "gpu_interval":
                for start, end, quantity in inside.raw:
                    assert end is not None, "clipped to the chapter"
                    part = Interval(instant(start), instant(end))
                    yield _Run(part, charge, quantity, quantity * (end - start), (chapter.version,))
            case _:
                assert_never(charge.per)


def _merged(runs: Iterable[_Run]) -> list[_Run]:
    merged: list[_Run] = []
    for run in runs:
        last = merged[-1] if merged else None
        if last is not None and last.part.end == run.part.start and _alike(last, run):
            merged[-1] = _Run(
                Interval(last.part.start, run.part.end),
                last.charge,
                last.quantity,
                last.gpu_seconds + run.gpu_seconds,
                tuple(dict.fromkeys((*last.versions, *run.versions))),
            )
        else:
            merged.append(run)
    return merged


def _alike(a: _Run, b: _Run) -> bool:
    return (
        a.quantity == b.quantity
        and a.charge.per == b.charge.per
        and a.charge.line == b.charge.line
        and rate(a.charge.rate) == rate(b.charge.rate)
    )


def _line(scope: Scope, run: _Run) -> Line:
    charge = run.charge
    match charge.per:
        case "gpu_hour":
            hours = Fraction(run.gpu_seconds, SECONDS_PER_HOUR)
            exact = hours * rate(charge.rate)
            quantity, unit = run.gpu_seconds, "GPU-second"
            formula = f"{run.gpu_seconds} GPU-seconds / 3600 x {charge.rate}"
        case "gpu_interval":
            share = scope.share(run.part)
            exact = run.quantity * rate(charge.rate) * share
            quantity, unit = run.quantity, "GPU"
            formula = f"{run.quantity} GPUs x {charge.rate} x {shown(share)} of the interval"
        case _:
            assert_never(charge.per)
    return Line(
        kind="capacity",
        charge=charge.charge,
        service=run.part,
        amount=scope.round(scope.exact(exact)),
        quantity=quantity,
        unit=unit,
        rate=charge.rate,
        formula=formula,
        order=scope.order(charge.charge, run.part),
        versions=run.versions,
        holdings=(charge.line,),
    )
