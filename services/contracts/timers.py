"""Dates of contracts, announced when they come."""

from collections.abc import Sequence
from datetime import datetime

from infra.event_store import Recorded
from infra.past import Past
from infra.service import TimerRule
from schemas.contracts import (
    AnnounceDate,
    ContractAmended,
    ContractNovated,
    ContractSigned,
    ContractTerminated,
    NoticeGiven,
    NoticeWithdrawn,
    OptionExercised,
    RemedyElected,
)
from schemas.decision import Timer
from schemas.kernel.agreement import INITIAL, Agreement, State, evolve
from services.contracts.domain.dates import AnnouncedDate, dates_of

DATING = (
    ContractSigned,
    ContractAmended,
    OptionExercised,
    ContractNovated,
    NoticeGiven,
    NoticeWithdrawn,
    ContractTerminated,
    RemedyElected,
)
"""The events that may make a date; those of lines come often and make none."""


async def set_timers(recorded: Recorded, past: Past) -> Sequence[Timer]:
    """A timer for each date that an event made; whether it is one still is decided when it comes."""
    if not isinstance(recorded.event, DATING):
        return []
    stream = await past.stream(recorded.log, recorded.tenant, recorded.stream)
    before: State = INITIAL
    for earlier in stream:
        if earlier.version >= recorded.version:
            break
        before = evolve(before, earlier.event)
    after = evolve(before, recorded.event)
    if not isinstance(after, Agreement):
        return []
    new = dates_of(after) - (dates_of(before) if isinstance(before, Agreement) else frozenset())
    return [_timer(after.contract, date) for date in sorted(new, key=_order)]


def _order(date: AnnouncedDate) -> tuple[datetime, str, str]:
    kind, subject, at = date
    return at, kind, subject or ""


def _timer(contract: str, date: AnnouncedDate) -> Timer:
    kind, subject, at = date
    return Timer(
        due=at,
        kind="announce",
        key="/".join((kind, subject or "", str(at))),
        command=AnnounceDate(contract=contract, date=kind, subject=subject, at=at),
    )


DATES = TimerRule(name="contracts.dates", follows=("contracts",), timers=set_timers)
