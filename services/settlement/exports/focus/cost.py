"""Cost and Usage: purchases, use of what was purchased, metered use, credits, adjustments, taxes.

A take-or-pay fee is one Purchase row (its effective cost 0), and its use: a Used row and an Unused one, which
have the effective cost. What a prepayment paid is billed by its Purchase row and not again.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from schemas.contracts import MinimumCharge, lines_of
from schemas.kernel.money import digits
from schemas.settlement import BilledLine, StatementIssued
from services.settlement.exports.focus.books import ContractBooks, Row, commitment_id, money, time

Category = Literal["Usage", "Purchase", "Tax", "Credit", "Adjustment"]
CATEGORIES: Mapping[str, Category] = {
    "fixed": "Purchase",
    "capacity": "Purchase",
    "block": "Usage",
    "usage": "Usage",
    "residual": "Usage",
    "delivery": "Credit",
    "recall": "Credit",
    "minimum": "Adjustment",
    "termination_fee": "Adjustment",
    "late_interest": "Adjustment",
    "sla": "Credit",
    "prepayment": "Purchase",
}
TAKE_OR_PAY = ("fixed", "capacity")
PAID_FOR = ("fixed", "capacity", "block", "usage", "residual", "minimum")
GPU_HOURS = "GPU-Hours"
SECONDS_PER_HOUR = 3600
SIX_PLACES = Decimal("0.000001")
COST_COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "CapacityReservationId", "CapacityReservationStatus", "ChargeCategory",
    "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
    "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName",
    "CommitmentDiscountQuantity", "CommitmentDiscountStatus", "CommitmentDiscountType",
    "CommitmentDiscountUnit", "ConsumedQuantity", "ConsumedUnit", "ContractApplied", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "HostProviderName", "InvoiceDetailId", "InvoiceId",
    "InvoiceIssuerName", "ListCost", "ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingUnit",
    "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName",
    "ServiceProviderName", "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId",
    "SubAccountId", "SubAccountName", "Tags", "x_ChargeKey", "x_CorrectionOf",
)  # fmt: skip

_JSON = msgspec.json.Encoder(decimal_format="number", order="sorted")


def cost_rows(books: ContractBooks) -> list[Row]:
    """The rows of a contract's statements."""
    rows: list[Row] = []
    originals: set[str] = set()
    for statement in books.statements:
        rows += list(_Sheet(books, statement, originals).rows())
    return rows


def detail_id(statement: str, category: str) -> str:
    """The id of the invoice line that rows of a statement and category belong to."""
    return f"{statement}/{category.lower()}"


class _Sheet:
    """One statement on its way to rows. `originals` collects the keys that a correction may name."""

    def __init__(self, books: ContractBooks, statement: StatementIssued, originals: set[str]) -> None:
        self._books, self._statement, self._originals = books, statement, originals
        self._draws = [
            (str(line.charge), -Decimal(line.amount))
            for line in statement.lines
            if line.kind == "prepayment" and Decimal(line.amount) < 0
        ]
        self._numbers: dict[str, int] = {}

    def rows(self) -> Iterator[Row]:
        """Its rows, in the order of its lines; then its taxes."""
        for line in self._statement.lines:
            if line.kind == "prepayment" and Decimal(line.amount) < 0:
                continue
            yield from self._line(line)
        for number, tax in enumerate(self._statement.taxes, start=1):
            cost = Decimal(tax.amount)
            yield {
                **self._common("Tax", f"Tax {tax.category} {tax.rate_percent} %"),
                **_costs(cost, cost),
                "ChargePeriodStart": time(self._statement.interval.start),
                "ChargePeriodEnd": time(self._statement.interval.end),
                "x_ChargeKey": f"{self._statement.statement}/tax/{number}",
            }

    def _line(self, line: BilledLine) -> Iterator[Row]:
        amount = Decimal(line.amount)
        drawn = self._drawn(line, amount)
        billed = amount - sum((part for _, part in drawn), Decimal(0))
        category = CATEGORIES[line.kind]
        key = self._key(line)
        taken = line.kind in TAKE_OR_PAY and amount > 0 and line.corrects is None
        row = {
            **self._common(category, _description(line)),
            **_costs(billed, Decimal(0) if taken or line.kind == "prepayment" else amount, amount),
            "ChargeClass": None if line.corrects is None else "Correction",
            "ChargePeriodStart": time(line.service.start),
            "ChargePeriodEnd": time(line.service.end),
            "ContractApplied": self._applied(line, amount, drawn, taken=taken),
            "x_ChargeKey": key,
            "x_CorrectionOf": self._corrected(line),
        }
        if category == "Usage" and line.unit == "GPU-second" and line.quantity is not None:
            row |= {"ConsumedQuantity": _hours(int(line.quantity)), "ConsumedUnit": GPU_HOURS}
        if category == "Credit":
            row["EffectiveCost"] = row["BilledCost"]
        yield row
        if taken:
            yield from self._used(line, amount, key)

    def _used(self, line: BilledLine, amount: Decimal, key: str) -> Iterator[Row]:
        """How much of what the fee bought was used, by the GPU-seconds measured with the statement."""
        measured = self._statement.measured
        used = max(0, min(measured.used + measured.passed_on, measured.committed))
        whole = max(1, measured.committed)
        quantum = Decimal(1).scaleb(-digits(self._statement.currency))
        cost = (amount * used / whole).quantize(quantum)
        name = commitment_id(self._statement.contract, str(line.charge))
        parts = (("Used", cost, used), ("Unused", amount - cost, max(0, measured.committed - used)))
        for status, part, gpu_seconds in parts:
            if not part and not gpu_seconds:
                continue
            row = {
                **self._common("Usage", f"{status} part of {_description(line)}"),
                **_costs(Decimal(0), part, part),
                "ChargePeriodStart": time(line.service.start),
                "ChargePeriodEnd": time(line.service.end),
                "CapacityReservationId": self._reservation(line),
                "CapacityReservationStatus": None if self._reservation(line) is None else status,
                "CommitmentDiscountCategory": "Usage",
                "CommitmentDiscountId": name,
                "CommitmentDiscountName": str(line.charge),
                "CommitmentDiscountStatus": status,
                "CommitmentDiscountType": "Reserved GPU capacity",
                "CommitmentDiscountQuantity": _hours(gpu_seconds),
                "CommitmentDiscountUnit": GPU_HOURS,
                "ContractApplied": _elements([self._by_quantity(name, gpu_seconds)]),
                "x_ChargeKey": f"{key}/{status.lower()}",
            }
            if status == "Used":
                row |= {"ConsumedQuantity": _hours(gpu_seconds), "ConsumedUnit": GPU_HOURS}
            yield row

    def _reservation(self, line: BilledLine) -> str | None:
        """The reservation behind a fee, where it is for one line."""
        terms = self._books.agreement.terms_near(line.service.start)
        held = [lines_of(charge) for charge in terms.charges if charge.charge == line.charge]
        if len(held) != 1 or len(held[0]) != 1:
            return None
        return f"{self._statement.contract}/{held[0][0]}"

    def _drawn(self, line: BilledLine, amount: Decimal) -> list[tuple[str, Decimal]]:
        """What prepayments pay of a line, oldest lines first."""
        taken: list[tuple[str, Decimal]] = []
        if line.kind not in PAID_FOR or amount <= 0:
            return taken
        left = amount
        for index, (charge, there) in enumerate(self._draws):
            part = min(left, there)
            if part > 0:
                taken.append((charge, part))
                self._draws[index] = (charge, there - part)
                left -= part
        return taken

    def _applied(
        self, line: BilledLine, amount: Decimal, drawn: Sequence[tuple[str, Decimal]], *, taken: bool
    ) -> str | None:
        """The commitments that a row draws on: prepayments, and the minimums that cover its charge."""
        contract = self._statement.contract
        found = [self._by_cost(commitment_id(contract, charge), part) for charge, part in drawn]
        if not taken and line.charge is not None and amount:
            terms = self._books.agreement.terms_near(line.interval.start)
            found += [
                self._by_cost(commitment_id(contract, charge.charge), amount)
                for charge in terms.charges
                if isinstance(charge, MinimumCharge) and line.charge in charge.covers
            ]
        return _elements(found) if found else None

    def _by_cost(self, commitment: str, cost: Decimal) -> dict[str, Any]:
        return {
            "ContractId": self._statement.contract,
            "ContractCommitmentId": commitment,
            "ContractCommitmentAppliedCost": cost,
        }

    def _by_quantity(self, commitment: str, gpu_seconds: int) -> dict[str, Any]:
        return {
            "ContractId": self._statement.contract,
            "ContractCommitmentId": commitment,
            "ContractCommitmentAppliedQuantity": Decimal(_hours(gpu_seconds)),
            "ContractCommitmentAppliedUnit": GPU_HOURS,
        }

    def _key(self, line: BilledLine) -> str:
        base = _key_base(self._statement.statement, line)
        self._numbers[base] = self._numbers.get(base, 0) + 1
        key = f"{base}/{self._numbers[base]}"
        if line.corrects is None:
            self._originals.add(key)
            return key
        return f"{key}/corrects-{line.corrects}"

    def _corrected(self, line: BilledLine) -> str | None:
        if line.corrects is None:
            return None
        first = f"{_key_base(line.corrects, line)}/1"
        return first if first in self._originals else None

    def _common(self, category: Category, description: str) -> dict[str, str | None]:
        statement, agreement = self._statement, self._books.agreement
        made: dict[str, str | None] = dict.fromkeys(COST_COLUMNS)
        return made | {
            "BillingAccountId": agreement.customer,
            "BillingAccountName": agreement.customer,
            "BillingCurrency": statement.currency,
            "BillingPeriodStart": time(statement.interval.start),
            "BillingPeriodEnd": time(statement.interval.end),
            "ChargeCategory": category,
            "ChargeDescription": description,
            "ChargeFrequency": "Usage-Based" if category == "Usage" else "Recurring",
            "HostProviderName": agreement.supplier,
            "InvoiceDetailId": detail_id(statement.statement, category),
            "InvoiceId": statement.statement,
            "InvoiceIssuerName": agreement.supplier,
            "ServiceCategory": "Compute",
            "ServiceName": "GPU capacity",
            "ServiceProviderName": agreement.supplier,
            "ServiceSubcategory": "Other (Compute)",
        }


def _costs(billed: Decimal, effective: Decimal, contracted: Decimal | None = None) -> dict[str, str | None]:
    listed = billed if contracted is None else contracted
    return {
        "BilledCost": money(billed),
        "EffectiveCost": money(effective),
        "ContractedCost": money(listed),
        "ListCost": money(listed),
    }


def _key_base(statement: str, line: BilledLine) -> str:
    return f"{statement}/{line.kind}/{line.charge or ''}"


def _description(line: BilledLine) -> str:
    name = line.kind.replace("_", " ")
    return name if line.charge is None else f"{name} {line.charge}"


def _hours(gpu_seconds: int) -> str:
    return f"{(Decimal(gpu_seconds) / SECONDS_PER_HOUR).quantize(SIX_PLACES):f}"


def _elements(found: Sequence[Mapping[str, Any]]) -> str:
    return _JSON.encode({"Elements": found}).decode()
