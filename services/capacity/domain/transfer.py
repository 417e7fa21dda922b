"""Decisions on who holds a reservation: it moves to another, whole or in part; the pool does not move."""

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.capacity import (
    GiverChanged,
    LineRecall,
    Rejection,
    ReservationAmended,
    ReservationTakenOver,
    ReservationTransferred,
    TransferReservation,
)
from schemas.decision import Order, Outcome, Refused
from schemas.kernel.instants import instant, seconds
from schemas.kernel.schedule import Schedule
from services.capacity.domain.access import not_the_operator, off, pool_of, reservation_of
from services.capacity.domain.below import lowered
from services.capacity.domain.cover import cover
from services.capacity.domain.draft import Draft
from services.capacity.domain.fit import details, lack_of
from services.capacity.domain.holding import Holding

States = Mapping[str, Any]


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer as decided: `start` on the grid; `whole` = all that is left, what was passed on included.

    `recalled`: what had been taken back of what goes: it stays so.
    """

    name: str
    new_name: str
    to: str
    start: int
    moved: Schedule
    whole: bool
    contract: str | None = None
    line: str | None = None
    asked: Schedule | None = None
    recall: tuple[LineRecall, ...] = ()
    recalled: Schedule = Schedule.EMPTY


def transfer_reservation(states: States, order: Order[TransferReservation]) -> Outcome:
    """Move a reservation to another holder from effective_at on. The same again: nothing."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order)
    if refused is not None:
        return refused
    whole = command.quantity is None
    shapes = () if command.quantity is None else (command.quantity,)
    refused = off(pool, [order.effective_at] if whole else (), (), *shapes)
    if refused is not None:
        return refused
    known = reservation_of(pool, order, command.reservation)
    if isinstance(known, Refused):
        return known
    transfer = _asked(known, order, pool.info.quantum_seconds)
    there = pool.holdings.get(command.new_reservation)
    if there is not None:
        return [] if _same(there, transfer) else Refused(Rejection.RESERVATION_EXISTS_OTHERWISE)
    if known.expired or (known.hold_until is not None and known.hold_until <= seconds(order.at)):
        return Refused(Rejection.HOLD_EXPIRED)
    draft = Draft(pool, seconds(order.at))
    refused = None if whole else _not_there(draft, known, transfer.moved)
    if refused is not None:
        return refused
    if transfer.moved.is_empty:
        return []
    move(draft, transfer)
    cover(draft)
    return draft.outcome


def _asked(known: Holding, order: Order[TransferReservation], quantum: int) -> Transfer:
    command = order.command
    start = -(-seconds(order.effective_at) // quantum) * quantum
    whole = command.quantity is None
    moved = known.quantity if command.quantity is None else command.quantity
    return Transfer(
        name=known.name,
        new_name=command.new_reservation,
        to=command.to,
        start=start,
        moved=moved.clip(start, None),
        whole=whole,
        recalled=known.recalled.clip(start, None) if whole else Schedule.EMPTY,
    )


def _same(there: Holding, transfer: Transfer) -> bool:
    came = there.came
    if came is None or (came.other, came.start, came.whole) != (
        transfer.name,
        transfer.start,
        transfer.whole,
    ):
        return False
    return there.holder == transfer.to and (came.whole or came.moved == transfer.moved)


def _not_there(draft: Draft, known: Holding, moved: Schedule) -> Refused | None:
    """Refuse to move more than there is, or to leave less than was passed on."""
    free = known.quantity.minus(draft.after.passed_on(known.name))
    lacking = lack_of(free, moved, Rejection.ENTITLEMENT_SHORT)
    return None if lacking is None else Refused(lacking.code, details(lacking, None))


def move(draft: Draft, transfer: Transfer) -> None:
    """Add a transfer, and what follows for those below.

    Where less is left than was passed on (by law alone), those below lose the rest pro rata.
    """
    old = draft.after.holdings[transfer.name]
    left = old.quantity - transfer.moved
    draft.add(_transferred(draft, old, transfer, left), old.holder)
    draft.add(_taken_over(draft, old, transfer), transfer.to)
    if transfer.whole:
        _follow(draft, old, transfer)
    else:
        _lower(draft, old.name, left)


def _transferred(draft: Draft, old: Holding, transfer: Transfer, left: Schedule) -> ReservationTransferred:
    return ReservationTransferred(
        pool=draft.before.name,
        reservation=old.name,
        new_reservation=transfer.new_name,
        to=transfer.to,
        start=instant(transfer.start),
        moved=transfer.moved,
        quantity=left,
        asked=transfer.asked,
        whole=transfer.whole,
        recalled=None if transfer.recalled.is_empty else transfer.recalled,
    )


def _taken_over(draft: Draft, old: Holding, transfer: Transfer) -> ReservationTakenOver:
    return ReservationTakenOver(
        pool=draft.before.name,
        reservation=transfer.new_name,
        old_reservation=old.name,
        holder=transfer.to,
        start=instant(transfer.start),
        tier=old.tier,
        quantity=transfer.moved,
        contract=transfer.contract,
        line=transfer.line,
        fill=old.fill,
        asked=transfer.asked,
        recall=transfer.recall,
        whole=transfer.whole,
        recalled=None if transfer.recalled.is_empty else transfer.recalled,
    )


def _follow(draft: Draft, old: Holding, transfer: Transfer) -> None:
    """Let those below have another giver, from the instant on."""
    for taker in old.takers:
        holding = draft.after.holdings[taker]
        if (
            holding.source_at(transfer.start) != old.name
            or holding.quantity.clip(transfer.start, None).is_empty
        ):
            continue
        event = GiverChanged(
            pool=draft.before.name,
            reservation=taker,
            giver=transfer.to,
            source=transfer.new_name,
            start=instant(transfer.start),
        )
        draft.add(event, holding.holder)
        draft.tell_givers(holding)


def _lower(draft: Draft, name: str, left: Schedule) -> None:
    for taker, less in list(lowered(draft.after, name, left)):
        holding = draft.after.holdings[taker]
        event = ReservationAmended(
            pool=draft.before.name,
            reservation=taker,
            quantity=less,
            tier=holding.tier,
            asked=holding.wanted,
            recall=holding.recall,
            came_from=holding.given_at(holding.quantity.minus(less)),
        )
        draft.add(event, holding.holder)
        draft.tell_givers(holding)
