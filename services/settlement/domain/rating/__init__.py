"""f: what terms and facts of one contract come to, interval by interval. Exact, one rounding a line.

A *rulebook* is released once and never edited: a change of a rule is a new number. It covers the rules,
what is read out of facts, the exponents of currencies and the tzdata release.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from schemas.contracts import MinimumCharge
from schemas.settlement import UndeterminedFee
from services.settlement.domain.rating.block import block
from services.settlement.domain.rating.capacity import capacity
from services.settlement.domain.rating.delivery import delivery, recall
from services.settlement.domain.rating.facts import Deal
from services.settlement.domain.rating.fixed import fixed, undetermined
from services.settlement.domain.rating.line import Line, in_order
from services.settlement.domain.rating.minimum import Floor, Rated, ends_in, line_of, minimum
from services.settlement.domain.rating.prepayment import Purse, prepayment, purses, run_out, take_as_billed
from services.settlement.domain.rating.residual import residual
from services.settlement.domain.rating.scope import Scope
from services.settlement.domain.rating.sla import sla
from services.settlement.domain.rating.tax import taxed
from services.settlement.domain.rating.termination_fee import termination_fee
from services.settlement.domain.rating.usage import usage

Charging: TypeAlias = Callable[[Deal, Scope], list[Line]]
Adjusting: TypeAlias = Callable[[Deal, Scope, list[Line]], list[Line]]


class Rulebook(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in the order in which they apply.

    `charging` look at terms and facts alone; `reducing` at the lines so far; then come the minimums, which
    reach across intervals; `crediting` look at the lines so far; last the prepayments, in order of time.
    `tzdata` is the release of the time zone database that its calendars rest on, such as `2026f`.
    """

    tzdata: str
    charging: tuple[Charging, ...]
    reducing: tuple[Adjusting, ...]
    crediting: tuple[Adjusting, ...]


RULEBOOKS: Mapping[int, Rulebook] = {
    1: Rulebook(
        tzdata="2026f",
        charging=(fixed, capacity, block, usage, residual, termination_fee),
        reducing=(delivery, recall),
        crediting=(sla,),
    ),
}
NEWEST = max(RULEBOOKS)


def lacking(rulebooks: Mapping[int, Rulebook], installed: str) -> str | None:
    """Say which rulebooks cannot be computed with the release of the time zones installed; None if all can.

    Zones of another release would put the days and periods of an interval elsewhere, and nobody would see it.
    """
    others = [
        f"{number} rests on {book.tzdata}" for number, book in rulebooks.items() if book.tzdata != installed
    ]
    if not others:
        return None
    return f"the time zones installed are tzdata {installed}, but rulebook {', '.join(others)}"


class RatedInterval(msgspec.Struct, frozen=True, kw_only=True):
    """One interval: its lines in order, and the stretches whose fee is not known."""

    scope: Scope
    rulebook: int
    lines: tuple[Line, ...]
    undetermined: tuple[UndeterminedFee, ...]


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """All that f says of a deal: intervals, the periods of its minimums, its prepayments as they end up."""

    deal: Deal
    intervals: tuple[RatedInterval, ...]
    floors: tuple[Floor, ...]
    purses: tuple[Purse, ...]


def rate_deal(
    deal: Deal, scopes: Sequence[Scope], rulebooks: Sequence[int], settled: Sequence[Sequence[Line]] = ()
) -> Rating:
    """Rate consecutive intervals from the contract's first on, each by its rulebook.

    `settled`: of the first of them the lines as billed, which are known to be what f says of them: they are
    not computed again, and only carry over to later ones.
    """
    rated = [Rated(scope, list(lines), settled=True) for scope, lines in zip(scopes, settled, strict=False)]
    for scope, number in list(zip(scopes, rulebooks, strict=True))[len(rated) :]:
        book = RULEBOOKS[number]
        lines = [line for rule in book.charging for line in rule(deal, scope)]
        for rule in book.reducing:
            lines += rule(deal, scope, lines)
        rated.append(Rated(scope, lines))
    floors = _true_up(deal, rated)
    opened = purses(deal)
    for found, number in zip(rated, rulebooks, strict=True):
        if found.settled:
            take_as_billed(found, opened)
            continue
        for rule in RULEBOOKS[number].crediting:
            found.lines.extend(rule(deal, found.scope, found.lines))
        found.lines.extend(prepayment(found, opened))
    if scopes:
        run_out(opened, scopes[-1].interval.end, scopes[-1])
    return Rating(
        deal=deal,
        intervals=tuple(_finished(deal, r, number) for r, number in zip(rated, rulebooks, strict=True)),
        floors=tuple(floors),
        purses=tuple(opened),
    )


def _true_up(deal: Deal, rated: Sequence[Rated]) -> list[Floor]:
    names = dict.fromkeys(
        charge.charge
        for chapter in deal.chapters
        for charge in chapter.terms.charges
        if isinstance(charge, MinimumCharge)
    )
    floors = [floor for name in names for floor in minimum(deal, rated, name)]
    for found in rated:
        if found.settled:
            continue
        last = found.scope.interval.start < deal.end <= found.scope.interval.end
        ending = [floor for floor in floors if ends_in(floor, found.scope, last=last)]
        found.lines.extend(line_of(found.scope, floor) for floor in ending)
    return floors


def _finished(deal: Deal, rated: Rated, number: int) -> RatedInterval:
    lines = rated.lines
    if not rated.settled:
        lines = in_order([taxed(deal, rated.scope, line) for line in rated.lines])
    return RatedInterval(
        scope=rated.scope,
        rulebook=number,
        lines=tuple(lines),
        undetermined=tuple(undetermined(rated.scope)),
    )
