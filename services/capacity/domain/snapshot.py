"""A pool as it is kept in a snapshot: its many holdings as plain numbers, so that it is soon there again."""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from schemas.capacity import ByCause, Fill, LineRecall, Tier
from schemas.kernel.schedule import Schedule
from services.capacity.domain.causes import NOTHING
from services.capacity.domain.holding import Back, Holding, Move, Source
from services.capacity.domain.pool import Pool

Raw: TypeAlias = tuple[tuple[int, int | None, int], ...]


class PackedHolding(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A `Holding`, field by field; `asked` and `wanted` None where they are `quantity`."""

    name: str
    holder: str
    tier: Tier
    place: int
    quantity: Raw
    asked: Raw | None
    wanted: Raw | None
    contract: str | None
    line: str | None
    fill: Fill
    hold_until: int | None
    held_first: int | None
    expired: bool
    sources: tuple[Source, ...]
    takers: tuple[str, ...]
    notice_hours: int | None
    recall: tuple[LineRecall, ...]
    recalled: Raw
    recalled_above: Raw
    back: tuple[Back, ...]
    uncovered: Raw
    cuts: tuple[Raw, Raw, Raw] | None
    since: int | None
    plan: Raw | None
    came: Move | None
    went: tuple[Move, ...]


class PackedPool(msgspec.Struct, frozen=True, array_like=True):
    """A pool without its holdings, and these apart."""

    pool: Pool
    holdings: tuple[PackedHolding, ...]


def pack(pool: Pool) -> PackedPool:
    """Return a pool as it is kept."""
    bare = pool.fork()
    bare.holdings = {}
    return PackedPool(bare, tuple(_packed(each) for each in pool.holdings.values()))


def unpack(kept: PackedPool) -> Pool:
    """Return the pool that was kept."""
    kept.pool.holdings = {each.name: _unpacked(each) for each in kept.holdings}
    return kept.pool


def _packed(holding: Holding) -> PackedHolding:
    quantity = holding.quantity
    return PackedHolding(
        name=holding.name,
        holder=holding.holder,
        tier=holding.tier,
        place=holding.place,
        quantity=quantity.raw,
        asked=None if holding.asked == quantity else holding.asked.raw,
        wanted=None if holding.wanted == quantity else holding.wanted.raw,
        contract=holding.contract,
        line=holding.line,
        fill=holding.fill,
        hold_until=holding.hold_until,
        held_first=holding.held_first,
        expired=holding.expired,
        sources=holding.sources,
        takers=holding.takers,
        notice_hours=holding.notice_hours,
        recall=holding.recall,
        recalled=holding.recalled.raw,
        recalled_above=holding.recalled_above.raw,
        back=holding.back,
        uncovered=holding.uncovered.raw,
        cuts=_raws(holding.cuts),
        since=holding.since,
        plan=None if holding.plan is None else holding.plan.raw,
        came=holding.came,
        went=holding.went,
    )


def _unpacked(kept: PackedHolding) -> Holding:
    quantity = Schedule.from_canonical(kept.quantity)
    return Holding(
        name=kept.name,
        holder=kept.holder,
        tier=kept.tier,
        place=kept.place,
        quantity=quantity,
        asked=quantity if kept.asked is None else Schedule.from_canonical(kept.asked),
        wanted=quantity if kept.wanted is None else Schedule.from_canonical(kept.wanted),
        contract=kept.contract,
        line=kept.line,
        fill=kept.fill,
        hold_until=kept.hold_until,
        held_first=kept.held_first,
        expired=kept.expired,
        sources=kept.sources,
        takers=kept.takers,
        notice_hours=kept.notice_hours,
        recall=kept.recall,
        recalled=_schedule(kept.recalled),
        recalled_above=_schedule(kept.recalled_above),
        back=kept.back,
        uncovered=_schedule(kept.uncovered),
        cuts=NOTHING if kept.cuts is None else _cuts(kept.cuts),
        since=kept.since,
        plan=None if kept.plan is None else Schedule.from_canonical(kept.plan),
        came=kept.came,
        went=kept.went,
    )


def _schedule(raw: Raw) -> Schedule:
    return Schedule.from_canonical(raw) if raw else Schedule.EMPTY


def _raws(cuts: ByCause) -> tuple[Raw, Raw, Raw] | None:
    if cuts is NOTHING:
        return None
    return cuts.delivery.raw, cuts.maintenance.raw, cuts.outage.raw


def _cuts(raws: Iterable[Raw]) -> ByCause:
    delivery, maintenance, outage = (_schedule(raw) for raw in raws)
    return ByCause(delivery=delivery, maintenance=maintenance, outage=outage)
