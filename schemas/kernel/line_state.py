"""How a line of a contract stands in the physical book, as far as contracts was told."""

from datetime import datetime
from typing import TypeAlias, assert_never

import msgspec

from schemas.contracts.events import LineConfirmed, LineDelivered, LineRefused, LineRequested, LineShort
from schemas.kernel.schedule import Schedule, sum_of

LineEvent: TypeAlias = LineRequested | LineConfirmed | LineRefused | LineShort | LineDelivered


class LineState(msgspec.Struct, frozen=True):
    """How a line stands in the physical book, as far as contracts was told.

    Attributes:
        requested_at: when it was asked for, while there is no answer.
        reserved: what is reserved for it, after recalls.
        recalled: what the supplier took back of it by right.
        delivery, maintenance, outage: what is cut of it, by cause.
        refused: the code and details of the last refusal, None once it is reserved.
    """

    requested_at: datetime | None = None
    reserved: Schedule = Schedule.EMPTY
    recalled: Schedule = Schedule.EMPTY
    delivery: Schedule = Schedule.EMPTY
    maintenance: Schedule = Schedule.EMPTY
    outage: Schedule = Schedule.EMPTY
    refused: LineRefused | None = None

    @property
    def cut(self) -> Schedule:
        """All that is cut of it."""
        return sum_of((self.delivery, self.maintenance, self.outage))

    @property
    def delivered(self) -> Schedule:
        """What of the reservation is there."""
        return self.reserved.minus(self.cut)


def evolve_line(line: LineState, event: LineEvent) -> LineState:
    """The state of a line after one more event of it."""
    replace = msgspec.structs.replace
    match event:
        case LineRequested():
            return replace(line, requested_at=event.effective_at)
        case LineConfirmed():
            return replace(
                line, requested_at=None, refused=None, reserved=event.quantity, recalled=event.recalled
            )
        case LineRefused():
            return replace(line, requested_at=None, refused=event)
        case LineShort():
            return replace(line, delivery=event.delivery, maintenance=event.maintenance, outage=event.outage)
        case LineDelivered():
            none = Schedule.EMPTY
            return replace(line, delivery=none, maintenance=none, outage=none)
        case _:
            assert_never(event)
