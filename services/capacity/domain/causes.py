"""Quantities by cause, in the order in which causes are charged with a shortfall."""

from typing import Final

from schemas.capacity import ByCause, Cause
from schemas.kernel.schedule import Schedule, sum_of

CAUSES: Final = (Cause.DELIVERY, Cause.MAINTENANCE, Cause.OUTAGE)
NOTHING: Final = ByCause(delivery=Schedule.EMPTY, maintenance=Schedule.EMPTY, outage=Schedule.EMPTY)


def by(quantity: ByCause, cause: Cause) -> Schedule:
    """Return the part of one cause."""
    match cause:
        case Cause.DELIVERY:
            return quantity.delivery
        case Cause.MAINTENANCE:
            return quantity.maintenance
        case Cause.OUTAGE:
            return quantity.outage


def replaced(quantity: ByCause, cause: Cause, part: Schedule) -> ByCause:
    """Return the quantity with another part of one cause."""
    parts = {each: by(quantity, each) for each in CAUSES}
    parts[cause] = part
    return by_cause(parts)


def by_cause(parts: dict[Cause, Schedule]) -> ByCause:
    """Return the quantity made of its parts."""
    return ByCause(
        delivery=parts[Cause.DELIVERY], maintenance=parts[Cause.MAINTENANCE], outage=parts[Cause.OUTAGE]
    )


def total(quantity: ByCause) -> Schedule:
    """Return all causes together."""
    return sum_of((quantity.delivery, quantity.maintenance, quantity.outage))
