"""Timers: an interval is closed so many days after its end; a netting is settled at its value date."""

from collections.abc import Sequence

from infra.event_store import Recorded
from infra.past import Past
from infra.service import TimerRule
from schemas.contracts import ContractAmended, ContractSigned, NoticeWithdrawn, OptionExercised
from schemas.decision import Timer
from schemas.kernel.agreement import days_after
from schemas.settlement import (
    CloseInterval,
    IntervalClosed,
    NettingProposed,
    RateRecorded,
    SettleNetting,
    StatementIssued,
)
from services.settlement.domain.intervals import slots
from services.settlement.gathering import account_at
from services.settlement.knowledge import agreement_of

CONTRACT_STREAM = "contract-"


async def timers(recorded: Recorded, past: Past) -> Sequence[Timer]:
    """Return the timers that an event sets."""
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
            return await _all_closes(past, recorded.tenant)
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


async def _all_closes(past: Past, tenant: str) -> list[Timer]:
    """What could not be closed for want of a rate is tried again."""
    found: list[Timer] = []
    for name in await past.streams("contracts", tenant, "contract"):
        if name.tenant == tenant:
            found += await _next_close(past, f"{tenant}/{name.stream.removeprefix(CONTRACT_STREAM)}")
    return found


TIMERS = (TimerRule(name="settlement.timers", follows=("contracts", "settlement"), timers=timers),)
