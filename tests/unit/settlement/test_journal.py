from datetime import date
from functools import reduce
from typing import Any

import pytest

from schemas.settlement import (
    AccountRemeasured,
    Allocation,
    BookSet,
    IssueStatement,
    PaymentAllocated,
    PaymentRecorded,
    RateRecorded,
    Recognised,
    RecordPayment,
    StatementIssued,
)
from services.settlement.domain import book
from services.settlement.domain.journal import Group, trial
from services.settlement.domain.valuing import RateMissingError
from tests.unit.settlement.deals import at, month, signed, terms
from tests.unit.settlement.desk import Desk, groups

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
DAYS = ["2026-07-01", "2026-07-02", "2026-07-16", "2026-08-01", "2026-08-02", "2026-08-06"]


def events() -> list[Any]:
    desk = Desk([signed(terms([FEE]))])
    desk.do(IssueStatement(contract="deal", interval=month(6)), at("2026-07-01"))
    desk.do(IssueStatement(contract="deal", interval=month(7)), at("2026-08-01"))
    paid = RecordPayment(
        contract="deal", payment="p", amount="1000.00", received_at=at("2026-08-05"), remittance=()
    )
    desk.do(paid, at("2026-08-05"))
    return desk.events


def posted(rates: list[Any], found: list[Any] | None = None) -> list[Group]:
    return groups(reduce(book.evolve, rates, book.initial()), events() if found is None else found)


def test_a_fee_billed_even_and_earned_by_gpu_seconds_leaves_the_difference_unbilled() -> None:
    balances = trial(posted([]))

    assert balances["Receivable", "USD"] == 100_000
    assert balances["Cash", "USD"] == 100_000
    earned = -balances["Income:Capacity", "USD"]
    assert balances["UnbilledRevenue", "USD"] + balances["DeferredRevenue", "USD"] == earned - 200_000


def test_what_is_open_is_remeasured_at_the_end_of_the_interval_and_the_rest_realised_at_payment() -> None:
    balances = trial(posted(RATES))

    # June at 150, remeasured to 160, paid at 155; July is carried at the last rate of its day
    assert balances["Cash", "JPY"] == 155_000
    assert balances["Receivable", "JPY"] == 160_000
    gains = [
        posting.amount
        for group in posted(RATES)
        for posting in group.postings
        if posting.account == "FXGainLoss" and group.original_currency == "USD"
    ]
    assert gains == [-10_000, 5_000]


def test_every_group_sums_to_zero_in_money_and_in_gpu_seconds() -> None:
    made = posted(RATES)

    assert {group.currency for group in made} == {"JPY", "GPU-second"}
    assert all(sum(posting.amount for posting in group.postings) == 0 for group in made)


def test_without_a_rate_nothing_can_be_booked() -> None:
    with pytest.raises(RateMissingError, match="USD on 2026-07-01"):
        posted([BookSet(currency="EUR")])


def worth(groups: list[Group], until: str) -> dict[str, int]:
    """The balances in yen just before a day."""
    balances = trial(group for group in groups if group.at < at(until))
    return {account: value for (account, currency), value in balances.items() if currency == "JPY"}


def test_what_stays_open_without_a_statement_is_remeasured_at_each_end_all_the_same() -> None:
    rates = [*RATES, RateRecorded(pair="USD/JPY", date=date(2026, 8, 31), rate="170")]
    remeasured = AccountRemeasured(contract="nimbus/deal", at=at("2026-09-01"))
    found = [event for event in events() if not isinstance(event, PaymentRecorded | PaymentAllocated)]

    once, twice = posted(rates, [*found, remeasured]), posted(rates, [*found, remeasured, remeasured])

    # 2,000.00 dollars are open: at 160 from August on, at 170 from September on
    assert worth(once, "2026-08-15")["Receivable"] == 320_000
    assert worth(once, "2026-09-15")["Receivable"] == 340_000
    assert once == twice


def test_money_that_is_recorded_late_left_when_it_was_received() -> None:
    in_july = PaymentRecorded(
        contract="nimbus/deal", payment="q", currency="USD", amount="1000.00", received_at=at("2026-07-15")
    )
    part = Allocation(statement="nimbus/deal-2026-06", amount="1000.00", at=at("2026-07-15"))
    laid = PaymentAllocated(contract="nimbus/deal", payment="q", currency="USD", allocations=(part,))
    found = [event for event in events() if not isinstance(event, PaymentRecorded | PaymentAllocated)]

    late = posted(RATES, [*found, in_july, laid])
    in_time = posted(RATES, [found[0], in_july, laid, found[1]])

    # June's 150,000 yen were paid before July's end: nothing was left to remeasure
    assert worth(late, "2026-07-20").get("Receivable", 0) == 0
    assert [worth(late, day) for day in DAYS] == [worth(in_time, day) for day in DAYS]


def statement(number: int, currency: str, net: str, earned: str) -> StatementIssued:
    """A month's statement that bills one amount while another was earned."""
    interval = month(number)
    return StatementIssued(
        statement=f"nimbus/deal-2026-0{number}",
        contract="nimbus/deal",
        interval=interval,
        currency=currency,
        rulebook=1,
        net=net,
        total=net,
        calendar=interval,
        zone="UTC",
        rounding="half_up",
        issued_at=interval.end,
        due_at=interval.end,
        basis=(),
        digest="",
        recognised=(Recognised(account="Income:Capacity", amount=earned),),
    )


def test_what_is_billed_ahead_in_one_currency_is_not_set_against_another() -> None:
    found = [statement(6, "JPY", "100000", "40000"), statement(7, "USD", "100.00", "300.00")]

    balances = trial(posted([], found))

    assert balances["DeferredRevenue", "JPY"] == -60_000
    assert balances["UnbilledRevenue", "USD"] == 20_000
    assert ("DeferredRevenue", "USD") not in balances
