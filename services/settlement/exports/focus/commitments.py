"""Contract Commitment: one row for each charge by which a customer is bound, stable over amendments."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import msgspec

from schemas.contracts import (
    CapacityCharge,
    Charge,
    FixedCharge,
    MinimumCharge,
    PrepaymentCharge,
    Terms,
)
from schemas.kernel.agreement import Agreement
from schemas.kernel.charges import counted, fixed
from schemas.kernel.instants import seconds
from schemas.kernel.money import amount
from schemas.kernel.rounding import round_half_up
from services.settlement.exports.focus.books import ContractBooks, Row, commitment_id, time

GPU_HOURS = "GPU-Hours"
SECONDS_PER_HOUR = 3600
DAY_SECONDS = 86_400
COMMITMENT_COLUMNS = (
    "BillingCurrency", "ContractCommitmentApplicability", "ContractCommitmentBenefitCategory",
    "ContractCommitmentCategory", "ContractCommitmentCost", "ContractCommitmentCreated",
    "ContractCommitmentDescription", "ContractCommitmentDiscountPercentage", "ContractCommitmentDurationType",
    "ContractCommitmentFulfillmentInterval", "ContractCommitmentId", "ContractCommitmentLastUpdated",
    "ContractCommitmentLifecycleStatus", "ContractCommitmentModel", "ContractCommitmentOfferCategory",
    "ContractCommitmentPaymentInterval", "ContractCommitmentPaymentModel",
    "ContractCommitmentPaymentUpfrontPercentage", "ContractCommitmentPeriodEnd",
    "ContractCommitmentPeriodStart", "ContractCommitmentQuantity", "ContractCommitmentType",
    "ContractCommitmentUnit", "ContractId", "ContractPeriodEnd", "ContractPeriodStart", "InvoiceIssuerName",
    "ServiceProviderName",
)  # fmt: skip
INTERVALS = {"month": "Monthly", "quarter": "Quarterly", "year": "Annual"}


def commitment_rows(books: ContractBooks) -> list[Row]:
    """The rows of one contract."""
    return [_row(books, charge, start, end) for charge, start, end in _committing(books.agreement)]


def _committing(agreement: Agreement) -> Iterator[tuple[Charge, datetime, datetime]]:
    """Each charge that binds, as it last stood, with when it first and last held."""
    held: dict[str, tuple[Charge, datetime, datetime]] = {}
    for segment in agreement.term_segments:
        for charge in segment.terms.charges:
            if isinstance(charge, FixedCharge | CapacityCharge | MinimumCharge | PrepaymentCharge):
                first = held.get(charge.charge)
                start = segment.interval.start if first is None else first[1]
                held[charge.charge] = (charge, start, segment.interval.end)
    yield from held.values()


def _row(books: ContractBooks, charge: Charge, start: datetime, end: datetime) -> Row:
    agreement = books.agreement
    terms = agreement.terms_near(start)
    quantity = _gpu_hours(agreement, charge)
    prepaid = isinstance(charge, PrepaymentCharge)
    made: dict[str, str | None] = dict.fromkeys(COMMITMENT_COLUMNS)
    return made | {
        "BillingCurrency": terms.currency,
        "ContractCommitmentApplicability": '{"IsGlobalScope":true}',
        "ContractCommitmentBenefitCategory": "Entitlement" if quantity is not None else "Other",
        "ContractCommitmentCategory": "Spend" if quantity is None else "Usage",
        "ContractCommitmentCost": _cost(agreement, charge),
        "ContractCommitmentCreated": time(agreement.signed.effective_at),
        "ContractCommitmentDescription": f"{charge.charge} of {agreement.contract}",
        "ContractCommitmentDurationType": _duration(start, end),
        "ContractCommitmentFulfillmentInterval": _fulfilment(charge, terms.billing.interval),
        "ContractCommitmentId": commitment_id(agreement.contract, charge.charge),
        "ContractCommitmentLastUpdated": time(max(books.at, agreement.signed.effective_at)),
        "ContractCommitmentLifecycleStatus": _status(books, charge),
        "ContractCommitmentModel": "Continuous",
        "ContractCommitmentOfferCategory": "Negotiated",
        "ContractCommitmentPaymentInterval": "One-Time" if prepaid else INTERVALS[terms.billing.interval],
        "ContractCommitmentPaymentModel": "All Upfront" if prepaid else "No Upfront",
        "ContractCommitmentPaymentUpfrontPercentage": "1" if prepaid else "0",
        "ContractCommitmentPeriodStart": time(start),
        "ContractCommitmentPeriodEnd": time(end),
        "ContractCommitmentQuantity": quantity,
        "ContractCommitmentType": "Prepayment" if prepaid else "Take or pay",
        "ContractCommitmentUnit": None if quantity is None else GPU_HOURS,
        "ContractId": agreement.contract,
        "ContractPeriodStart": time(agreement.term_start),
        "ContractPeriodEnd": time(agreement.term_end),
        "InvoiceIssuerName": agreement.supplier,
        "ServiceProviderName": agreement.supplier,
    }


def _gpu_hours(agreement: Agreement, charge: Charge) -> str | None:
    """What a charge on lines commits; None for a commitment to spend."""
    lines: tuple[str, ...] = ()
    if isinstance(charge, FixedCharge):
        lines = charge.lines
    elif isinstance(charge, CapacityCharge):
        lines = (charge.line,)
    if not lines:
        return None
    total = sum(agreement.committed(line).total() for line in lines)
    return f"{Decimal(total) / SECONDS_PER_HOUR:f}"


def _cost(agreement: Agreement, charge: Charge) -> str:
    """What a charge alone commits to pay over the whole timeline."""
    if isinstance(charge, PrepaymentCharge):
        return charge.amount
    currency = agreement.terms_near(agreement.term_start).currency
    alone = [
        type(segment)(
            segment.interval,
            _only(segment.terms, charge.charge),
            segment.version,
        )
        for segment in agreement.term_segments
    ]
    running = fixed(alone, currency) if isinstance(charge, FixedCharge) else counted(alone, currency)
    total = running.within(agreement.term_start, min(agreement.end, agreement.term_end))
    return amount(round_half_up(total), currency)


def _only(terms: Terms, charge: str) -> Terms:
    """The terms with that charge alone."""
    return msgspec.structs.replace(terms, charges=tuple(c for c in terms.charges if c.charge == charge))


def _fulfilment(charge: Charge, unit: str) -> str:
    match charge:
        case MinimumCharge():
            return INTERVALS[charge.per]
        case PrepaymentCharge():
            return "Full Period"
        case _:
            return INTERVALS[unit]


def _duration(start: datetime, end: datetime) -> str:
    days = max(1, (seconds(end) - seconds(start)) // DAY_SECONDS)
    return f"{days} {'Day' if days == 1 else 'Days'}"


def _status(books: ContractBooks, charge: Charge) -> str:
    used_up = any(found.charge == charge.charge and not found.left for found in books.prepaid)
    return "Exhausted" if used_up and books.lifecycle == "Active" else books.lifecycle
