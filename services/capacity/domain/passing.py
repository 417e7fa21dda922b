"""Decisions on what is passed on: pass on, recall, return; and the holder's own plan of use."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from schemas.capacity import (
    CapacityPassedOn,
    CapacityRecalled,
    CapacityReceived,
    CapacityRegained,
    CapacityReturned,
    LineRecall,
    PassOnCapacity,
    PlanUse,
    RecallCapacity,
    Rejection,
    ReturnCapacity,
    UsePlanned,
)
from schemas.decision import Order, Outcome, Refused
from schemas.kernel.instants import instant, seconds
from schemas.kernel.names import owner, qualify
from schemas.kernel.rates import percent
from schemas.kernel.schedule import Schedule
from services.capacity.domain.access import contract_of, held_by, named, off, pool_of, stranger
from services.capacity.domain.below import lowered, spans
from services.capacity.domain.cover import cover
from services.capacity.domain.draft import Draft
from services.capacity.domain.fit import demands_of, details, earliest_shift, lack_of
from services.capacity.domain.holding import Back, Holding
from services.capacity.domain.pool import Pool

States = Mapping[str, Any]


def pass_on(states: States, order: Order[PassOnCapacity]) -> Outcome:
    """Pass on a part of what the actor holds. The same again: nothing."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = stranger(pool, order) or _foreign_name(order) or off(pool, (), (), command.quantity)
    if refused is not None:
        return refused
    draft = Draft(pool, seconds(order.at))
    giver = _own(pool, draft.after, order, command.reservation)
    if isinstance(giver, Refused):
        return giver
    name = _free_name(draft.after, order.actor, command.holding)
    known = draft.after.holdings.get(name)
    if known is not None:
        same = known.source_at(0) == giver.name and _same(known, command, order.actor)
        return [] if same else Refused(Rejection.RESERVATION_EXISTS_OTHERWISE)
    refused = entitlement_lack(draft.after, giver.name, command.quantity)
    if refused is not None:
        return refused
    _give(draft, giver, name, command)
    cover(draft)
    return draft.outcome


def _foreign_name(order: Order[PassOnCapacity]) -> Refused | None:
    """Refuse a name that is another supplier's to give: such as that of a line of its contracts."""
    name = order.command.holding
    return None if owner(qualify(name, order.actor)) == order.actor else Refused(Rejection.NOT_YOURS_TO_DO)


def _own(pool: Pool, after: Pool, order: Order[Any], name: str) -> Holding | Refused:
    found = held_by(pool, order, name)
    return found if isinstance(found, Refused) else after.holdings[found.name]


def _free_name(pool: Pool, actor: str, name: str) -> str:
    """Return the name a holding is kept under: as given, unless a stranger to the giver has it."""
    qualified = qualify(name, actor)
    known = pool.holdings.get(name)
    if qualified in pool.holdings or known is None:
        return qualified if qualified in pool.holdings else name
    sources = (pool.holdings[source.name].holder for source in known.sources)
    return name if actor == known.holder or actor in sources or actor == pool.operator else qualified


def _same(known: Holding, command: PassOnCapacity, actor: str) -> bool:
    return (known.holder, known.asked, known.contract, known.line, known.notice_hours) == (
        command.to,
        command.quantity,
        contract_of(command.contract, actor),
        command.line,
        command.recall_notice_hours,
    )


def entitlement_lack(pool: Pool, giver: str, quantity: Schedule) -> Refused | None:
    """Refuse what a giver's entitlement does not hold, telling from when on the same shape would."""
    free = pool.entitlement(giver)
    lacking = lack_of(free, quantity, Rejection.ENTITLEMENT_SHORT)
    if lacking is None:
        return None
    shift = earliest_shift(demands_of(free, quantity, pool.info.quantum_seconds))
    start = None if shift is None else instant(quantity.raw[0][0] + shift)
    return Refused(lacking.code, details(lacking, start))


def _give(draft: Draft, giver: Holding, name: str, command: PassOnCapacity) -> None:
    given = CapacityPassedOn(
        pool=draft.before.name,
        reservation=giver.name,
        holding=name,
        to=command.to,
        quantity=command.quantity,
    )
    received = CapacityReceived(
        pool=draft.before.name,
        reservation=name,
        holder=command.to,
        giver=giver.holder,
        source=giver.name,
        tier=giver.tier,
        quantity=command.quantity,
        contract=contract_of(command.contract, giver.holder),
        line=command.line,
        recall_notice_hours=command.recall_notice_hours,
    )
    draft.add(given, giver.holder)
    draft.add(received, command.to)


# -- taking back --------------------------------------------------------------------------------------


def recall(states: States, order: Order[RecallCapacity]) -> Outcome:
    """Take back: the operator by a right of the reservation's contract, a giver by its notice."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = stranger(pool, order)
    if refused is not None:
        return refused
    found = named(pool, order.actor, command.reservation or command.holding or "")
    if found is not None and found.holder == order.actor and not _gives(pool, order.actor, found):
        return Refused(Rejection.NOT_YOURS_TO_DO)
    refused = off(pool, [command.start, command.until], [command.quantity])
    if refused is not None:
        return refused
    if found is None or not _gives(pool, order.actor, found):
        known = found is not None and order.actor == pool.operator
        return Refused(Rejection.NOT_THE_HOLDER if known else Rejection.RESERVATION_UNKNOWN)
    draft = Draft(pool, seconds(order.at))
    holding = draft.after.holdings[found.name]
    if back_of(command.start, command.until, command.quantity) in holding.back:
        return []
    window = holding.quantity.clip(command.start, command.until)
    taken = window if command.quantity is None else window.min(_constant(command, command.quantity))
    refused = _not_recallable(holding, taken, command.start) or _too_soon(holding, order)
    if refused is not None:
        return refused
    if taken.is_empty:
        return []
    _take_back(draft, holding, taken, command)
    cover(draft)
    return draft.outcome


def _constant(command: RecallCapacity, quantity: int) -> Schedule:
    return Schedule.constant(command.start, command.until, quantity)


def _gives(pool: Pool, actor: str, found: Holding) -> bool:
    """Say whether it is the actor's to take back."""
    if found.is_reservation:
        return actor == pool.operator
    return any(pool.holdings[source.name].holder == actor for source in found.sources[-1:])


def _right_at(rights: Iterable[LineRecall], t: datetime) -> LineRecall | None:
    """Return the contract's right that holds at an instant."""
    return next((r for r in rights if r.start <= t and (r.until is None or t < r.until)), None)


def _not_recallable(holding: Holding, taken: Schedule, start: datetime) -> Refused | None:
    """Refuse a recall without a right to it, or beyond the share that the terms allow at any instant."""
    if not holding.recall:
        by_notice = not holding.is_reservation and holding.notice_hours is not None
        return None if by_notice else Refused(Rejection.NOT_RECALLABLE)
    if _right_at(holding.recall, start) is None:
        return Refused(Rejection.NOT_RECALLABLE)
    whole = holding.wanted  # by the terms, whatever of it was recalled or never there
    recalled = holding.recalled + taken
    edges = [taken, whole, recalled, *(_stretch(right) for right in holding.recall)]
    for begin, _ in spans(edges):
        if not taken.at(begin):
            continue
        right = _right_at(holding.recall, instant(begin))
        if right is None or recalled.at(begin) > whole.at(begin) * percent(right.right.max_percent):
            return Refused(Rejection.NOT_RECALLABLE)
    return None


def _stretch(right: LineRecall) -> Schedule:
    return Schedule.constant(right.start, right.until, 1)


def _too_soon(holding: Holding, order: Order[RecallCapacity]) -> Refused | None:
    right = _right_at(holding.recall, order.command.start)
    hours = holding.notice_hours if right is None else right.right.notice_hours
    first = order.effective_at + timedelta(hours=hours or 0)
    if order.command.start >= first:
        return None
    return Refused(Rejection.RECALL_TOO_SOON, {"earliest": first})


def back_of(start: datetime, until: datetime | None, quantity: int | None) -> Back:
    """Return a recall or return as it is known again."""
    return Back(seconds(start), None if until is None else seconds(until), quantity)


def _take_back(draft: Draft, holding: Holding, taken: Schedule, command: RecallCapacity) -> None:
    """Add the recall, and what of it falls on those below."""
    pool = draft.before
    left = holding.quantity - taken
    draft.add(
        CapacityRecalled(
            pool=pool.name,
            reservation=holding.name,
            recalled=taken,
            quantity=left,
            start=command.start,
            until=command.until,
            asked=command.quantity,
        ),
        holding.holder,
    )
    for source in holding.sources:
        part = given_part(holding, source.name, taken)
        if not part.is_empty:
            event = CapacityRegained(
                pool=pool.name, reservation=source.name, holding=holding.name, regained=part
            )
            draft.add(event, pool.holdings[source.name].holder)
    for taker, less in list(lowered(draft.after, holding.name, left)):
        was = draft.after.holdings[taker]
        event_below = CapacityRecalled(
            pool=pool.name,
            reservation=taker,
            recalled=was.quantity - less,
            quantity=less,
            came_from=was.given_at(was.quantity - less),
        )
        draft.add(event_below, was.holder)
        draft.tell_givers(was)


def given_part(holding: Holding, source: str, part: Schedule) -> Schedule:
    """Return what of a part of a holding comes from one giver."""
    return part.min(holding.given_by(source))


def return_capacity(states: States, order: Order[ReturnCapacity]) -> Outcome:
    """Give a holding, or a part of it, back to its giver, from an instant on."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = stranger(pool, order)
    if refused is not None:
        return refused
    found = named(pool, order.actor, command.holding)
    if found is not None and found.is_reservation and found.holder == order.actor:
        return Refused(Rejection.NOT_YOURS_TO_DO)
    refused = off(pool, [command.start], [command.quantity])
    if refused is not None:
        return refused
    known = held_by(pool, order, command.holding)
    if isinstance(known, Refused):
        return known
    draft = Draft(pool, seconds(order.at))
    known = draft.after.holdings[known.name]
    if back_of(command.start, None, command.quantity) in known.back:
        return []
    later = known.quantity.clip(command.start, None)
    returned = later
    if command.quantity is not None:
        returned = later.min(Schedule.constant(command.start, None, command.quantity))
    if returned.is_empty:
        return []
    return _give_back(draft, known, returned, command)


def _give_back(draft: Draft, holding: Holding, returned: Schedule, command: ReturnCapacity) -> Outcome:
    left = holding.quantity - returned
    lacking = lack_of(left, draft.after.passed_on(holding.name), Rejection.ENTITLEMENT_SHORT)
    if lacking is not None:
        return Refused(lacking.code, details(lacking, None))
    pool = draft.before
    draft.add(
        CapacityReturned(
            pool=pool.name,
            reservation=holding.name,
            returned=returned,
            quantity=left,
            start=command.start,
            asked=command.quantity,
        ),
        holding.holder,
    )
    for source in holding.sources:
        part = given_part(holding, source.name, returned)
        if not part.is_empty:
            event = CapacityRegained(
                pool=pool.name, reservation=source.name, holding=holding.name, regained=part
            )
            draft.add(event, pool.holdings[source.name].holder)
    cover(draft)
    return draft.outcome


def plan_use(states: States, order: Order[PlanUse]) -> Outcome:
    """Keep a holder's own plan of use. The same again: nothing."""
    command = order.command
    pool = pool_of(states, command.pool, order.actor)
    refused = stranger(pool, order) or off(pool, (), (), command.quantity)
    if refused is not None:
        return refused
    known = held_by(pool, order, command.reservation)
    if isinstance(known, Refused):
        return known
    if known.plan == command.quantity:
        return []
    draft = Draft(pool, seconds(order.at))
    event = UsePlanned(pool=pool.name, reservation=known.name, quantity=command.quantity)
    draft.add(event, known.holder)
    cover(draft)
    return draft.outcome
