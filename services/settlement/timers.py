"""Timers: an interval is closed so many days after its end; a netting is settled at its value date.

At each interval's end what is open in another currency than the books' is valued anew, billed or not.
"""

from collections.abc import Sequence

from infra.event_store import Recorded
from infra.past import Past
from infra.service import TimerRule
from schemas.contracts import ContractAmended, ContractSigned, NoticeWithdrawn, OptionExercised
from schemas.decision import Timer
from schemas.kernel.agreement import days_after
from schemas.settlement import (
    AccountEvent,
    BookEvent,
    CloseInterval,
    IntervalClosed,
    NettingProposed,
    RateRecorded,
    RemeasureAccount,
    SettleNetting,
    StatementIssued,
)
from services.settlement.aggregates import BOOK
from services.settlement.domain.book import Book
from services.settlement.domain.intervals import slots
from services.settlement.domain.remeasuring import to_remeasure
from services.settlement.gathering import account_at, ends_at
from services.settlement.knowledge import agreement_of

CONTRACT_STREAM = "contract-"


async def timers(recorded: Recorded, past: Past) -> Sequence[Timer]:
    """Return the timers that an event sets."""
    return [*await _closes(recorded, past), *await _remeasurements(recorded, past)]


async def _closes(recorded: Recorded, past: Past) -> Sequence[Timer]:
    event = recorded.event
    match event:
        case NettingProposed():
            if event.party != event.proposer:
                return []
            settle = SettleNetting(netting=event.netting)
            return [Timer(due=event.value_date, kind="settle", key=event.netting, command=settle)]
        case IntervalClosed() | StatementIssued():
            return await _next_close(past, event.contract)
        case RateRecorded():
            # what could not be closed for want of a rate is tried again
            return [
                one for c in await _contracts(past, recorded.tenant) for one in await _next_close(past, c)
            ]
        case ContractSigned() | ContractAmended() | OptionExercised() | NoticeWithdrawn():
            return await _next_close(past, event.contract)
        case _:
            return []


async def _next_close(past: Past, contract: str) -> list[Timer]:
    """The timer of the first interval that is not closed, by the terms as known."""
    agreement, _ = await agreement_of(past, contract)
    if agreement is None or not agreement.term_segments:
        return []
    state = await account_at(past, contract)
    for slot in slots(agreement, agreement.end, state.issued):
        if slot.interval.start in state.closed:
            continue
        days = slot.billing.close_days
        if days is None:
            continue
        due = days_after(slot.interval.end, days)
        close = CloseInterval(contract=contract, interval=slot.interval)
        key = f"{contract}-{slot.label}-{days}"
        return [Timer(due=due, kind="close", key=key, command=close)]
    return []


async def _contracts(past: Past, tenant: str) -> list[str]:
    """The contracts of which a tenant is the supplier."""
    names = await past.streams("contracts", tenant, "contract")
    return [f"{tenant}/{n.stream.removeprefix(CONTRACT_STREAM)}" for n in names if n.tenant == tenant]


async def _remeasurements(recorded: Recorded, past: Past) -> list[Timer]:
    """The timers at the ends of intervals at which something is open in another currency than the books'."""
    event = recorded.event
    if recorded.log != "settlement" or not isinstance(event, AccountEvent | BookEvent):
        return []
    book: Book = (await past.fold("settlement", BOOK, recorded.tenant, f"book-{recorded.tenant}")).state
    if book.currency in (None, getattr(event, "currency", "")) and not isinstance(event, BookEvent):
        return []
    contracts = (
        [event.contract] if isinstance(event, AccountEvent) else await _contracts(past, recorded.tenant)
    )
    found = [await _next_remeasurement(past, book, contract, recorded) for contract in contracts]
    return [timer for timer in found if timer is not None]


async def _next_remeasurement(past: Past, book: Book, contract: str, recorded: Recorded) -> Timer | None:
    state = await account_at(past, contract)
    ends = await ends_at(past, contract, state, recorded.recorded_at)
    if ends is None or book.currency is None:
        return None
    missing = to_remeasure(state, book, ends.past)
    if not missing and not state.holds_foreign(book.currency, ends.next):
        return None
    due = missing[0] if missing else ends.next
    command = RemeasureAccount(contract=contract)
    return Timer(due=due, kind="remeasure", key=f"{contract}-{due:%Y-%m-%d}", command=command)


TIMERS = (TimerRule(name="settlement.timers", follows=("contracts", "settlement"), timers=timers),)
