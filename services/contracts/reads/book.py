"""Asks about a whole book: commitments, obligations, what remains, concentration."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from infra.service import View
from schemas.contracts import (
    CommitmentsQuestion,
    ConcentrationQuestion,
    ObligationsQuestion,
    RemainingQuestion,
)
from schemas.kernel.agreement import Agreement
from schemas.kernel.calendar import intervals
from schemas.kernel.money import amount
from schemas.kernel.rates import decimal_text, six_digits
from services.contracts.domain.exposure import counted_until, exposure, running_total
from services.contracts.domain.obligations import obligations_of
from services.contracts.reads.finding import agreements_of

HOUR_SECONDS = 3600


async def commitments(question: CommitmentsQuestion, view: View) -> Any:  # noqa: ANN401 JSON-ready
    """GPU-hours and money sold and bought, by months of UTC cut to the window."""
    sold = [_Commitment(a, view.valid_at) for a in await agreements_of(question.tenant, "supplier", view)]
    bought = [_Commitment(a, view.valid_at) for a in await _bought(question.tenant, view)]
    steps = [
        (max(month.start, question.start), min(month.end, question.end))
        for month in intervals("UTC", question.step, question.start, question.end)
    ]
    return {
        "steps": [
            {
                "start": start,
                "end": end,
                "sold": [commitment.within(start, end) for commitment in sold],
                "bought": [commitment.within(start, end) for commitment in bought],
            }
            for start, end in steps
        ]
    }


async def obligations(question: ObligationsQuestion, view: View) -> Any:  # noqa: ANN401 JSON-ready
    """The dates to act on, of what the tenant sold and of what it acknowledged to have bought."""
    own = [*await agreements_of(question.tenant, "supplier", view), *await _bought(question.tenant, view)]
    found = {
        (at, kind, agreement.contract)
        for agreement in own
        for at, kind in obligations_of(agreement)
        if question.start <= at < question.end
    }
    return {
        "obligations": [
            {"at": at, "kind": kind, "contract": contract} for at, kind, contract in sorted(found)
        ]
    }


async def remaining(question: RemainingQuestion, view: View) -> Any:  # noqa: ANN401 JSON-ready
    """What remains to be earned from an instant on, in bands of time, by currency."""
    sold = [_Commitment(a, view.valid_at) for a in await agreements_of(question.tenant, "supplier", view)]
    bounds = [view.valid_at, *(max(bound, view.valid_at) for bound in sorted(question.bands))]
    return {
        "bands": [
            {"start": start, "end": end, "amounts": _amounts(sold, start, end)}
            for start, end in zip(bounds, [*bounds[1:], None], strict=True)
        ]
    }


async def concentration(question: ConcentrationQuestion, view: View) -> Any:  # noqa: ANN401 JSON-ready
    """The share of firm value by customer, in each currency, largest first."""
    firm: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for agreement in await agreements_of(question.tenant, "supplier", view):
        found = exposure(agreement, "supplier", view.valid_at)
        firm[found.currency][agreement.customer] += found.firm
    return {
        "counterparties": [
            {
                "counterparty": customer,
                "currency": currency,
                "firm": amount(value, currency),
                "percent": six_digits(Fraction(100 * value, whole)) if whole else None,
            }
            for currency, values in sorted(firm.items())
            for whole in [sum(values.values())]
            for customer, value in sorted(values.items(), key=lambda item: (-item[1], item[0]))
        ]
    }


class _Commitment:
    """What one contract commits: money and GPUs up to where it stops as known."""

    def __init__(self, agreement: Agreement, t: datetime) -> None:
        self.contract, self.currency = agreement.contract, agreement.terms_near(t).currency
        self._until = counted_until(agreement, t)
        self._total = running_total(agreement, t)
        self._lines = [agreement.committed(line, self._until) for line in agreement.lines]

    def within(self, start: datetime, end: datetime) -> dict[str, Any]:
        """GPU-hours and money of `[start, end)`."""
        seconds = sum(line.integral(start, end) for line in self._lines)
        return {
            "contract": self.contract,
            "gpu_hours": decimal_text(Fraction(seconds, HOUR_SECONDS)),
            "amount": amount(self.money(start, end), self.currency),
            "currency": self.currency,
        }

    def money(self, start: datetime, end: datetime | None) -> int:
        """C(end) - C(start), nothing after where the contract stops."""
        stop = self._until if end is None else min(end, self._until)
        return self._total.within(start, stop)


def _amounts(sold: Sequence[_Commitment], start: datetime, end: datetime | None) -> list[dict[str, Any]]:
    totals: dict[str, int] = defaultdict(int)
    for commitment in sold:
        totals[commitment.currency] += commitment.money(start, end)
    return [
        {"amount": amount(total, currency), "currency": currency}
        for currency, total in sorted(totals.items())
    ]


async def _bought(tenant: str, view: View) -> list[Agreement]:
    return [a for a in await agreements_of(tenant, "customer", view) if a.acknowledged]
