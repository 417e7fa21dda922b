"""FOCUS 1.4: the four datasets of one supplier's contracts, as rows of text by column.

Conditions supported: capacity and commitment purchases, contract commitments, payable invoices, measured use.
"""

from collections.abc import Sequence

import msgspec

from services.settlement.exports.focus.books import ContractBooks, Row
from services.settlement.exports.focus.commitments import COMMITMENT_COLUMNS, commitment_rows
from services.settlement.exports.focus.cost import COST_COLUMNS, cost_rows
from services.settlement.exports.focus.invoices import (
    INVOICE_COLUMNS,
    PERIOD_COLUMNS,
    invoice_rows,
    period_rows,
)

__all__ = ["ContractBooks", "Dataset", "datasets"]


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset: its name, its columns in order, its rows (None = null)."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    decimals: frozenset[str]


DECIMALS = frozenset(
    {
        "BilledCost",
        "EffectiveCost",
        "ListCost",
        "ContractedCost",
        "ConsumedQuantity",
        "CommitmentDiscountQuantity",
        "ContractCommitmentCost",
        "ContractCommitmentQuantity",
        "ContractCommitmentDiscountPercentage",
    }
)


def datasets(books: Sequence[ContractBooks]) -> tuple[Dataset, Dataset, Dataset, Dataset]:
    """Cost and Usage, Contract Commitment, Billing Period, Invoice Detail."""
    cost = [row for found in books for row in cost_rows(found)]
    return (
        _dataset("CostAndUsage", COST_COLUMNS, cost),
        _dataset("ContractCommitment", COMMITMENT_COLUMNS, [r for b in books for r in commitment_rows(b)]),
        _dataset("BillingPeriod", PERIOD_COLUMNS, period_rows(books)),
        _dataset("InvoiceDetail", INVOICE_COLUMNS, [r for b in books for r in invoice_rows(b, cost)]),
    )


def _dataset(name: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Dataset:
    return Dataset(name=name, columns=columns, rows=tuple(rows), decimals=DECIMALS & set(columns))
