"""Decisions on reservations, by the operator: reserve (also several together), hold, amend, release."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from schemas.capacity import (
    AmendReservation,
    CapacityHeld,
    CapacityReserved,
    ConfirmHold,
    ExpireHold,
    Fill,
    HoldConfirmed,
    Part,
    Rejection,
    ReleaseReservation,
    ReservationAmended,
    ReservationReleased,
    ReserveCapacity,
    ReserveTogether,
    Tier,
)
from schemas.decision import Order, Outcome, Refused
from schemas.kernel.instants import instant, seconds
from schemas.kernel.names import qualify
from schemas.kernel.schedule import Schedule
from services.capacity.domain.access import (
    contract_of,
    not_the_operator,
    off,
    pool_of,
    reservation_of,
    stream_of,
)
from services.capacity.domain.book import Book
from services.capacity.domain.cover import cover
from services.capacity.domain.draft import Draft
from services.capacity.domain.fit import Demand, Lack, demands, details, earliest_shift, lack, lack_of
from services.capacity.domain.holding import Holding
from services.capacity.domain.pool import Pool

States = Mapping[str, Any]
ORDER = list(Rejection)


def reserve_capacity(states: States, order: Order[ReserveCapacity]) -> Outcome:
    """Reserve or hold GPUs, if they are there at every instant. The same again: nothing."""
    command = order.command
    part = Part(
        pool=command.pool,
        reservation=command.reservation,
        holder=command.holder,
        tier=command.tier,
        quantity=command.quantity,
        contract=command.contract,
        line=command.line,
        fill=command.fill,
        hold_until=command.hold_until,
    )
    return _reserve(states, order, [part], gang=False)


def reserve_together(states: States, order: Order[ReserveTogether]) -> Outcome:
    """Reserve in several pools of one operator, all or none."""
    return _reserve(states, order, order.command.parts, gang=True)


def _reserve(states: States, order: Order[Any], parts: Sequence[Part], *, gang: bool) -> Outcome:
    drafts: dict[str, Draft] = {}
    refusals: list[tuple[Part, Refused]] = []
    lacks: list[tuple[Part, Lack]] = []
    for part in parts:
        found = _take(states, order, part, drafts)
        if isinstance(found, Refused):
            refusals.append((part, found))
        elif found is not None:
            lacks.append((part, found))
    if lacks:
        start = _earliest(order, parts, drafts)
        refusals += [(part, Refused(lacking.code, details(lacking, start))) for part, lacking in lacks]
    if refusals:
        part, refused = min(refusals, key=lambda each: ORDER.index(Rejection(each[1].code)))
        if not gang:
            return refused
        return Refused(refused.code, {**refused.details, "pool": qualify(part.pool, order.actor)})
    for draft in drafts.values():
        if not draft.is_quiet:
            cover(draft)
    return [emitted for draft in drafts.values() for emitted in draft.outcome]


def _take(states: States, order: Order[Any], part: Part, drafts: dict[str, Draft]) -> Refused | Lack | None:
    """Add one part's event to the draft of its pool; return what speaks against it."""
    pool = pool_of(states, part.pool, order.actor)
    refused = not_the_operator(pool, order) or off(pool, (), (), part.quantity)
    if refused is not None:
        return refused
    stream = stream_of(pool.name)
    draft = drafts.get(stream)
    if draft is None:
        draft = drafts[stream] = Draft(pool, seconds(order.at))
    known = draft.after.holdings.get(part.reservation)
    if known is not None:
        return (
            None
            if same_request(known, part, pool.operator)
            else Refused(Rejection.RESERVATION_EXISTS_OTHERWISE)
        )
    if part.hold_until is not None and part.hold_until <= order.at:
        return Refused(Rejection.HOLD_EXPIRED)
    book, quantity = draft.after.book, part.quantity
    if part.fill is Fill.AS_AVAILABLE:
        quantity = available(book, part.tier, quantity, pool.info.lot)
    elif (lacking := lack(book, part.tier, quantity)) is not None:
        return lacking
    draft.add(_reserved(pool, part, quantity), part.holder)
    return None


def _reserved(pool: Pool, part: Part, quantity: Schedule) -> CapacityReserved | CapacityHeld:
    asked = None if quantity == part.quantity else part.quantity
    if part.hold_until is None:
        return CapacityReserved(
            pool=pool.name,
            reservation=part.reservation,
            holder=part.holder,
            tier=part.tier,
            quantity=quantity,
            contract=contract_of(part.contract, pool.operator),
            line=part.line,
            fill=part.fill,
            asked=asked,
        )
    return CapacityHeld(
        pool=pool.name,
        reservation=part.reservation,
        holder=part.holder,
        tier=part.tier,
        quantity=quantity,
        hold_until=part.hold_until,
        contract=contract_of(part.contract, pool.operator),
        line=part.line,
        fill=part.fill,
        asked=asked,
    )


def same_request(known: Holding, part: Part, operator: str) -> bool:
    """Say whether a reservation is what a request asks for, whatever became of it since."""
    contract = contract_of(part.contract, operator)
    until = None if part.hold_until is None else seconds(part.hold_until)
    return (
        known.is_reservation
        and known.came is None
        and (known.holder, known.tier, known.asked, known.contract, known.line, known.fill, known.held_first)
        == (part.holder, part.tier, part.quantity, contract, part.line, part.fill, until)
    )


def available(book: Book, tier: Tier, quantity: Schedule, lot: int) -> Schedule:
    """Return what there is of a request at every instant, in whole lots."""
    steps = [
        (free.start, free.end, min(wanted, free.free) // lot * lot)
        for start, end, wanted in quantity.raw
        for free in book.free(tier, start, end)
    ]
    return Schedule.from_raw(steps)


def _earliest(order: Order[Any], parts: Iterable[Part], drafts: Mapping[str, Draft]) -> datetime | None:
    """Return the least start, at or after the asked one, from which on all parts fit in the same shape."""
    found: list[Demand] = []
    wanted = [part for part in parts if part.fill is Fill.ALL and not part.quantity.is_empty]
    for stream in dict.fromkeys(stream_of(qualify(part.pool, order.actor)) for part in wanted):
        if stream not in drafts:
            continue
        own = [part for part in wanted if stream_of(qualify(part.pool, order.actor)) == stream]
        found += demands(fresh(drafts[stream]), [(part.tier, part.quantity) for part in own])
    shift = earliest_shift(found)
    if shift is None or not found:
        return None
    return instant(min(part.quantity.raw[0][0] for part in wanted) + shift)


def fresh(draft: Draft) -> Book:
    """Return the book without what this decision would take, but without holds that have run out."""
    return Draft(draft.before, draft.at).after.book


def confirm_hold(states: States, order: Order[ConfirmHold]) -> Outcome:
    """Make a hold stay. Again: nothing."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order)
    if refused is not None:
        return refused
    held = reservation_of(pool, order, command.reservation)
    if isinstance(held, Refused):
        return held
    if held.expired or (held.hold_until is not None and held.hold_until <= seconds(order.at)):
        return Refused(Rejection.HOLD_EXPIRED)
    if held.hold_until is None:
        return []
    draft = Draft(pool, seconds(order.at))
    event = HoldConfirmed(pool=pool.name, reservation=held.name, quantity=held.quantity)
    draft.add(event, held.holder)
    cover(draft)
    return draft.outcome


def expire_hold(states: States, order: Order[ExpireHold]) -> Outcome:
    """By timer: write off what has run out."""
    pool = pool_of(states, order.command.pool, order.actor)
    if pool.registered is None or not pool.holds:
        return []
    draft = Draft(pool, seconds(order.at))
    if not draft.emitted:
        return []
    cover(draft)
    return draft.emitted


def amend_reservation(states: States, order: Order[AmendReservation]) -> Outcome:
    """Give a reservation another shape, if what is more is there and what is less was not passed on."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order) or off(pool, (), (), command.quantity)
    if refused is not None:
        return refused
    known = reservation_of(pool, order, command.reservation)
    if isinstance(known, Refused):
        return known
    if known.expired or (known.hold_until is not None and known.hold_until <= seconds(order.at)):
        return Refused(Rejection.HOLD_EXPIRED)
    if known.quantity == command.quantity:
        return []
    draft = Draft(pool, seconds(order.at))
    lacking = lack(draft.after.book, known.tier, command.quantity.minus(known.quantity)) or _passed_on_more(
        pool, known, command.quantity
    )
    if lacking is not None:
        return Refused(lacking.code, details(lacking, None))
    event = ReservationAmended(
        pool=pool.name,
        reservation=known.name,
        quantity=command.quantity,
        tier=known.tier,
        uncovered=known.uncovered.min(command.quantity),
        recall=known.recall,
    )
    draft.add(event, known.holder)
    cover(draft)
    return draft.outcome


def release_reservation(states: States, order: Order[ReleaseReservation]) -> Outcome:
    """Give a reservation back from an instant on, if nothing of that was passed on."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = not_the_operator(pool, order) or off(pool, [command.start])
    if refused is not None:
        return refused
    known = reservation_of(pool, order, command.reservation)
    if isinstance(known, Refused):
        return known
    left = known.quantity.clip(None, command.start)
    if left == known.quantity:
        return []
    lacking = _passed_on_more(pool, known, left)
    if lacking is not None:
        return Refused(lacking.code, details(lacking, None))
    draft = Draft(pool, seconds(order.at))
    event = ReservationReleased(pool=pool.name, reservation=known.name, start=command.start, quantity=left)
    draft.add(event, known.holder)
    cover(draft)
    return draft.outcome


def _passed_on_more(pool: Pool, known: Holding, left: Schedule) -> Lack | None:
    """Return what a holder would lack for what it passed on."""
    if not known.takers:
        return None
    return lack_of(left, pool.passed_on(known.name), Rejection.ENTITLEMENT_SHORT)
