"""What terms must hold to, and the one form in which equal terms are written."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import msgspec

from schemas.contracts import (
    Changes,
    Charge,
    ExitFee,
    FixedCharge,
    Head,
    Line,
    MinimumCharge,
    Option,
    OptionTerms,
    PrepaymentCharge,
    Rejection,
    ResidualCharge,
    TerminationRight,
    Terms,
    lines_of,
)
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Span
from schemas.kernel.money import amount, minor
from schemas.kernel.names import local, owner, qualify

replace = msgspec.structs.replace

ORDER = tuple(Rejection)


def first_fault(all_terms: Iterable[Terms]) -> Rejection | None:
    """The first rule, in the order of precedence, that any of the terms breaks."""
    return min((fault for terms in all_terms for fault in faults(terms)), key=ORDER.index, default=None)


def faults(terms: Terms) -> Iterator[Rejection]:
    """Every rule that terms break."""
    if terms.supplier == terms.customer:
        yield Rejection.PARTIES_MUST_DIFFER
    yield from _term_faults(terms.term)
    yield from _section_faults(terms.term, terms.lines, terms.charges)
    for option in terms.options:
        term = option.terms.term or terms.term
        yield from _term_faults(term)
        lines = (*terms.lines, *option.terms.lines)
        yield from _reference_faults(lines, (*terms.charges, *option.terms.charges))
        yield from _shape_faults(term, option.terms.lines, option.terms.charges)


def _term_faults(term: Span) -> Iterator[Rejection]:
    if term.start >= term.end:
        yield Rejection.TERM_REVERSED


def _section_faults(term: Span, lines: tuple[Line, ...], charges: tuple[Charge, ...]) -> Iterator[Rejection]:
    yield from _reference_faults(lines, charges)
    yield from _shape_faults(term, lines, charges)


def _reference_faults(lines: tuple[Line, ...], charges: tuple[Charge, ...]) -> Iterator[Rejection]:
    names = {line.line for line in lines}
    if any(line not in names for charge in charges for line in lines_of(charge)):
        yield Rejection.LINE_UNKNOWN
    known = {charge.charge for charge in charges}
    if any(c not in known for charge in charges if isinstance(charge, MinimumCharge) for c in charge.covers):
        yield Rejection.CHARGE_UNKNOWN


def _shape_faults(term: Span, lines: tuple[Line, ...], charges: tuple[Charge, ...]) -> Iterator[Rejection]:
    low, high = seconds(term.start), seconds(term.end)
    for line in lines:
        if any(start < low or end is None or end > high for start, end, _ in line.quantity.raw):
            yield Rejection.LINE_OUTSIDE_TERM
    if any(_overlapping(charge) for charge in charges if isinstance(charge, FixedCharge)):
        yield Rejection.STEPS_OVERLAP


def _overlapping(charge: FixedCharge) -> bool:
    steps = sorted((step.start, step.end) for step in charge.steps)
    return any(end > start for (_, end), (start, _) in pairwise(steps))


# -- the one form -------------------------------------------------------------------------------------


def normal(terms: Terms) -> Terms:
    """Terms with all digits of amounts, heads by their qualified names, own pools by their short ones."""
    values = {name: getattr(terms, name) for name in ("lines", "charges", "termination", "options")}
    return replace(terms, **_normal_sections(values, terms.supplier, terms.currency))


def normal_changes(changes: Changes, supplier: str, currency: str) -> Changes:
    """The changes of an amendment in the same form.

    Raises:
        ValueError: an amount is finer than the currency.
    """
    stated = currency if changes.currency is msgspec.UNSET else changes.currency
    names = ("lines", "charges", "termination", "options")
    values = {name: v for name in names if (v := getattr(changes, name)) is not msgspec.UNSET}
    return replace(changes, **_normal_sections(values, supplier, stated))


def _normal_sections(values: dict[str, Any], supplier: str, currency: str) -> dict[str, Any]:
    made = dict(values)
    if "lines" in made:
        made["lines"] = tuple(_line(line, supplier) for line in made["lines"])
    if "charges" in made:
        made["charges"] = tuple(_charge(charge, supplier, currency) for charge in made["charges"])
    if "termination" in made:
        made["termination"] = tuple(_right(right, currency) for right in made["termination"])
    if "options" in made:
        made["options"] = tuple(_option(option, supplier, currency) for option in made["options"])
    return made


def full(stated: str, currency: str) -> str:
    """An amount with all digits of its currency.

    Raises:
        ValueError: it is finer than the currency.
    """
    return amount(minor(stated, currency), currency)


def _line(line: Line, supplier: str) -> Line:
    pool = None if line.pool is None else _own_short(line.pool, supplier)
    head = line.from_
    if head is not None:
        head = Head(contract=qualify(head.contract, supplier), line=head.line)
    return replace(line, pool=pool, from_=head)


def _own_short(pool: str, supplier: str) -> str:
    return local(pool) if "/" in pool and owner(pool) == supplier else pool


def _charge(charge: Charge, supplier: str, currency: str) -> Charge:
    match charge:
        case FixedCharge():
            steps = (
                step if step.amount is None else replace(step, amount=full(step.amount, currency))
                for step in charge.steps
            )
            return replace(charge, steps=tuple(sorted(steps, key=lambda step: step.start)))
        case MinimumCharge() | PrepaymentCharge():
            return replace(charge, amount=full(charge.amount, currency))
        case ResidualCharge():
            return replace(charge, pool=_own_short(charge.pool, supplier))
        case _:
            return charge


def _right(right: TerminationRight, currency: str) -> TerminationRight:
    if right.fee is None or right.fee.amount is None:
        return right
    return replace(right, fee=ExitFee(amount=full(right.fee.amount, currency)))


def _option(option: Option, supplier: str, currency: str) -> Option:
    added = option.terms
    terms = OptionTerms(
        term=added.term,
        lines=tuple(_line(line, supplier) for line in added.lines),
        charges=tuple(_charge(charge, supplier, currency) for charge in added.charges),
    )
    return replace(option, terms=terms)
