"""How a pool follows from its events: one short step for each."""

from typing import TypeAlias, assert_never, cast

from msgspec.structs import replace

from schemas.capacity import (
    CapacityCut,
    CapacityHeld,
    CapacityPassedOn,
    CapacityRecalled,
    CapacityReceived,
    CapacityRegained,
    CapacityReserved,
    CapacityRestored,
    CapacityReturned,
    CutsPlanned,
    GiverChanged,
    HoldConfirmed,
    HoldExpired,
    MilestoneRecorded,
    OutageDeclared,
    OutageEnded,
    PhaseAccepted,
    PhaseCancelled,
    PhaseForecast,
    PhaseOverdue,
    PhasePlanned,
    PoolRegistered,
    ReservationAmended,
    ReservationReleased,
    ReservationTakenOver,
    ReservationTransferred,
    ShortfallClosed,
    ShortfallOpened,
    UsePlanned,
)
from schemas.kernel.instants import seconds
from schemas.kernel.schedule import Schedule, sum_of
from schemas.message import Event
from services.capacity.domain.causes import replaced
from services.capacity.domain.holding import Back, Holding, Move, Source
from services.capacity.domain.pool import Pool, Shortfall
from services.capacity.domain.supply import Outage, Phase

SupplyEvent: TypeAlias = (
    PhasePlanned
    | PhaseForecast
    | PhaseAccepted
    | PhaseCancelled
    | PhaseOverdue
    | MilestoneRecorded
    | OutageDeclared
    | OutageEnded
)
NewHolding: TypeAlias = CapacityReserved | CapacityHeld | CapacityReceived | ReservationTakenOver
HoldEvent: TypeAlias = HoldConfirmed | HoldExpired
ChangedHolding: TypeAlias = (
    ReservationReleased
    | ReservationAmended
    | CapacityRecalled
    | CapacityReturned
    | ReservationTransferred
    | GiverChanged
    | UsePlanned
)
ShortEvent: TypeAlias = ShortfallOpened | ShortfallClosed | CapacityCut | CapacityRestored | CutsPlanned
TakersEvent: TypeAlias = CapacityPassedOn | CapacityRegained
PoolEvent: TypeAlias = (
    PoolRegistered | SupplyEvent | NewHolding | HoldEvent | ChangedHolding | ShortEvent | TakersEvent
)


def evolve(pool: Pool, event: Event) -> Pool:
    """Return the pool, itself changed, after one more of its events."""
    change = cast("PoolEvent", event)
    match change:
        case CapacityReserved() | CapacityHeld() | CapacityReceived() | ReservationTakenOver():
            _hold(pool, change)
        case CapacityCut() | CapacityRestored() | ShortfallOpened() | ShortfallClosed() | CutsPlanned():
            _short(pool, change)
        case HoldConfirmed() | HoldExpired():
            _settle(pool, change)
        case CapacityPassedOn() | CapacityRegained():
            pass  # told to the giver; the taker's event says it all
        case PoolRegistered():
            pool.registered = change
        case (
            ReservationReleased()
            | ReservationAmended()
            | CapacityRecalled()
            | CapacityReturned()
            | ReservationTransferred()
            | GiverChanged()
            | UsePlanned()
        ):
            _change(pool, change)
        case _:
            _supply(pool, change)
    return pool


def _supply(pool: Pool, event: SupplyEvent) -> None:
    match event:
        case OutageDeclared():
            pool.outages[event.outage] = Outage(
                outage=event.outage,
                quantity=event.quantity,
                start=seconds(event.start),
                end=None if event.end is None else seconds(event.end),
                planned=event.planned,
                lost=event.lost,
            )
        case OutageEnded():
            outage = pool.outages[event.outage]
            pool.outages[event.outage] = replace(outage, ended_at=seconds(event.ended_at), lost=event.lost)
        case PhasePlanned():
            pool.phases[event.phase] = Phase(
                phase=event.phase,
                quantity=event.quantity,
                planned=event.quantity,
                megawatts=event.megawatts,
                planned_at=seconds(event.planned_at),
            )
        case _:
            pool.phases[event.phase] = _phase(pool.phases[event.phase], event)
    pool.resupply()


def _phase(
    phase: Phase, event: PhaseForecast | PhaseAccepted | PhaseCancelled | PhaseOverdue | MilestoneRecorded
) -> Phase:
    match event:
        case PhaseForecast():
            return replace(phase, forecast_at=seconds(event.forecast_at), overdue=False)
        case PhaseAccepted():
            return replace(phase, accepted_at=seconds(event.accepted_at), quantity=event.quantity)
        case PhaseCancelled():
            return replace(phase, cancelled=True)
        case PhaseOverdue():
            return replace(phase, overdue=True)
        case MilestoneRecorded():
            return replace(phase, milestones={**phase.milestones, event.milestone: seconds(event.at)})
        case _:
            assert_never(event)


def _hold(pool: Pool, event: NewHolding) -> None:
    match event:
        case CapacityReserved() | CapacityHeld():
            pool.put(_reserved(event, pool.next_place))
            pool.next_place += 1
            if isinstance(event, CapacityHeld):
                pool.holds[event.reservation] = seconds(event.hold_until)
        case CapacityReceived():
            giver = pool.holdings[event.source]
            pool.put(_received(event, pool.next_place))
            pool.put(replace(giver, takers=(*giver.takers, event.reservation)))
            pool.next_place += 1
        case ReservationTakenOver():
            old = pool.holdings[event.old_reservation]
            pool.put(_taken_over(event, old))
            if old.hold_until is not None:
                pool.holds[event.reservation] = old.hold_until
            for name in {source.name for source in old.sources}:
                giver = pool.holdings[name]
                pool.put(replace(giver, takers=(*giver.takers, event.reservation)))
        case _:
            assert_never(event)


def _reserved(event: CapacityReserved | CapacityHeld, place: int) -> Holding:
    asked = event.quantity if event.asked is None else event.asked
    until = seconds(event.hold_until) if isinstance(event, CapacityHeld) else None
    return Holding(
        name=event.reservation,
        holder=event.holder,
        tier=event.tier,
        place=place,
        quantity=event.quantity,
        asked=asked,
        wanted=asked,
        contract=event.contract,
        line=event.line,
        fill=event.fill,
        hold_until=until,
        held_first=until,
        since=_since(event) if isinstance(event, CapacityReserved) else None,
        recall=event.recall if isinstance(event, CapacityReserved) else (),
    )


def _received(event: CapacityReceived, place: int) -> Holding:
    asked = event.quantity if event.asked is None else event.asked
    return Holding(
        name=event.reservation,
        holder=event.holder,
        tier=event.tier,
        place=place,
        quantity=event.quantity,
        asked=asked,
        wanted=asked,
        contract=event.contract,
        line=event.line,
        fill=event.fill,
        sources=(Source(0, event.source),),
        notice_hours=event.recall_notice_hours,
        recall=event.recall,
        since=_since(event),
    )


def _since(event: CapacityReserved | CapacityReceived) -> int | None:
    return None if event.since is None else seconds(event.since)


def _taken_over(event: ReservationTakenOver, old: Holding) -> Holding:
    recalled = event.recalled or Schedule.EMPTY
    return Holding(
        name=event.reservation,
        holder=event.holder,
        tier=event.tier,
        place=old.place,
        quantity=event.quantity,
        asked=event.quantity,
        wanted=event.quantity + recalled if event.asked is None else event.asked,
        contract=event.contract,
        line=event.line,
        fill=event.fill,
        hold_until=old.hold_until,
        sources=old.sources,
        notice_hours=old.notice_hours,
        recall=event.recall,
        recalled=recalled,
        recalled_above=old.recalled_above.min(recalled),
        came=Move(seconds(event.start), old.name, event.quantity, event.whole),
    )


def _settle(pool: Pool, event: HoldEvent) -> None:
    held = pool.holdings[event.reservation]
    pool.holds.pop(event.reservation, None)
    match event:
        case HoldConfirmed():
            pool.put(replace(held, hold_until=None))
        case HoldExpired():
            pool.put(replace(held, hold_until=None, expired=True, quantity=Schedule.EMPTY))
        case _:
            assert_never(event)


def _change(pool: Pool, event: ChangedHolding) -> None:
    holding = pool.holdings[event.reservation]
    match event:
        case ReservationReleased():
            holding = _released(pool, holding, event)
        case CapacityReturned():
            back = Back(seconds(event.start), None, event.asked)
            wanted = event.quantity + holding.recalled
            holding = replace(holding, quantity=event.quantity, wanted=wanted, back=(*holding.back, back))
        case ReservationAmended():
            holding = replace(
                holding,
                quantity=event.quantity,
                wanted=event.quantity + holding.recalled if event.asked is None else event.asked,
                tier=event.tier,
                uncovered=event.uncovered or Schedule.EMPTY,
                recall=event.recall,
            )
        case CapacityRecalled():
            holding = _recalled(holding, event)
        case ReservationTransferred():
            holding = _transferred(holding, event)
        case GiverChanged():
            holding = _regiven(pool, holding, event)
        case UsePlanned():
            holding = replace(holding, plan=event.quantity)
        case _:
            assert_never(event)
    pool.put(holding)


def _recalled(holding: Holding, event: CapacityRecalled) -> Holding:
    back, above = holding.back, holding.recalled_above
    if event.came_from is not None:
        above = sum_of((above, event.recalled))
    elif event.start is not None:
        until = None if event.until is None else seconds(event.until)
        back = (*back, Back(seconds(event.start), until, event.asked))
    recalled = sum_of((holding.recalled, event.recalled))
    return replace(holding, quantity=event.quantity, recalled=recalled, recalled_above=above, back=back)


def _released(pool: Pool, holding: Holding, event: ReservationReleased) -> Holding:
    recalled, left = holding.recalled.clip(None, event.start), event.quantity
    ended = left.is_empty and pool.holds.pop(holding.name, None) is not None
    return replace(
        holding,
        quantity=left,
        wanted=left + recalled,
        recalled=recalled,
        hold_until=None if ended else holding.hold_until,
        expired=ended or holding.expired,
    )


def _transferred(holding: Holding, event: ReservationTransferred) -> Holding:
    move = Move(seconds(event.start), event.new_reservation, event.moved, event.whole)
    gone = holding.wanted.clip(event.start, None) if event.whole else event.asked or event.moved
    return replace(
        holding,
        quantity=event.quantity,
        wanted=holding.wanted.minus(gone),
        recalled=holding.recalled - (event.recalled or Schedule.EMPTY),
        went=(*holding.went, move),
    )


def _regiven(pool: Pool, holding: Holding, event: GiverChanged) -> Holding:
    giver = pool.holdings[event.source]
    if event.reservation not in giver.takers:
        pool.put(replace(giver, takers=(*giver.takers, event.reservation)))
    changed = Source(seconds(event.start), event.source)
    others = (source for source in holding.sources if source.start != changed.start)
    sources = sorted((*others, changed), key=lambda source: source.start)
    return replace(holding, sources=tuple(sources))


def _short(pool: Pool, event: ShortEvent) -> None:
    match event:
        case CapacityCut() | CapacityRestored():
            holding = pool.holdings[event.reservation]
            cuts = replaced(holding.cuts, event.cause, event.quantity)
            pool.holdings[event.reservation] = replace(holding, cuts=cuts)
        case ShortfallOpened():
            pool.shortfalls[event.shortfall] = Shortfall(
                event.shortfall, seconds(event.opened_at), event.quantity, open=True
            )
            pool.next_shortfall = max(pool.next_shortfall, int(event.shortfall.split("-")[1]) + 1)
        case ShortfallClosed():
            known = pool.shortfalls[event.shortfall]
            pool.shortfalls[event.shortfall] = replace(known, quantity=event.quantity, open=False)
        case CutsPlanned():
            pool.planned_until = None if event.until is None else seconds(event.until)
        case _:
            assert_never(event)
