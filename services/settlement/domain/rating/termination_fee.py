"""The fee of the right by which a contract ends early: a line of the interval that holds its last second."""

from services.settlement.domain.rating.facts import Deal
from services.settlement.domain.rating.line import Line
from services.settlement.domain.rating.scope import Scope


def termination_fee(deal: Deal, scope: Scope) -> list[Line]:
    """One line, without a charge."""
    way_out = deal.exit
    interval = scope.interval
    if way_out is None or not interval.start < way_out.ends_at <= interval.end:
        return []
    if way_out.currency != scope.currency:
        return []
    return [
        Line(
            kind="termination_fee",
            charge=None,
            service=interval,
            amount=way_out.fee,
            formula=way_out.formula,
            versions=(way_out.version,),
        )
    ]
