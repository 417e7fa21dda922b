"""Fixed fees: each step's amount x the share of the interval in which step, term and terms version hold."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from schemas.contracts import FixedCharge
from schemas.kernel.interval import Interval
from schemas.settlement import UndeterminedFee
from services.settlement.domain.rating.facts import Chapter, Deal, NovationShare, charge_in, shown
from services.settlement.domain.rating.line import Line
from services.settlement.domain.rating.scope import Scope, in_currency


class Piece(msgspec.Struct, frozen=True):
    """A stretch in which one amount holds; `stated` as the terms write it, None = not known yet."""

    part: Interval
    stated: str | None
    versions: tuple[int, ...]
    lines: tuple[str, ...]


def fixed(deal: Deal, scope: Scope) -> list[Line]:
    """One line for each stretch of one amount, rounded once; undetermined stretches make none."""
    lines: list[Line] = []
    for name in scope.places:
        found = pieces(scope.chapters, name, scope)
        own = [_line(scope, name, piece) for piece in found if piece.stated is not None]
        lines += own if len(own) < len(found) else _adding_up(deal, scope, name, own)
    return lines


def undetermined(scope: Scope) -> list[UndeterminedFee]:
    """The stretches of the interval whose fee is not known, by the charge's place and start."""
    return [
        UndeterminedFee(charge=name, start=piece.part.start, end=piece.part.end)
        for name in scope.places
        for piece in pieces(scope.chapters, name, scope)
        if piece.stated is None
    ]


def pieces(chapters: Iterable[Chapter], name: str, scope: Scope) -> list[Piece]:
    """The stretches of one charge; neighbouring ones with the same amount are one."""
    merged: list[Piece] = []
    for piece in _steps(chapters, name):
        last = merged[-1] if merged else None
        if last is not None and last.part.end == piece.part.start and _same(last.stated, piece.stated, scope):
            merged[-1] = Piece(
                Interval(last.part.start, piece.part.end),
                last.stated,
                tuple(dict.fromkeys((*last.versions, *piece.versions))),
                tuple(dict.fromkeys((*last.lines, *piece.lines))),
            )
        else:
            merged.append(piece)
    return merged


def _steps(chapters: Iterable[Chapter], name: str) -> Iterable[Piece]:
    for chapter in chapters:
        charge = charge_in(chapter.terms, name, FixedCharge)
        if charge is None:
            continue
        for step in sorted(charge.steps, key=lambda step: step.start):
            part = chapter.interval.overlap(Interval(step.start, step.end))
            if part is not None:
                yield Piece(part, step.amount, (chapter.version,), charge.lines)


def _same(a: str | None, b: str | None, scope: Scope) -> bool:
    if a is None or b is None:
        return a is b
    return scope.minor(a) == scope.minor(b)


def _line(scope: Scope, name: str, piece: Piece) -> Line:
    assert piece.stated is not None, "an undetermined stretch makes no line"
    share = scope.share(piece.part)
    return Line(
        kind="fixed",
        charge=name,
        service=piece.part,
        amount=scope.round(scope.minor(piece.stated) * share),
        formula=f"{piece.stated} x {shown(share)} of the interval",
        order=scope.order(name, piece.part),
        versions=piece.versions,
        holdings=piece.lines,
    )


def charged(deal: Deal, chapters: Iterable[Chapter], scope: Scope, name: str) -> int:
    """What a fee comes to in an interval by some terms: its lines, each rounded, in minor units.

    What is not known is left out.
    """
    inside = [
        Chapter(part, chapter.terms, chapter.version)
        for chapter in chapters
        if (part := chapter.interval.overlap(scope.interval)) is not None
    ]
    found = pieces(in_currency(inside, scope.currency), name, scope)
    amounts = _amounts(found, scope)
    return sum(amounts) + (
        _lost(deal.novation, deal, scope, name, sum(amounts)) if amounts and len(amounts) == len(found) else 0
    )


def _adding_up(deal: Deal, scope: Scope, name: str, own: list[Line]) -> list[Line]:
    """After a novation the last line takes what is needed so that all add up."""
    lost = _lost(deal.novation, deal, scope, name, sum(line.amount for line in own)) if own else 0
    if not lost:
        return own
    last = own[-1]
    formula = f"{last.formula}, {lost:+d} minor units so that it adds up with what the old contract bills"
    return [*own[:-1], msgspec.structs.replace(last, amount=last.amount + lost, formula=formula)]


def _lost(novation: NovationShare | None, deal: Deal, scope: Scope, name: str, own: int) -> int:
    """What a novation would lose: the rounded undivided amount less what the old contract and this one bill.

    From the first later change of its own terms on, a contract is rounded by itself; so is the old one from
    the novation on. Undivided it may come from a novation in its turn, and add up with its own old one.
    """
    if novation is None or scope.interval.end <= novation.effective_at:
        return 0
    if novation.changed_at is not None and novation.changed_at < scope.interval.end:
        return 0
    whole = _billed(novation.undivided, deal, scope, name)
    old = _billed(novation.old, deal, scope, name)
    if whole is None or old is None:
        return 0
    return whole + _lost(novation.origin, deal, scope, name, whole) - old - own


def _billed(chapters: tuple[Chapter, ...], deal: Deal, scope: Scope, name: str) -> int | None:
    """What the fee bills in the interval by other terms, up to this contract's end; None if unknown."""
    inside = [
        Chapter(part, chapter.terms, chapter.version)
        for chapter in chapters
        if (part := _until(chapter.interval, deal.end, scope.interval)) is not None
    ]
    found = pieces(in_currency(inside, scope.currency), name, scope)
    amounts = _amounts(found, scope)
    return sum(amounts) if len(amounts) == len(found) else None


def _amounts(found: Iterable[Piece], scope: Scope) -> list[int]:
    """The rounded amount of each stretch whose fee is known."""
    return [
        scope.round(scope.minor(piece.stated) * scope.share(piece.part))
        for piece in found
        if piece.stated is not None
    ]


def _until(interval: Interval, end: datetime, scope: Interval) -> Interval | None:
    inside = interval.overlap(scope)
    if inside is None or inside.start >= end:
        return None
    return Interval(inside.start, min(inside.end, end))
