"""Exposure: how much of a contract is firm, how much can still be cancelled, as one party sees it."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from schemas.contracts import FixedCharge, OptionExercised, Party
from schemas.kernel.agreement import Agreement, TermSegment, days_after, evolve
from services.contracts.domain.rights import exit_fee, fee_of, opens_at, other, rights_of
from services.contracts.domain.running import RunningTotal, parts_of


class UndeterminedStep(msgspec.Struct, frozen=True):
    """A step of a fixed charge whose amount is not known: never counted, always shown."""

    charge: str
    start: datetime
    end: datetime


class WayOut(msgspec.Struct, frozen=True):
    """How the contract may end: when, by a notice at `notice_at` (None = by its term), at what fee."""

    ends_at: datetime
    notice_at: datetime | None = None
    fee: int = 0


class Exposure(msgspec.Struct, frozen=True):
    """Amounts in minor units; `elapsed + firm - termination_fee + cancellable = headline`."""

    currency: str
    headline: int
    elapsed: int
    firm: int
    cancellable: int
    optional: int
    termination_fee: int
    undetermined: tuple[UndeterminedStep, ...]
    earliest_notice: datetime | None
    earliest_end: datetime


def exposure(agreement: Agreement, seen_by: Party, valid_at: datetime) -> Exposure:
    """The exposure at an instant; before the first terms, as at their first instant."""
    t = max(valid_at, agreement.known_from)
    terms = agreement.terms_near(t)
    total = running_total(agreement, t)
    headline = total.to(agreement.term_end)
    stop = stopped(agreement, t)
    if stop is not None and t >= stop.ends_at:
        way, elapsed, firm = msgspec.structs.replace(stop, fee=0), total.to(stop.ends_at), 0
    else:
        elapsed = total.to(t)
        last = stop or WayOut(term_end(agreement))
        ways = [last, *_notices(agreement, seen_by, t, last.ends_at)]
        way = min(ways, key=lambda out: (total.to(out.ends_at) + out.fee, out.ends_at))
        firm = total.to(way.ends_at) - elapsed + way.fee
    return Exposure(
        currency=terms.currency,
        headline=headline,
        elapsed=elapsed,
        firm=firm,
        cancellable=headline - total.to(way.ends_at),
        optional=optional(agreement, t, headline),
        termination_fee=way.fee,
        undetermined=undetermined(agreement),
        earliest_notice=way.notice_at,
        earliest_end=way.ends_at,
    )


def running_total(agreement: Agreement, t: datetime) -> RunningTotal:
    """C(x) in the currency, and rounded in the way, of the terms that hold at an instant."""
    terms = agreement.terms_near(t)
    currency, rounding = terms.currency, terms.billing.rounding
    return RunningTotal(
        agreement.term_segments,
        currency,
        rounding,
        parts=parts_of(agreement.novated_from, currency, rounding),
        changed_at=agreement.changed_at,
    )


def term_end(agreement: Agreement) -> datetime:
    """When the term ends, or all of it went over to another contract."""
    end = agreement.superseded_at
    return agreement.term_end if end is None else min(end, agreement.term_end)


def stopped(agreement: Agreement, t: datetime) -> WayOut | None:
    """What caps the contract as said by an instant: a notice, a termination, a remedy; the earliest end.

    One that ends at the end of the term caps nothing.
    """
    ways: list[WayOut] = []
    notice, termination, remedy = agreement.notice, agreement.termination, agreement.contract_remedy
    if notice is not None and t >= notice.given_at:
        ways.append(WayOut(notice.ends_at, notice.given_at, fee_of(agreement, notice)))
    if termination is not None and t >= termination.effective_at:
        ways.append(WayOut(termination.ends_at, termination.effective_at, fee_of(agreement, termination)))
    if remedy is not None and t >= remedy.effective_at:
        ways.append(WayOut(remedy.effective_at, remedy.effective_at))
    first = min(ways, key=lambda way: way.ends_at, default=None)
    return None if first is None or first.ends_at >= term_end(agreement) else first


def counted_until(agreement: Agreement, t: datetime) -> datetime:
    """Where commitments and what remains stop, as said by an instant."""
    stop = stopped(agreement, t)
    return term_end(agreement) if stop is None else stop.ends_at


def optional(agreement: Agreement, t: datetime, headline: int) -> int:
    """What the options not yet exercised or lapsed would add to the headline, each by itself."""
    if agreement.ended(t):
        return 0
    added = 0
    for option in agreement.terms_near(t).options:
        if option.option not in agreement.exercised and t < option.exercise_by:
            used = OptionExercised(
                contract=agreement.contract, option=option.option, effective_at=t, terms=option.terms
            )
            more = evolve(agreement, used)
            assert isinstance(more, Agreement), "an agreement stays one"
            added += running_total(more, t).to(more.term_end) - headline
    return added


def undetermined(agreement: Agreement) -> tuple[UndeterminedStep, ...]:
    """The steps without an amount where they hold, by charge in the order of the terms, then start."""
    found: dict[str, dict[tuple[datetime, datetime], list[UndeterminedStep]]] = {}
    for segment in agreement.term_segments:
        for step, stated in _unknown_steps(segment):
            pieces = found.setdefault(step.charge, {}).setdefault(stated, [])
            if pieces and pieces[-1].end == step.start:
                pieces[-1] = UndeterminedStep(step.charge, pieces[-1].start, step.end)
            else:
                pieces.append(step)
    return tuple(
        step
        for steps in found.values()
        for step in sorted((s for pieces in steps.values() for s in pieces), key=lambda s: s.start)
    )


def _unknown_steps(segment: TermSegment) -> Iterator[tuple[UndeterminedStep, tuple[datetime, datetime]]]:
    """The unknown steps of a segment, cut to it, each with its bounds as stated."""
    for charge in segment.terms.charges:
        if not isinstance(charge, FixedCharge):
            continue
        for step in charge.steps:
            start, end = max(step.start, segment.interval.start), min(step.end, segment.interval.end)
            if step.amount is None and start < end:
                yield UndeterminedStep(charge.charge, start, end), (step.start, step.end)


def _notices(agreement: Agreement, seen_by: Party, t: datetime, before: datetime) -> Iterator[WayOut]:
    """The ways out by notice that the other party has at an instant, with an end before another."""
    terms = agreement.terms_near(t)
    for right in rights_of(terms, other(seen_by)):
        notice_at = max(t, opens_at(right, terms) or t)
        ends_at = days_after(notice_at, right.notice_days)
        if ends_at < before:
            yield WayOut(ends_at, notice_at, exit_fee(agreement, right.fee, ends_at))
