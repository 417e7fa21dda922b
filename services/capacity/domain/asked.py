"""A line that is asked for: it is checked in full, and reserved, held below its giver, or refused."""

from enum import StrEnum

from schemas.capacity import (
    CapacityPassedOn,
    CapacityReceived,
    CapacityReserved,
    Fill,
    Rejection,
    WantedLine,
)
from schemas.decision import Refused
from schemas.kernel.instants import instant
from schemas.kernel.names import owner
from schemas.kernel.schedule import Schedule
from services.capacity.domain.access import off
from services.capacity.domain.draft import Draft
from services.capacity.domain.fit import demands, details, earliest_shift, lack, lack_of
from services.capacity.domain.holding import Holding
from services.capacity.domain.passing import entitlement_lack
from services.capacity.domain.reserve import available


class HeadRefusal(StrEnum):
    """What a head contract's terms say against a sublease: contracts' own rejections, told by capacity."""

    TRANSFER_FORBIDDEN = "transfer_forbidden"
    CONSENT_MISSING = "consent_missing"


def ask_for(draft: Draft, name: str, line: WantedLine, contract: str) -> Refused | None:
    """Add what a line asks for, or return what speaks against it."""
    if line.refused is not None:
        return Refused(HeadRefusal(line.refused))
    refused = off(draft.before, (), (), line.quantity)
    if refused is not None:
        return refused
    if line.source is None:
        return _reserve(draft, name, line, contract)
    return _receive(draft, name, line, contract)


def _reserve(draft: Draft, name: str, line: WantedLine, contract: str) -> Refused | None:
    book, quantity = draft.after.book, line.quantity
    if line.fill is Fill.AS_AVAILABLE:
        quantity = available(book, line.tier, quantity, draft.before.info.lot)
    elif (lacking := lack(book, line.tier, quantity)) is not None:
        shift = earliest_shift(demands(book, [(line.tier, quantity)]))
        start = None if shift is None else instant(quantity.raw[0][0] + shift)
        return Refused(lacking.code, details(lacking, start))
    event = CapacityReserved(
        pool=draft.before.name,
        reservation=name,
        holder=line.holder,
        tier=line.tier,
        quantity=quantity,
        contract=contract,
        line=line.line,
        fill=line.fill,
        asked=None if quantity == line.quantity else line.quantity,
        since=line.since,
        recall=line.recall,
    )
    draft.add(event, line.holder)
    return None


def _receive(draft: Draft, name: str, line: WantedLine, contract: str) -> Refused | None:
    pool = draft.after
    giver = pool.holdings.get(line.source or "")
    if giver is None:
        lacking = lack_of(Schedule.EMPTY, line.quantity, Rejection.ENTITLEMENT_SHORT)
        return Refused(Rejection.ENTITLEMENT_SHORT, {} if lacking is None else details(lacking, None))
    if giver.holder != owner(contract):
        return Refused(HeadRefusal.CONSENT_MISSING)
    quantity = line.quantity
    if line.fill is Fill.AS_AVAILABLE:
        quantity = quantity.min(pool.entitlement(giver.name))
    elif (refused := entitlement_lack(pool, giver.name, quantity)) is not None:
        return refused
    _give(draft, giver, name, line, quantity)
    return None


def _give(draft: Draft, giver: Holding, name: str, line: WantedLine, quantity: Schedule) -> None:
    given = CapacityPassedOn(
        pool=draft.before.name,
        reservation=giver.name,
        holding=name,
        to=line.holder,
        quantity=quantity,
    )
    received = CapacityReceived(
        pool=draft.before.name,
        reservation=name,
        holder=line.holder,
        giver=giver.holder,
        source=giver.name,
        tier=giver.tier,
        quantity=quantity,
        contract=name.rpartition("/")[0],
        line=line.line,
        fill=line.fill,
        asked=None if quantity == line.quantity else line.quantity,
        since=line.since,
        recall=line.recall,
    )
    draft.add(given, giver.holder)
    draft.add(received, line.holder)
