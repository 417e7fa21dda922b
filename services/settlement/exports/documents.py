"""What invoices and credit notes share: lines and tax groups by the category codes of EN 16931."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from schemas.settlement import CreditNoteIssued, StatementIssued

EXEMPT = "E"
ZERO_RATED = "Z"
STANDARD = "S"
KNOWN_CATEGORIES = frozenset({"S", "Z", "E", "AE", "K", "G", "L", "M"})
NOT_TAXED = "Outside the contract's taxes"
NAMES = {
    "fixed": "Fixed fee",
    "capacity": "Committed capacity",
    "block": "Block of capacity",
    "usage": "Metered use",
    "residual": "Residual capacity",
    "delivery": "Reduction for short delivery",
    "recall": "Reduction for recalled capacity",
    "minimum": "Minimum",
    "termination_fee": "Termination fee",
    "late_interest": "Late interest",
    "sla": "Service level credit",
    "prepayment": "Prepayment",
}


class DocumentLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line: its net amount and the tax group that it counts in."""

    number: int
    name: str
    amount: Decimal
    start: str
    end: str
    category: str
    percent: Decimal


class TaxGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Base and tax of one category and rate; `reason` where nothing is charged."""

    category: str
    percent: Decimal
    base: Decimal
    tax: Decimal
    reason: str | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice or credit note, ready to be written in some format."""

    number: str
    issued: str
    due: str | None
    currency: str
    lines: tuple[DocumentLine, ...]
    groups: tuple[TaxGroup, ...]
    net: Decimal
    tax: Decimal
    total: Decimal
    note: str | None
    refers_to: tuple[str, ...] = ()


def category_of(category: str | None, rate_percent: str | None) -> tuple[str, Decimal]:
    """The EN 16931 code and rate of a tax entry: reduced rates are standard, a rate of 0 zero-rated."""
    if category is None or rate_percent is None:
        return EXEMPT, Decimal(0)
    percent = Decimal(rate_percent)
    if category in KNOWN_CATEGORIES - {STANDARD, ZERO_RATED}:
        return category, percent
    return (STANDARD, percent) if percent else (ZERO_RATED, percent)


def of_statement(event: StatementIssued) -> Document:
    """A statement as an invoice: its own lines, and corrections that name what they correct.

    One that bills nothing has a line that says so: an invoice has a line.
    """
    lines = _lines(event) or (_nothing(event),)
    groups = _groups(lines, [(t.category, t.rate_percent, t.amount) for t in event.taxes])
    net, total = Decimal(event.net), Decimal(event.total)
    corrected = tuple(dict.fromkeys(line.corrects for line in event.lines if line.corrects is not None))
    return Document(
        number=event.statement,
        issued=f"{event.issued_at:%Y-%m-%d}",
        due=f"{event.due_at:%Y-%m-%d}",
        currency=event.currency,
        lines=lines,
        groups=groups,
        net=net,
        tax=total - net,
        total=total,
        note=None,
        refers_to=corrected,
    )


def turned(document: Document) -> Document:
    """A document that gives back what another one charges: a statement below zero is a credit note."""
    replace = msgspec.structs.replace
    return replace(
        document,
        due=None,
        lines=tuple(replace(line, amount=-line.amount) for line in document.lines),
        groups=tuple(replace(group, base=-group.base, tax=-group.tax) for group in document.groups),
        net=-document.net,
        tax=-document.tax,
        total=-document.total,
    )


def _lines(event: StatementIssued) -> tuple[DocumentLine, ...]:
    return tuple(
        DocumentLine(
            number=line.line,
            name=_name(line.kind, line.charge, line.corrects),
            amount=Decimal(line.amount),
            start=f"{line.service.start:%Y-%m-%d}",
            end=f"{line.service.end:%Y-%m-%d}",
            category=category_of(line.category, line.rate_percent)[0],
            percent=category_of(line.category, line.rate_percent)[1],
        )
        for line in event.lines
    )


def _nothing(event: StatementIssued) -> DocumentLine:
    return DocumentLine(
        number=1,
        name="Nothing to bill for the interval",
        amount=Decimal(event.net),
        start=f"{event.interval.start:%Y-%m-%d}",
        end=f"{event.interval.end:%Y-%m-%d}",
        category=EXEMPT,
        percent=Decimal(0),
    )


def of_credit_note(event: CreditNoteIssued) -> Document:
    """A credit note: one line for each tax entry that it gives back."""
    lines = tuple(
        DocumentLine(
            number=number,
            name=f"Credit for {event.statement}",
            amount=Decimal(entry.base),
            start=f"{event.issued_at:%Y-%m-%d}",
            end=f"{event.issued_at:%Y-%m-%d}",
            category=category_of(entry.category, entry.rate_percent)[0],
            percent=category_of(entry.category, entry.rate_percent)[1],
        )
        for number, entry in enumerate(event.taxes, start=1)
    )
    rest = Decimal(event.net) - sum((line.amount for line in lines), Decimal(0))
    if rest or not lines:
        untaxed = DocumentLine(
            number=len(lines) + 1,
            name=f"Credit for {event.statement}",
            amount=rest,
            start=f"{event.issued_at:%Y-%m-%d}",
            end=f"{event.issued_at:%Y-%m-%d}",
            category=EXEMPT,
            percent=Decimal(0),
        )
        lines = (*lines, untaxed)
    net, total = Decimal(event.net), Decimal(event.total)
    return Document(
        number=f"{event.contract}/{event.credit_note}",
        issued=f"{event.issued_at:%Y-%m-%d}",
        due=None,
        currency=event.currency,
        lines=lines,
        groups=_groups(lines, [(t.category, t.rate_percent, t.amount) for t in event.taxes]),
        net=net,
        tax=total - net,
        total=total,
        note=event.reason,
        refers_to=(event.statement,),
    )


def _name(kind: str, charge: str | None, corrects: str | None) -> str:
    name = NAMES[kind] if charge is None else f"{NAMES[kind]}: {charge}"
    return name if corrects is None else f"{name} (corrects {corrects})"


def _groups(lines: Sequence[DocumentLine], taxes: Sequence[tuple[str, str, str]]) -> tuple[TaxGroup, ...]:
    charged: dict[tuple[str, Decimal], Decimal] = {}
    for category, rate_percent, amount in taxes:
        key = category_of(category, rate_percent)
        charged[key] = charged.get(key, Decimal(0)) + Decimal(amount)
    bases: dict[tuple[str, Decimal], Decimal] = {}
    for line in lines:
        key = (line.category, line.percent)
        bases[key] = bases.get(key, Decimal(0)) + line.amount
    if not bases:
        bases[EXEMPT, Decimal(0)] = Decimal(0)
    return tuple(
        TaxGroup(
            category=category,
            percent=percent,
            base=base,
            tax=charged.get((category, percent), Decimal(0)),
            reason=NOT_TAXED if category == EXEMPT else None,
        )
        for (category, percent), base in sorted(bases.items())
    )
