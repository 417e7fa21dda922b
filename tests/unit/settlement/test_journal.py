from datetime import date
from functools import reduce
from typing import Any

import pytest

from schemas.settlement import BookSet, IssueStatement, RateRecorded, RecordPayment
from services.settlement.domain import book
from services.settlement.domain.journal import Ledger, RateMissingError, trial
from tests.unit.settlement.deals import at, month, signed, terms
from tests.unit.settlement.desk import Desk

FEE: dict[str, Any] = {
    "charge": "fee",
    "kind": "fixed",
    "lines": ["train"],
    "steps": [{"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z", "amount": "1000.00"}],
}
RATES = [
    BookSet(currency="JPY"),
    RateRecorded(pair="USD/JPY", date=date(2026, 6, 30), rate="150"),
    RateRecorded(pair="USD/JPY", date=date(2026, 7, 31), rate="160"),
    RateRecorded(pair="USD/JPY", date=date(2026, 8, 5), rate="155"),
]


def events() -> list[Any]:
    desk = Desk([signed(terms([FEE]))])
    desk.do(IssueStatement(contract="deal", interval=month(6)), at("2026-07-01"))
    desk.do(IssueStatement(contract="deal", interval=month(7)), at("2026-08-01"))
    paid = RecordPayment(
        contract="deal", payment="p", amount="1000.00", received_at=at("2026-08-05"), remittance=()
    )
    desk.do(paid, at("2026-08-05"))
    return desk.events


def posted(rates: list[Any]) -> Ledger:
    ledger = Ledger(reduce(book.evolve, rates, book.initial()))
    for event in events():
        ledger.post(event)
    return ledger


def test_a_fee_billed_even_and_earned_by_gpu_seconds_leaves_the_difference_unbilled() -> None:
    balances = trial(posted([]).groups)

    assert balances["Receivable", "USD"] == 100_000
    assert balances["Cash", "USD"] == 100_000
    earned = -balances["Income:Capacity", "USD"]
    assert balances["UnbilledRevenue", "USD"] + balances["DeferredRevenue", "USD"] == earned - 200_000


def test_what_is_open_is_remeasured_at_the_end_of_the_interval_and_the_rest_realised_at_payment() -> None:
    balances = trial(posted(RATES).groups)

    # June at 150, remeasured to 160, paid at 155; July is carried at the last rate of its day
    assert balances["Cash", "JPY"] == 155_000
    assert balances["Receivable", "JPY"] == 160_000
    gains = [
        posting.amount
        for group in posted(RATES).groups
        for posting in group.postings
        if posting.account == "FXGainLoss" and group.original_currency == "USD"
    ]
    assert gains == [-10_000, 5_000]


def test_every_group_sums_to_zero_in_money_and_in_gpu_seconds() -> None:
    groups = posted(RATES).groups

    assert {group.currency for group in groups} == {"JPY", "GPU-second"}
    assert all(sum(posting.amount for posting in group.postings) == 0 for group in groups)


def test_without_a_rate_nothing_can_be_booked() -> None:
    with pytest.raises(RateMissingError, match="USD on 2026-07-01"):
        posted([BookSet(currency="EUR")])
