"""Capacity's events that change how a line of a contract stands: each becomes one command on that contract.

Capacity's Schedules are absolute and the events of a reservation lie in one shard, in order. A reservation is
a line's if its name has three parts, `supplier/contract/line`; what operators reserve by hand is not.
"""

from collections.abc import Sequence

from infra.event_store import Recorded
from infra.past import Past
from infra.service import Reaction
from schemas import capacity
from schemas.contracts import LineCut, LineRefusal, RecordLine
from schemas.decision import Sent
from schemas.kernel.schedule import Schedule
from schemas.message import Event

LINE_PARTS = 3


async def follow_capacity(recorded: Recorded, past: Past) -> Sequence[Sent]:
    """What an event of capacity says of a contract's line."""
    del past
    told = told_by(recorded.event)
    return [] if told is None else [Sent(command=told, key=told.line)]


def told_by(event: Event) -> RecordLine | None:
    """What an event says of a line, None if nothing."""
    match event:
        case capacity.RequestRefused():
            refusal = LineRefusal(code=event.code, details=event.details)
            return RecordLine(contract=event.contract, line=event.line, refused=refusal)
        case (
            capacity.CapacityReserved()
            | capacity.CapacityReceived()
            | capacity.ReservationAmended()
            | capacity.ReservationReleased()
            | capacity.CapacityReturned()
            | capacity.ReservationTransferred()
            | capacity.ReservationTakenOver()
            | capacity.HoldConfirmed()
        ):
            return _of_line(event.reservation, reserved=event.quantity)
        case capacity.CapacityRecalled():
            return _of_line(event.reservation, reserved=event.quantity, recalled=event.recalled)
        case capacity.CapacityCut() | capacity.CapacityRestored():
            cut = LineCut(cause=event.cause, quantity=event.quantity)
            return _of_line(event.reservation, cut=cut)
        case _:
            return None


def _of_line(
    reservation: str,
    *,
    reserved: Schedule | None = None,
    recalled: Schedule | None = None,
    cut: LineCut | None = None,
) -> RecordLine | None:
    parts = reservation.split("/")
    if len(parts) != LINE_PARTS:
        return None
    supplier, contract, line = parts
    return RecordLine(
        contract=f"{supplier}/{contract}", line=line, reserved=reserved, recalled=recalled, cut=cut
    )


CAPACITY = Reaction(name="contracts.lines", follows=("capacity",), react=follow_capacity)
