"""What follows in a pool from any loss or gain: shortfalls are opened and closed, cuts made and restored.

Everything is found anew where something changed, and only there: a share depends on nothing but what is
there at an instant. Where cuts rotate it depends on all that went before as well, so that there it is found
anew as a whole.
"""

from collections.abc import Callable, Iterable

from schemas.capacity import (
    ByCause,
    CapacityCut,
    CapacityRestored,
    CutsPlanned,
    ShortfallClosed,
    ShortfallOpened,
)
from schemas.kernel.instants import instant
from schemas.kernel.schedule import Schedule, deltas, sum_of
from services.capacity.domain.below import CutsBelow, descendants
from services.capacity.domain.causes import CAUSES, NOTHING, by, by_cause, total
from services.capacity.domain.cuts import plain_cuts, rotating_cuts
from services.capacity.domain.draft import Draft
from services.capacity.domain.holding import Holding
from services.capacity.domain.pool import Pool, Shortfall
from services.capacity.domain.shortfall import Stretch, Window, stretches

PLAN_SECONDS = 720 * 3600
BEGINNING = 0
"""Before every business time: all of them lie in the years 2000 to 2199."""


def cover(draft: Draft, *, extend: bool = False) -> None:
    """Add what follows from the events of a draft. `extend`: a rotating plan has come to its end."""
    touched = _touched(draft)
    windows = _changed(draft.before, draft.after, touched)
    if extend:
        windows = [(BEGINNING, None)]
    pool = draft.after
    windows = [
        window for window in windows if pool.book.is_short(*window) or _was_short(draft.before, window)
    ]
    tops: dict[str, ByCause] = {}
    if windows:
        tops = _reservations(draft, windows)
    _holdings(draft, tops, touched)


def _touched(draft: Draft) -> list[str]:
    """Return the names of reservations and holdings that the draft's events are about."""
    names: dict[str, None] = {}
    for emitted in draft.emitted:
        name = getattr(emitted.event, "reservation", None)
        if isinstance(name, str):
            names[name] = None
    return list(names)


def _changed(before: Pool, after: Pool, touched: Iterable[str]) -> list[Window]:
    """Return the windows in which capacity or claims changed, merged."""
    pairs: list[tuple[Schedule, Schedule]] = []
    if before.supply is not after.supply:
        old, new = before.supply, after.supply
        pairs = [(old.expected, new.expected), (old.maintained, new.maintained), (old.capacity, new.capacity)]
    for name in touched:
        is_, was = after.holdings[name], before.holdings.get(name)
        if not is_.is_reservation:
            continue
        if was is not None and was.tier is not is_.tier:
            pairs += [(was.quantity, Schedule.EMPTY), (Schedule.EMPTY, is_.quantity)]
        pairs.append((Schedule.EMPTY if was is None else was.quantity, is_.quantity))
        pairs.append((Schedule.EMPTY if was is None else was.uncovered, is_.uncovered))
    return merged((start, end) for one, other in pairs for start, end, _ in deltas(one, other))


def merged(windows: Iterable[Window]) -> list[Window]:
    """Return windows in order, those that meet as one."""
    found: list[Window] = []
    for start, end in sorted(windows, key=lambda window: window[0]):
        if found and (found[-1][1] is None or start <= found[-1][1]):
            last = found[-1]
            if last[1] is not None and (end is None or end > last[1]):
                found[-1] = (last[0], end)
        else:
            found.append((start, end))
    return found


def _was_short(pool: Pool, window: Window) -> bool:
    return any(not total(known.quantity).clip(*window).is_empty for known in pool.shortfalls.values())


def _reservations(draft: Draft, windows: list[Window]) -> dict[str, ByCause]:
    """Add new shortfalls and the cuts of reservations; return those cuts that changed."""
    pool, at = draft.after, draft.at
    rotation = pool.info.rotation_hours if pool.info.cut == "pro_rata" else None
    if rotation is not None:
        windows = [(BEGINNING, None)]
    found = [stretch for window in windows for stretch in _stretches(pool, window)]
    if rotation is None:
        cuts = plain_cuts(found, pool.info.cut, pool.info.lot)
    else:
        quantum = pool.info.quantum_seconds
        until = (at + PLAN_SECONDS) // quantum * quantum
        cuts = rotating_cuts(found, pool.info.lot, rotation * 3600, until)
        _plan(draft, found, until)
    _shortfalls(draft, found, windows)
    return _cut(draft, cuts, windows)


def _stretches(pool: Pool, window: Window) -> Iterable[Stretch]:
    inside = [each for each in pool.reservations() if _reaches(each.quantity, window)]
    return stretches(pool.supply, inside, pool.whole_limit, window)


def _reaches(quantity: Schedule, window: Window) -> bool:
    """Say whether a schedule may have something in a window."""
    if quantity.is_empty:
        return False
    start, end = window
    last = quantity.raw[-1][1]
    return (end is None or quantity.raw[0][0] < end) and (last is None or last > start)


def _plan(draft: Draft, found: list[Stretch], until: int) -> None:
    goes_on = any(stretch.end is None or stretch.end > until for stretch in found)
    planned = until if goes_on else None
    if planned != draft.after.planned_until:
        told = None if planned is None else instant(planned)
        draft.add(CutsPlanned(pool=draft.before.name, until=told))


def _cut(draft: Draft, cuts: dict[str, ByCause], windows: list[Window]) -> dict[str, ByCause]:
    """Add the cut events of reservations whose cuts are others now."""
    pool = draft.after
    changed: dict[str, ByCause] = {}
    concerned = (each for each in pool.reservations() if each.name in cuts or each.cuts != NOTHING)
    for holding in sorted(concerned, key=lambda each: each.name):
        new = spliced(holding.cuts, cuts.get(holding.name, NOTHING), windows)
        if new != holding.cuts:
            changed[holding.name] = new
            _tell(draft, holding, new)
    return changed


def _tell(draft: Draft, holding: Holding, new: ByCause) -> None:
    """Add what changed of one cut, cause by cause."""
    for cause in CAUSES:
        was, is_ = by(holding.cuts, cause), by(new, cause)
        if was == is_:
            continue
        kind = CapacityRestored if is_.minus(was).is_empty else CapacityCut
        event = kind(pool=draft.before.name, reservation=holding.name, cause=cause, quantity=is_)
        draft.add(event, holding.holder)


def spliced(outside: ByCause, inside: ByCause, windows: list[Window]) -> ByCause:
    """Return what lies outside of windows, with something else inside of them."""

    def splice(cause_outside: Schedule, cause_inside: Schedule) -> Schedule:
        if cause_outside.is_empty:
            return cause_inside
        return sum_of((without(cause_outside, windows), cause_inside))

    return by_cause({cause: splice(by(outside, cause), by(inside, cause)) for cause in CAUSES})


def without(schedule: Schedule, windows: list[Window]) -> Schedule:
    """Return what of a schedule lies outside of windows."""
    kept: list[Schedule] = []
    start: int | None = None
    for begin, until in windows:
        kept.append(schedule.clip(start, begin))
        start = until
        if until is None:
            return sum_of(kept)
    kept.append(schedule.clip(start, None))
    return sum_of(kept)


def _holdings(draft: Draft, tops: dict[str, ByCause], touched: list[str]) -> None:
    """Add the cuts that come down to holdings."""
    pool = draft.after
    roots = dict.fromkeys((*tops, *(root for name in touched for root in _roots(pool, name))))
    below = dict.fromkeys(taker for root in roots for taker in descendants(pool, root))
    if not below:
        return
    find = CutsBelow(pool, _lookup(pool, tops))
    for name in below:
        holding = pool.holdings[name]
        _tell(draft, holding, find.of(name))


def _lookup(pool: Pool, tops: dict[str, ByCause]) -> Callable[[str], ByCause]:
    return lambda name: tops[name] if name in tops else pool.holdings[name].cuts


def _roots(pool: Pool, name: str) -> set[str]:
    holding = pool.holdings[name]
    if holding.is_reservation:
        return {name}
    return {root for source in holding.sources for root in _roots(pool, source.name)}


# -- shortfalls ---------------------------------------------------------------------------------------


def _shortfalls(draft: Draft, found: list[Stretch], windows: list[Window]) -> None:
    """Add what became of the pool's shortfalls: each is one unbroken stretch of time."""
    known = draft.after.shortfalls
    old = _together([each.quantity for each in known.values()])
    fresh = by_cause(
        {
            cause: Schedule.from_raw((each.start, each.end, each.short[cause]) for each in found)
            for cause in CAUSES
        }
    )
    now = spliced(old, fresh, windows)
    left = dict(known)
    number = draft.after.next_shortfall
    for start, end in merged((s, e) for s, e, _ in total(now).raw):
        part = by_cause({cause: by(now, cause).clip(start, end) for cause in CAUSES})
        match = next((n for n, each in left.items() if _overlap(each, start, end)), None)
        if match is None:
            _open(draft, f"s-{number}", draft.at, part, end)
            number += 1
        else:
            was = left.pop(match)
            if was.quantity != part:
                _open(draft, match, was.opened_at, part, end, new=False)
    for name, each in left.items():
        if each.quantity != NOTHING:
            draft.add(ShortfallClosed(pool=draft.before.name, shortfall=name, quantity=NOTHING))


def _together(parts: list[ByCause]) -> ByCause:
    return by_cause({cause: sum_of(by(part, cause) for part in parts) for cause in CAUSES})


def _overlap(known: Shortfall, start: int, end: int | None) -> bool:
    return not total(known.quantity).clip(start, end).is_empty


def _open(
    draft: Draft, name: str, opened_at: int, part: ByCause, end: int | None, *, new: bool = True
) -> None:
    ahead = end is None or end > draft.at
    pool = draft.before.name
    if ahead or new:
        told = ShortfallOpened(pool=pool, shortfall=name, opened_at=instant(opened_at), quantity=part)
        draft.add(told)
    if not ahead:
        draft.add(ShortfallClosed(pool=pool, shortfall=name, quantity=part))
