"""Prepayments: billed when due, drawn down by later charges, gone (but for a rollover) at expiry."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from schemas.contracts import PrepaymentCharge
from schemas.kernel.interval import Interval
from schemas.kernel.money import minor
from schemas.kernel.rates import percent
from services.settlement.domain.rating.facts import Chapter, Deal, charges_named
from services.settlement.domain.rating.line import BASE, Line, holdings_of, pools_of, total
from services.settlement.domain.rating.minimum import Rated
from services.settlement.domain.rating.scope import Scope

PAID_FOR = BASE | {"minimum", "delivery", "recall", "sla"}


class Purse(msgspec.Struct, kw_only=True):
    """One prepayment while the intervals are rated, oldest first. Amounts in minor units.

    Attributes:
        currency: what it is in; it pays for nothing in another.
        billed_at: the instant whose interval bills it.
        left: what can still be drawn; after `expires` only what rolled over.
        expires: until when it can be drawn, as it now stands; `since` from when on.
        breakage: what was lost, with when.
    """

    charge: PrepaymentCharge
    version: int
    currency: str
    billed_at: datetime
    amount: int
    left: int
    since: datetime
    expires: datetime
    rolled: bool = False
    drawn: int = 0
    breakage: list[tuple[datetime, int]] = []


def purses(deal: Deal) -> list[Purse]:
    """The prepayments of a deal, each by the terms in force when it is due.

    What was due before a novation stays with the old contract.
    """
    names = dict.fromkeys(
        charge.charge
        for chapter in deal.chapters
        for charge in chapter.terms.charges
        if isinstance(charge, PrepaymentCharge)
    )
    found: list[Purse] = []
    for name in names:
        for chapter, charge in charges_named(deal.chapters, name):
            if isinstance(charge, PrepaymentCharge) and charge.due < chapter.interval.end:
                if deal.novation is None or charge.due >= deal.novation.effective_at:
                    found.append(_opened(deal, chapter, charge))
                break
    return found


def _opened(deal: Deal, chapter: Chapter, charge: PrepaymentCharge) -> Purse:
    amount = minor(charge.amount, chapter.terms.currency)
    # Due before the first terms is due at the start of the first interval, even if the term begins inside it.
    since = charge.due if chapter is deal.chapters[0] else max(charge.due, chapter.interval.start)
    return Purse(
        charge=charge,
        version=chapter.version,
        currency=chapter.terms.currency,
        billed_at=max(charge.due, chapter.interval.start),
        amount=amount,
        left=amount,
        since=since,
        expires=charge.expires,
        breakage=[],
    )


def prepayment(rated: Rated, open_purses: Sequence[Purse]) -> list[Line]:
    """The interval's prepayment lines: what is billed, and what is drawn. The purses move on with it."""
    scope = rated.scope
    own = [purse for purse in open_purses if purse.currency == scope.currency]
    lines = [_billed(scope, purse) for purse in own if scope.interval.contains(purse.billed_at)]
    to_pay = max(0, total(rated.lines, PAID_FOR))
    for purse in open_purses:
        _expire(purse, scope.interval.start, scope)
    for purse in sorted(own, key=lambda p: (p.charge.priority, p.expires, p.charge.charge)):
        if purse.since <= scope.interval.start and purse.expires >= scope.interval.end:
            drawn = min(to_pay, purse.left)
            if drawn:
                lines.append(_drawn(rated, purse, drawn, to_pay))
            to_pay -= drawn
            purse.left -= drawn
            purse.drawn += drawn
    return lines


def take_as_billed(rated: Rated, open_purses: Sequence[Purse]) -> None:
    """Move the purses on over an interval whose lines are as billed: what was not billed was drawn."""
    scope = rated.scope
    for purse in open_purses:
        _expire(purse, scope.interval.start, scope)
        lines = [x for x in rated.lines if x.kind == "prepayment" and x.charge == purse.charge.charge]
        billed = purse.amount if scope.interval.contains(purse.billed_at) else 0
        drawn = billed - sum(line.amount for line in lines)
        purse.left -= drawn
        purse.drawn += drawn


def run_out(open_purses: Sequence[Purse], at: datetime, scope: Scope) -> None:
    """Let everything expire that has by an instant."""
    for purse in open_purses:
        _expire(purse, at, scope)


def _expire(purse: Purse, at: datetime, scope: Scope) -> None:
    if purse.expires > at:
        return
    rollover = purse.charge.rollover
    kept = 0
    if rollover is not None and not purse.rolled:
        kept = min(purse.left, scope.round(purse.amount * percent(rollover.percent)))
    if purse.left > kept:
        purse.breakage.append((purse.expires, purse.left - kept))
    purse.left = kept
    if rollover is not None and not purse.rolled:
        purse.rolled = True
        purse.since = max(purse.since, purse.expires)
        purse.expires = rollover.expires
        _expire(purse, at, scope)


def _billed(scope: Scope, purse: Purse) -> Line:
    name = purse.charge.charge
    return Line(
        kind="prepayment",
        charge=name,
        service=scope.interval,
        amount=purse.amount,
        formula=f"{purse.charge.amount} due",
        order=scope.order(name, scope.interval),
        versions=(purse.version,),
    )


def _drawn(rated: Rated, purse: Purse, drawn: int, to_pay: int) -> Line:
    scope, name = rated.scope, purse.charge.charge
    paid = [line for line in rated.lines if line.kind in PAID_FOR]
    part = Interval(scope.interval.start, scope.interval.end)
    return Line(
        kind="prepayment",
        charge=name,
        service=part,
        amount=-drawn,
        formula=f"the lesser of {to_pay} minor units to pay and {purse.left} left",
        order=scope.order(name, part, 1),
        versions=(purse.version,),
        holdings=holdings_of(paid),
        pools=pools_of(paid),
    )
