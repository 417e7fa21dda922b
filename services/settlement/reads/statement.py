"""`settlement.statement`: an issued statement, or the preview of an interval."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from infra.service import View
from schemas.decision import Refused
from schemas.kernel.interval import Interval
from schemas.settlement import (
    BilledLine,
    SettlementRejection,
    StatementQuestion,
    TaxEntry,
    UndeterminedFee,
)
from services.settlement.domain.statement import drafted, sheet
from services.settlement.gathering import compute
from services.settlement.knowledge import closed_cut, known
from services.settlement.reads.access import UNKNOWN, account_of, statement_of


async def statement(question: StatementQuestion, view: View) -> Any | Refused:  # noqa: ANN401 JSON
    """Answer with the issued statement that is named, or with what one issued now would say."""
    if question.statement is not None:
        found = await statement_of(question.statement, view)
        return found if isinstance(found, Refused) else shown(found.event)
    if question.contract is None or question.interval is None:
        return Refused(SettlementRejection.NOT_AN_INTERVAL)
    return await preview(question.contract, question.interval, view)


async def preview(contract: str, interval: Interval, view: View) -> Any | Refused:  # noqa: ANN401 JSON
    """What a statement of an interval issued now would say; it need not have ended."""
    found = await account_of(contract, view)
    if isinstance(found, Refused):
        return found
    cut = await closed_cut(view.past)
    all_known = await known(view.past.at(cut), found.agreement.contract, found.account, interval)
    if all_known is None:
        return UNKNOWN
    made = compute(all_known, found.account, interval, cut)
    slot = made.slot
    if slot is None:
        return Refused(SettlementRejection.NOT_AN_INTERVAL)
    figures = sheet(drafted(made.rating, found.account, slot, preview=True), slot)
    rated = next(found for found in made.rating.intervals if found.scope.interval == slot.interval)
    return as_json(
        statement=f"{found.agreement.contract}-{slot.label}",
        contract=found.agreement.contract,
        interval=slot.interval,
        rulebook=rated.rulebook,
        currency=slot.currency,
        lines=figures.lines,
        net=figures.net,
        taxes=figures.taxes,
        total=figures.total,
        undetermined=rated.undetermined,
        provisional=made.provisional,
    )


def shown(event: Any) -> dict[str, Any]:  # noqa: ANN401 a StatementIssued
    """An issued statement as its parties see it: without positions."""
    names = (
        "statement", "contract", "interval", "rulebook", "currency", "lines", "net", "taxes", "total",
        "undetermined", "provisional",
    )  # fmt: skip
    made = as_json(**{name: getattr(event, name) for name in names})
    return {**made, "issued_at": event.issued_at, "due_at": event.due_at, "digest": event.digest}


def as_json(  # noqa: PLR0913 the fields of a statement
    *,
    statement: str,
    contract: str,
    interval: Interval,
    rulebook: int,
    currency: str,
    lines: Sequence[BilledLine],
    net: str,
    taxes: Iterable[TaxEntry],
    total: str,
    undetermined: Iterable[UndeterminedFee],
    provisional: bool,
) -> dict[str, Any]:
    """A statement's JSON."""
    return {
        "statement": statement,
        "contract": contract,
        "interval": span(interval),
        "rulebook": rulebook,
        "currency": currency,
        "lines": [line_json(line) for line in lines],
        "net": net,
        "taxes": [msgspec.structs.asdict(entry) for entry in taxes],
        "total": total,
        "undetermined": [msgspec.structs.asdict(fee) for fee in undetermined],
        "provisional": provisional,
    }


def line_json(line: BilledLine) -> dict[str, Any]:
    """A line's JSON."""
    return {
        "line": line.line,
        "kind": line.kind,
        "charge": line.charge,
        "service": span(line.service),
        "quantity": line.quantity,
        "unit": line.unit,
        "rate": line.rate,
        "amount": line.amount,
        "tax": line.tax,
        "corrects": line.corrects,
    }


def span(interval: Interval) -> dict[str, Any]:
    """An interval's JSON."""
    return {"start": interval.start, "end": interval.end}
