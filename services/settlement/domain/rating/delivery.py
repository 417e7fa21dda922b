"""Reductions: of each fee, the share of the committed GPU-seconds that was not delivered, or recalled."""

from fractions import Fraction
from typing import Literal

from services.settlement.domain.rating.facts import Deal, charges_named
from services.settlement.domain.rating.line import SECURED, Line, total
from services.settlement.domain.rating.scope import Scope
from services.settlement.domain.rating.shortfall import Lack, not_delivered, recalled


def delivery(deal: Deal, scope: Scope, lines: list[Line]) -> list[Line]:
    """The fee x what was not delivered / what was committed: one line a charge."""
    return [
        made
        for name in scope.places
        if (made := _reduction(deal, scope, lines, name, "delivery")) is not None
    ]


def recall(deal: Deal, scope: Scope, lines: list[Line]) -> list[Line]:
    """The fee x what was recalled / what was committed: one line a charge."""
    return [
        made for name in scope.places if (made := _reduction(deal, scope, lines, name, "recall")) is not None
    ]


def _reduction(
    deal: Deal, scope: Scope, lines: list[Line], name: str, kind: Literal["delivery", "recall"]
) -> Line | None:
    fee = total(lines, SECURED, name)
    found = list(charges_named(scope.chapters, name))
    lack: Lack = not_delivered(deal, found) if kind == "delivery" else recalled(deal, found)
    part = lack.hull
    if part is None or not fee or not lack.committed:
        return None
    gpu_seconds = lack.lacking.total()
    what = "not delivered" if kind == "delivery" else "recalled"
    return Line(
        kind=kind,
        charge=name,
        service=part,
        amount=-scope.round(Fraction(fee * gpu_seconds, lack.committed)),
        quantity=gpu_seconds,
        unit="GPU-second",
        formula=(
            f"-{fee} minor units x {gpu_seconds} GPU-seconds {what} / {lack.committed} GPU-seconds committed"
        ),
        order=scope.order(name, part),
        versions=tuple(dict.fromkeys(chapter.version for chapter, _ in found)),
        holdings=tuple(dict.fromkeys(h for line in lines if line.charge == name for h in line.holdings)),
    )
