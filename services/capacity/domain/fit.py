"""Whether something fits, what it lacks if not, and from when on it would."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import lcm
from typing import Any, TypeAlias

import msgspec

from schemas.capacity import Rejection, Tier
from schemas.kernel.instants import instant
from schemas.kernel.schedule import RawStep, Schedule, combine, sum_of
from services.capacity.domain.book import Book
from services.capacity.domain.timeline import ALWAYS, Timeline


class Lack(msgspec.Struct, frozen=True):
    """The first run of instants in which a request lacks something, in epoch seconds.

    `code`: worsens_shortfall if any lacking instant, in this run or later, is one of an open shortfall.
    """

    code: Rejection
    start: int
    end: int | None
    most: int


class Demand(msgspec.Struct, frozen=True):
    """What must be left of one timeline over `[start, end)` (in its quanta) for a shape to fit."""

    timeline: Timeline
    quantum: int
    start: int
    end: int
    least: int


def lack(book: Book, tier: Tier, more: Schedule) -> Lack | None:
    """Return what a pool lacks for `more` in a tier, None if it fits.

    Where the pool is short nothing is free: every instant of a shortfall in the window is a lacking one.
    """
    if book.fits(tier, more):
        return None
    start, end, most = _first_run(book, tier, more)
    short = any(book.is_short(begin, until) for begin, until, _ in more.raw)
    return Lack(Rejection.WORSENS_SHORTFALL if short else Rejection.CAPACITY_SHORT, start, end, most)


def _first_run(book: Book, tier: Tier, more: Schedule) -> RawStep:
    """Return the first run of lacking instants, with the most that is lacking in it."""
    run: RawStep | None = None
    for begin, until, wanted in more.raw:
        for step in book.free(tier, begin, until):
            missing = wanted - step.free
            if missing <= 0 or (run is not None and run[1] != step.start):
                if run is not None:
                    return run
            elif run is None:
                run = (step.start, step.end, missing)
            else:
                run = (run[0], step.end, max(run[2], missing))
    assert run is not None, "what does not fit lacks something"
    return run


def lack_of(free: Schedule, wanted: Schedule, code: Rejection) -> Lack | None:
    """Return what `wanted` lacks of what is free, None if it has it."""
    missing = wanted.minus(free)
    if missing.is_empty:
        return None
    start, end, most = missing.raw[0]
    for begin, until, quantity in missing.raw[1:]:
        if begin != end:
            break
        end, most = until, max(most, quantity)
    return Lack(code, start, end, most)


Request: TypeAlias = tuple[Tier, Schedule]


def demands(book: Book, requests: Iterable[Request]) -> list[Demand]:
    """Return what several requests of one pool, taken together, demand of its timelines."""
    found = list(requests)
    firm, recallable, interruptible = (
        sum_of(schedule for tier, schedule in found if tier is each)
        for each in (Tier.FIRM, Tier.RECALLABLE, Tier.INTERRUPTIBLE)
    )
    whole = sum_of((firm, recallable, interruptible))
    guaranteed = firm + recallable
    left_firm, left_guaranteed, left_whole = book.timelines
    return [
        *_demands(left_whole, book.quantum, whole, whole),
        *_demands(left_guaranteed, book.quantum, guaranteed, whole),
        *_demands(left_firm, book.quantum, firm, firm),
    ]


def demands_of(free: Schedule, shape: Schedule, quantum: int) -> list[Demand]:
    """Return what a shape demands of a free quantity."""
    steps = [(s // quantum, ALWAYS if e is None else e // quantum, q) for s, e, q in free.raw]
    return _demands(Timeline(steps), quantum, shape, shape)


def _demands(timeline: Timeline, quantum: int, least: Schedule, over: Schedule) -> list[Demand]:
    """Return demands of `least`, wherever there is something in `over`."""
    # one more than asked, so that a demand of nothing (do not be short) is kept apart from no demand
    lifted = combine(lambda wanted, all_: wanted + 1 if all_ else 0, least, over)
    return [
        Demand(timeline, quantum, start // quantum, ALWAYS if end is None else end // quantum, wanted - 1)
        for start, end, wanted in lifted.raw
    ]


def earliest_shift(found: Sequence[Demand]) -> int | None:
    """Return the least number of seconds by which all must move on to be met, None if they never can be.

    Each timeline tells where its last stretch with too little ends; everything moves behind it, until none
    is left. So each step passes at least one change of a timeline.
    """
    grid = lcm(*(demand.quantum for demand in found)) if found else 1
    shift, settled = 0, 0
    while settled < len(found):
        for demand in found:
            moved = _moved(demand, shift)
            if moved is None:
                return None
            if moved > shift:
                shift, settled = -(-moved // grid) * grid, 0
            else:
                settled += 1
    return shift


def _moved(demand: Demand, shift: int) -> int | None:
    """Return how far one demand must move, at least `shift`; None = too far."""
    by = shift // demand.quantum
    end = ALWAYS if demand.end == ALWAYS else demand.end + by
    blocked = demand.timeline.last_below(demand.start + by, end, demand.least)
    if blocked is None:
        return shift
    if blocked == ALWAYS:
        return None
    if blocked < end:
        return (blocked - demand.start) * demand.quantum
    for begin, until, value in demand.timeline.steps(end, ALWAYS):
        if value >= demand.least:
            return (begin - demand.start) * demand.quantum
        if until == ALWAYS:
            break
    return None


def details(found: Lack, earliest: datetime | None) -> Mapping[str, Any]:
    """Return a refusal's details, as told to who asked."""
    return {
        "short_from": instant(found.start),
        "short_until": None if found.end is None else instant(found.end),
        "short_by": found.most,
        "earliest": earliest,
    }
