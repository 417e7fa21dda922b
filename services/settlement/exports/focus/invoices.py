"""Invoice Detail: what was billed, by statement and charge category. Billing Period: what is closed."""

from collections.abc import Sequence
from decimal import Decimal

from schemas.settlement import StatementIssued
from services.settlement.exports.focus.books import ContractBooks, Row, money, time

INVOICE_COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "InvoiceDetailCreated", "InvoiceDetailDescription", "InvoiceDetailGrain",
    "InvoiceDetailId", "InvoiceDetailLastUpdated", "InvoiceId", "InvoiceIssueDate", "InvoiceIssueStatus",
    "InvoiceIssuerName", "PaymentDueDate", "PaymentTerms", "ReferenceInvoiceId",
)  # fmt: skip
PERIOD_COLUMNS = (
    "BillingPeriodCreated", "BillingPeriodEnd", "BillingPeriodLastUpdated", "BillingPeriodStart",
    "BillingPeriodStatus", "InvoiceIssuerName",
)  # fmt: skip


def invoice_rows(books: ContractBooks, cost: Sequence[Row]) -> list[Row]:
    """One row for each statement and charge category, the sum of its cost rows."""
    rows: list[Row] = []
    for statement in books.statements:
        sums: dict[str, Decimal] = {}
        names: dict[str, str] = {}
        for row in cost:
            if row["InvoiceId"] == statement.statement:
                category, detail = str(row["ChargeCategory"]), str(row["InvoiceDetailId"])
                sums[category] = sums.get(category, Decimal(0)) + Decimal(str(row["BilledCost"]))
                names[category] = detail
        rows += [_row(books, statement, c, names[c], value) for c, value in sorted(sums.items())]
    return rows


def _row(
    books: ContractBooks, statement: StatementIssued, category: str, detail: str, billed: Decimal
) -> Row:
    corrected = sorted({line.corrects for line in statement.lines if line.corrects is not None})
    return {
        "BilledCost": money(billed),
        "BillingAccountId": books.agreement.customer,
        "BillingCurrency": statement.currency,
        "BillingPeriodStart": time(statement.interval.start),
        "BillingPeriodEnd": time(statement.interval.end),
        "ChargeCategory": category,
        "InvoiceDetailCreated": time(statement.issued_at),
        "InvoiceDetailDescription": f"{category} of {statement.statement}",
        "InvoiceDetailGrain": None,
        "InvoiceDetailId": detail,
        "InvoiceDetailLastUpdated": time(statement.issued_at),
        "InvoiceId": statement.statement,
        "InvoiceIssueDate": time(statement.issued_at),
        "InvoiceIssueStatus": "Issued",
        "InvoiceIssuerName": books.agreement.supplier,
        "PaymentDueDate": time(statement.due_at),
        "PaymentTerms": f"Due {time(statement.due_at)}",
        "ReferenceInvoiceId": corrected[0] if corrected else statement.statement,
    }


def period_rows(books: Sequence[ContractBooks]) -> list[Row]:
    """One row for each period and issuer: closed when every contract that was billed for it has closed it."""
    found: dict[tuple[str, str, str], list[tuple[StatementIssued, bool]]] = {}
    for contract in books:
        for statement in contract.statements:
            key = (
                contract.agreement.supplier,
                time(statement.interval.start),
                time(statement.interval.end),
            )
            closed = statement.interval.start in contract.closed
            found.setdefault(key, []).append((statement, closed))
    return [
        {
            "BillingPeriodCreated": time(min(s.interval.start for s, _ in members)),
            "BillingPeriodEnd": end,
            "BillingPeriodLastUpdated": time(max(s.issued_at for s, _ in members)),
            "BillingPeriodStart": start,
            "BillingPeriodStatus": "Closed" if all(closed for _, closed in members) else "Open",
            "InvoiceIssuerName": issuer,
        }
        for (issuer, start, end), members in sorted(found.items())
    ]
