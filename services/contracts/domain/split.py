"""Splitting terms in two: what stays, and what a novation moves (or an ended line takes away).

Everything is split by largest remainder, what stays first, then the moved lines as listed; so both sides
always add up to the whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import TypeAlias, TypeVar, assert_never

import msgspec

from schemas.contracts import (
    BlockCharge,
    CapacityCharge,
    Charge,
    ExitFee,
    FeeStep,
    FixedCharge,
    Line,
    MinimumCharge,
    Option,
    OptionTerms,
    PrepaymentCharge,
    ResidualCharge,
    TerminationRight,
    Terms,
    UsageCharge,
    lines_of,
)
from schemas.kernel.interval import Span
from schemas.kernel.money import amount, minor
from schemas.kernel.schedule import combine
from schemas.kernel.shares import largest_remainder
from services.contracts.domain.rights import opens_at

replace = msgspec.structs.replace

T = TypeVar("T")


class ByShare(msgspec.Struct, frozen=True):
    """A share of everything is moved."""

    share: Fraction


class ByLines(msgspec.Struct, frozen=True):
    """These lines are moved, whole."""

    lines: tuple[str, ...]


Measure: TypeAlias = ByShare | ByLines
Halves: TypeAlias = tuple[tuple[T, ...], tuple[T, ...]]


class Sides(msgspec.Struct, frozen=True):
    """What stays and what is moved of one version of the terms."""

    kept: Terms
    moved: Terms


def split(terms: Terms, at: datetime, measure: Measure) -> Sides:
    """One version of the terms in two, from an instant on, where the moved side begins."""
    cut = _Cut(terms, at, measure)
    kept_lines, moved_lines = cut.lines(terms.lines)
    kept_charges, moved_charges = cut.charges(terms.charges)
    kept_rights, moved_rights = cut.rights(terms.termination)
    kept_options, moved_options = cut.options(terms.options)
    kept = replace(
        terms, lines=kept_lines, charges=kept_charges, termination=kept_rights, options=kept_options
    )
    moved = replace(
        terms,
        term=Span(max(terms.term.start, at), terms.term.end),
        lines=moved_lines,
        charges=moved_charges,
        termination=moved_rights,
        options=moved_options,
    )
    return Sides(kept, moved)


def moved_whole(terms: Terms, at: datetime) -> Sides:
    """All of one version of the terms moved; only prepayments that were due before stay."""
    stays = tuple(c for c in terms.charges if isinstance(c, PrepaymentCharge) and c.due < at)
    sides = split(terms, at, ByShare(Fraction(1)))
    return Sides(replace(terms, lines=(), charges=stays, options=()), sides.moved)


class _Cut:
    """How one version of the terms is cut: the weights of what stays and of what is moved."""

    def __init__(self, terms: Terms, at: datetime, measure: Measure) -> None:
        self.terms, self.at, self.measure = terms, at, measure
        added = [line for option in terms.options for line in option.terms.lines]
        self.quantities: Mapping[str, Line] = {line.line: line for line in (*added, *terms.lines)}

    # -- weights --------------------------------------------------------------------------------------

    def weights(self, lines: Sequence[str], start: datetime, end: datetime) -> list[Fraction]:
        """What stays, then each moved part: by share, or by the GPU-seconds of lines over a time."""
        match self.measure:
            case ByShare(share=share):
                return [1 - share, share]
            case ByLines(lines=moved):
                if not lines:
                    return [Fraction(1)]
                begin = max(start, self.at)
                for low, high in ((begin, end), (self.at, self.terms.term.end)):
                    seconds = {line: self.gpu_seconds(line, low, high) for line in lines}
                    if any(seconds.values()):
                        return _by_line(seconds, moved)
                return _by_line(dict.fromkeys(lines, 1), moved)
            case _:
                assert_never(self.measure)

    def gpu_seconds(self, line: str, start: datetime, end: datetime) -> int:
        found = self.quantities.get(line)
        return 0 if found is None else found.quantity.integral(start, end)

    def part(self, stated: str, weights: Sequence[Fraction]) -> tuple[str, str]:
        """An amount in two."""
        kept, *moved = largest_remainder(minor(stated, self.terms.currency), weights)
        return amount(kept, self.terms.currency), amount(sum(moved), self.terms.currency)

    def all_lines(self, lines: Sequence[str]) -> list[str]:
        return list(lines) or [line.line for line in self.terms.lines]

    # -- sections -------------------------------------------------------------------------------------

    def lines(self, lines: tuple[Line, ...]) -> Halves[Line]:
        """Lines in two; the moved ones begin at the cut."""
        match self.measure:
            case ByShare(share=share):
                weights = [1 - share, share]

                def moved_of(quantity: int) -> int:
                    return largest_remainder(quantity, weights)[1]

                moved = {line.line: combine(moved_of, line.quantity) for line in lines}
                kept = (replace(line, quantity=line.quantity - moved[line.line]) for line in lines)
                gone = (replace(line, quantity=moved[line.line].clip(self.at, None)) for line in lines)
                return tuple(kept), tuple(gone)
            case ByLines(lines=names):
                by_name = {line.line: line for line in lines}
                gone = (by_name[name] for name in names if name in by_name)
                return (
                    tuple(line for line in lines if line.line not in names),
                    tuple(replace(line, quantity=line.quantity.clip(self.at, None)) for line in gone),
                )
            case _:
                assert_never(self.measure)

    def charges(self, charges: tuple[Charge, ...], beside: tuple[Charge, ...] = ()) -> Halves[Charge]:
        """Charges in two; a minimum goes where something that it covers goes, perhaps `beside` them."""
        halves, others = ([self.charge(charge) for charge in some] for some in (charges, beside))
        kept, moved = (
            _covering(_present(half[side] for half in halves), _present(half[side] for half in others))
            for side in (0, 1)
        )
        return kept, moved

    def charge(self, charge: Charge) -> tuple[Charge | None, Charge | None]:
        """One charge in two, None where nothing is left on a side."""
        match charge:
            case FixedCharge():
                return self.fixed(charge)
            case CapacityCharge() | BlockCharge():
                return self.by_name(charge, (charge.line,))
            case UsageCharge():
                return self.usage(charge)
            case MinimumCharge():
                return self.minimum(charge)
            case PrepaymentCharge():
                return self.prepayment(charge)
            case ResidualCharge():
                return self.residual(charge)
            case _:
                assert_never(charge)

    def fixed(self, charge: FixedCharge) -> tuple[Charge | None, Charge | None]:
        kept_lines, moved_lines = self.names(charge.lines)
        if isinstance(self.measure, ByLines) and not (kept_lines and moved_lines):
            whole = replace(charge, steps=tuple(self.begun(charge.steps)))
            return (None, whole) if moved_lines else (charge, None)
        kept: list[FeeStep] = []
        moved: list[FeeStep] = []
        for step in charge.steps:
            halves = (
                (None, None)
                if step.amount is None
                else self.part(step.amount, self.weights(charge.lines, step.start, step.end))
            )
            kept.append(replace(step, amount=halves[0]))
            moved.append(replace(step, amount=halves[1]))
        return (
            replace(charge, lines=kept_lines, steps=tuple(kept)),
            replace(charge, lines=moved_lines, steps=tuple(self.begun(moved))),
        )

    def usage(self, charge: UsageCharge) -> tuple[Charge | None, Charge | None]:
        kept_lines, moved_lines = self.names(charge.lines)
        if isinstance(self.measure, ByShare):
            return charge, charge
        return (
            replace(charge, lines=kept_lines) if kept_lines or not charge.lines else None,
            replace(charge, lines=moved_lines) if moved_lines else None,
        )

    def minimum(self, charge: MinimumCharge) -> tuple[Charge | None, Charge | None]:
        covered = [c for c in self.terms.charges if c.charge in charge.covers]
        lines = list(dict.fromkeys(line for c in covered for line in lines_of(c)))
        term = self.terms.term
        weights = self.weights(self.all_lines(lines), term.start, term.end)
        kept, moved = self.part(charge.amount, weights)
        return self.sized(charge, kept), self.sized(charge, moved)

    def prepayment(self, charge: PrepaymentCharge) -> tuple[Charge | None, Charge | None]:
        if charge.due < self.at:
            return charge, None
        term = self.terms.term
        kept, moved = self.part(charge.amount, self.weights(self.all_lines(()), term.start, term.end))
        return self.sized(charge, kept), self.sized(charge, moved)

    def sized(self, charge: MinimumCharge | PrepaymentCharge, stated: str) -> Charge | None:
        return replace(charge, amount=stated) if minor(stated, self.terms.currency) else None

    def residual(self, charge: ResidualCharge) -> tuple[Charge | None, Charge | None]:
        if isinstance(self.measure, ByLines):
            return charge, None
        kept, moved = largest_remainder(charge.limit, [1 - self.measure.share, self.measure.share])
        return replace(charge, limit=kept), replace(charge, limit=moved)

    def by_name(self, charge: Charge, lines: Sequence[str]) -> tuple[Charge | None, Charge | None]:
        if isinstance(self.measure, ByShare):
            return charge, charge
        return (None, charge) if lines[0] in self.measure.lines else (charge, None)

    def names(self, lines: tuple[str, ...]) -> Halves[str]:
        """The lines of a charge on either side."""
        if isinstance(self.measure, ByShare):
            return lines, lines
        moved = self.measure.lines
        return (
            tuple(line for line in lines if line not in moved),
            tuple(line for line in moved if line in lines),
        )

    def begun(self, steps: Sequence[FeeStep]) -> list[FeeStep]:
        """Steps from the cut on."""
        return [replace(step, start=max(step.start, self.at)) for step in steps if step.end > self.at]

    def rights(self, rights: tuple[TerminationRight, ...]) -> Halves[TerminationRight]:
        """Rights on either side: both have them, a fee is split, and a lock in months becomes an instant."""
        term = self.terms.term
        kept: list[TerminationRight] = []
        moved: list[TerminationRight] = []
        for right in rights:
            locked = replace(
                right, notice_not_before=opens_at(right, self.terms), notice_not_before_months=None
            )
            stated = None if right.fee is None else right.fee.amount
            if stated is None:
                kept.append(right)
                moved.append(locked)
                continue
            weights = self.weights(self.all_lines(()), term.start, term.end)
            stays, goes = self.part(stated, weights)
            kept.append(replace(right, fee=ExitFee(amount=stays)))
            moved.append(replace(locked, fee=ExitFee(amount=goes)))
        return tuple(kept), tuple(moved)

    def options(self, options: tuple[Option, ...]) -> Halves[Option]:
        """Options in two; one that adds nothing on a side is none there."""
        kept: list[Option] = []
        moved: list[Option] = []
        for option in options:
            added = option.terms
            lines = self.lines(added.lines)
            charges = self.charges(added.charges, beside=self.terms.charges)
            bare = not added.lines and not added.charges
            term = added.term
            begun = None if term is None else Span(max(term.start, self.at), term.end)
            if bare or lines[0] or charges[0]:
                stays = OptionTerms(term=term, lines=lines[0], charges=charges[0])
                kept.append(replace(option, terms=stays))
            if bare or lines[1] or charges[1]:
                goes = OptionTerms(term=begun, lines=lines[1], charges=charges[1])
                moved.append(replace(option, terms=goes))
        return tuple(kept), tuple(moved)


def _by_line(weights: Mapping[str, int], moved: Sequence[str]) -> list[Fraction]:
    kept = sum(weight for line, weight in weights.items() if line not in moved)
    return [Fraction(kept), *(Fraction(weights[line]) for line in moved if line in weights)]


def _present(charges: Iterable[Charge | None]) -> list[Charge]:
    return [charge for charge in charges if charge is not None]


def _covering(charges: list[Charge], beside: list[Charge]) -> tuple[Charge, ...]:
    """Charges of one side, minimums with what of their covered charges is there; none that covers nothing."""
    names = {charge.charge for charge in (*charges, *beside)}
    made: list[Charge] = []
    for charge in charges:
        if isinstance(charge, MinimumCharge):
            covers = tuple(name for name in charge.covers if name in names)
            if covers or not charge.covers:
                made.append(replace(charge, covers=covers))
        else:
            made.append(charge)
    return tuple(made)
