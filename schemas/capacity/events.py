"""What capacity records. Names are qualified; Schedules are absolute: the state as it now stands.

A reservation and what is passed on of it (a *holding*) are told of under one field, `reservation`. An event
concerns at most one other tenant; what concerns two is two events.
"""

from collections.abc import Mapping
from typing import Any

from schemas.capacity.values import (
    Count,
    Fill,
    Hours,
    LineRecall,
    Tier,
)
from schemas.kernel.schedule import Schedule
from schemas.kernel.wire import Id, Instant, Name, Quantity, ReservationName, Text
from schemas.message import Event


class CapacityReserved(Event, tag="capacity.CapacityReserved.v1"):
    """GPUs are reserved for a holder, who is the counterparty.

    Attributes:
        quantity: what is reserved.
        asked: what was asked for, where `fill` is as_available.
        since: where a line was asked for again, from when on it is wanted at all.
        recall: the operator's rights to take back, as they follow in time.
    """

    pool: Name
    reservation: ReservationName
    holder: Id
    tier: Tier
    quantity: Schedule
    contract: Name | None = None
    line: Id | None = None
    fill: Fill = Fill.ALL
    asked: Schedule | None = None
    since: Instant | None = None
    recall: tuple[LineRecall, ...] = ()


class CapacityHeld(Event, tag="capacity.CapacityHeld.v1"):
    """GPUs are held for a holder until `hold_until`; they count as committed."""

    pool: Name
    reservation: ReservationName
    holder: Id
    tier: Tier
    quantity: Schedule
    hold_until: Instant
    contract: Name | None = None
    line: Id | None = None
    fill: Fill = Fill.ALL
    asked: Schedule | None = None


class HoldConfirmed(Event, tag="capacity.HoldConfirmed.v1"):
    """A hold became a reservation of `quantity`."""

    pool: Name
    reservation: ReservationName
    quantity: Schedule


class HoldExpired(Event, tag="capacity.HoldExpired.v1"):
    """A hold ran out: it is no more."""

    pool: Name
    reservation: ReservationName


class ReservationReleased(Event, tag="capacity.ReservationReleased.v1"):
    """A reservation, or a holding below it, ends at `start`; `quantity` is what is left of it.

    `came_from`: the giver's reservation whose release or end brought this about, None if it was itself.
    """

    pool: Name
    reservation: ReservationName
    start: Instant
    quantity: Schedule
    came_from: ReservationName | None = None


class ReservationAmended(Event, tag="capacity.ReservationAmended.v1"):
    """A reservation or holding has another shape, `quantity`.

    Attributes:
        asked: what was wanted, None where that is `quantity`.
        uncovered: the part of it, before the decision, that nothing covered: its shortfall falls on it alone.
        recall: the rights to take back from it, as they follow in time.
        came_from: the giver's reservation or holding whose change brought this about.
    """

    pool: Name
    reservation: ReservationName
    quantity: Schedule
    tier: Tier
    asked: Schedule | None = None
    uncovered: Schedule | None = None
    recall: tuple[LineRecall, ...] = ()
    came_from: ReservationName | None = None


class CapacityPassedOn(Event, tag="capacity.CapacityPassedOn.v1"):
    """A holder, the counterparty, passed on of `reservation`; the taker gets CapacityReceived."""

    pool: Name
    reservation: ReservationName
    holding: ReservationName
    to: Id
    quantity: Schedule


class CapacityReceived(Event, tag="capacity.CapacityReceived.v1"):
    """A taker, the counterparty, holds what was passed on of `source`, its giver's reservation or holding."""

    pool: Name
    reservation: ReservationName
    holder: Id
    giver: Id
    source: ReservationName
    tier: Tier
    quantity: Schedule
    contract: Name | None = None
    line: Id | None = None
    recall_notice_hours: Hours | None = None
    fill: Fill = Fill.ALL
    asked: Schedule | None = None
    since: Instant | None = None
    recall: tuple[LineRecall, ...] = ()


class CapacityRecalled(Event, tag="capacity.CapacityRecalled.v1"):
    """GPUs of a reservation or holding were taken back: `recalled`; `quantity` is what is left of it.

    `start`, `until`, `asked`: the recall as it was asked for. `came_from`: instead, the giver's
    reservation or holding whose recall brought this about.
    """

    pool: Name
    reservation: ReservationName
    recalled: Schedule
    quantity: Schedule
    start: Instant | None = None
    until: Instant | None = None
    asked: Quantity | None = None
    came_from: ReservationName | None = None


class CapacityReturned(Event, tag="capacity.CapacityReturned.v1"):
    """A taker gave back `returned` of a holding, from `start` on; `quantity` is what is left of it.

    `asked`: how much it said, None = all.
    """

    pool: Name
    reservation: ReservationName
    returned: Schedule
    quantity: Schedule
    start: Instant
    asked: Quantity | None = None


class CapacityRegained(Event, tag="capacity.CapacityRegained.v1"):
    """A giver, the counterparty, has `regained` of `holding` back, by recall or return."""

    pool: Name
    reservation: ReservationName
    holding: ReservationName
    regained: Schedule


class ReservationTransferred(Event, tag="capacity.ReservationTransferred.v1"):
    """A reservation went over to another holder: what the old one, the counterparty, has to know.

    Attributes:
        moved: what went over; `asked`: what of its terms went over with it, None where that is the same.
        quantity: what is left with the old holder.
        whole: all that was left went over, with what was passed on of it.
        start: the instant from which on it did, on the grid.
        recalled: what had been taken back of what went: it stays recalled, of the new one. None = nothing.
    """

    pool: Name
    reservation: ReservationName
    new_reservation: ReservationName
    to: Id
    start: Instant
    moved: Schedule
    quantity: Schedule
    asked: Schedule | None = None
    whole: bool = False
    recalled: Schedule | None = None


class ReservationTakenOver(Event, tag="capacity.ReservationTakenOver.v1"):
    """A reservation or holding came over from another: what its new holder, the counterparty, has to know.

    It keeps its place in the order of reservations, and its giver.

    Attributes:
        recalled: what had been taken back of it from the old holder, which stays so. None = nothing.
    """

    pool: Name
    reservation: ReservationName
    old_reservation: ReservationName
    holder: Id
    start: Instant
    tier: Tier
    quantity: Schedule
    contract: Name | None = None
    line: Id | None = None
    fill: Fill = Fill.ALL
    asked: Schedule | None = None
    recall: tuple[LineRecall, ...] = ()
    whole: bool = False
    recalled: Schedule | None = None


class GiverChanged(Event, tag="capacity.GiverChanged.v1"):
    """The giver of a holding is another from `start` on: its taker is the counterparty."""

    pool: Name
    reservation: ReservationName
    giver: Id
    source: ReservationName
    start: Instant


class UsePlanned(Event, tag="capacity.UsePlanned.v1"):
    """A holder, the counterparty, plans to use `quantity` and no more."""

    pool: Name
    reservation: ReservationName
    quantity: Schedule


class TermsTaken(Event, tag="capacity.TermsTaken.v1"):
    """Capacity has answered everything in a contract up to its event of version `terms_version`."""

    contract: Name
    terms_version: Count


class RequestRefused(Event, tag="capacity.RequestRefused.v1"):
    """A line was asked for and does not fit. `details` as told to who asks by hand."""

    contract: Name
    line: Id
    code: Text
    terms_version: Count
    details: Mapping[str, Any] = {}
