from typing import Any

from schemas.decision import Refused
from schemas.settlement import (
    ClaimInterest,
    CloseInterval,
    InterestClaimed,
    IntervalClosed,
    IssueCreditNote,
    IssueStatement,
    OpenDispute,
    PaymentAllocated,
    RecordPayment,
    Remittance,
    ResolveDispute,
    StatementIssued,
)
from services.settlement.domain.open_items import balance
from tests.unit.settlement.deals import CONTRACT, at, month, report, signed, terms
from tests.unit.settlement.desk import Desk

FEE: dict[str, Any] = {
    "charge": "fee",
    "kind": "fixed",
    "lines": ["train"],
    "steps": [{"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z", "amount": "1000.00"}],
}
HOURS: dict[str, Any] = {
    "charge": "hours",
    "kind": "usage",
    "lines": ["train"],
    "tiers": [{"up_to": None, "rate": "2.00"}],
}
DEAL = "nimbus/deal"
ONE_MONTH = {"start": "2026-06-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}
JUNE, JULY = "nimbus/deal-2026-06", "nimbus/deal-2026-07"


def issue(number: int) -> IssueStatement:
    return IssueStatement(contract="deal", interval=month(number))


def pay(name: str, amount: str, when: str, *remittance: Remittance) -> RecordPayment:
    return RecordPayment(
        contract="deal", payment=name, amount=amount, received_at=at(when), remittance=remittance
    )


def lines(event: Any) -> list[tuple[str, str, str | None]]:
    assert isinstance(event, StatementIssued)
    return [(line.kind, line.amount, line.corrects) for line in event.lines]


def test_statements_in_any_order_bill_everything_once() -> None:
    desk = Desk([signed(terms([FEE]))])

    july = desk.do(issue(7), at("2026-08-01"))
    june = desk.do(issue(6), at("2026-08-02"))

    assert not isinstance(july, Refused)
    assert not isinstance(june, Refused)
    assert lines(july[0]) == [("fixed", "1000.00", None), ("fixed", "1000.00", None)]
    assert lines(june[0]) == []


def test_closing_issues_what_was_not_issued_and_again_nothing() -> None:
    desk = Desk([signed(terms([FEE]))])
    close = CloseInterval(contract="deal", interval=month(6))

    made = desk.do(close, at("2026-07-01"))

    assert not isinstance(made, Refused)
    assert [type(event) for event in made] == [StatementIssued, IntervalClosed]
    assert desk.do(close, at("2026-07-02")) == []


def test_after_the_last_interval_corrections_alone_are_billed() -> None:
    desk = Desk([signed(terms([FEE, HOURS], term=ONE_MONTH))])
    desk.do(issue(6), at("2026-07-01"))
    desk.reports["train"] = [report("2026-06-05", "2026-06-06", 3600)]

    made = desk.do(issue(8), at("2026-09-01"))

    assert not isinstance(made, Refused)
    assert lines(made[0]) == [("usage", "2.00", JUNE)]


def test_a_payment_goes_where_its_payer_wants_then_to_the_oldest_due() -> None:
    desk = Desk([signed(terms([FEE]))])
    desk.do(issue(6), at("2026-07-01"))
    desk.do(issue(7), at("2026-08-01"))

    made = desk.do(
        pay("p", "1600.00", "2026-08-02", Remittance(statement="deal-2026-07", amount="700.00")),
        at("2026-08-02"),
    )

    assert not isinstance(made, Refused)
    allocated = made[1]
    assert isinstance(allocated, PaymentAllocated)
    assert [(part.statement, part.amount) for part in allocated.allocations] == [
        (JULY, "700.00"),
        (JUNE, "900.00"),
    ]


def test_a_payment_known_late_counts_from_when_it_was_received() -> None:
    desk = Desk([signed(terms([FEE]))])
    desk.do(issue(6), at("2026-07-01"))
    desk.do(pay("p", "1000.00", "2026-07-10"), at("2026-09-01"))

    before = balance(desk.state, at("2026-07-09"), "USD")
    after = balance(desk.state, at("2026-07-10"), "USD")

    assert (before.due, after.due) == (100_000, 0)


def test_a_negative_statement_pays_what_is_open_and_the_rest_waits() -> None:
    desk = Desk(
        [signed(terms([FEE, HOURS], term=ONE_MONTH))],
        reports={"train": [report("2026-06-05", "2026-06-06", 3_600_000)]},
    )
    desk.do(issue(6), at("2026-07-01"))
    desk.do(pay("p", "2900.00", "2026-07-02"), at("2026-07-02"))
    desk.reports["train"] = [report("2026-06-05", "2026-06-06", 1_800_000)]

    desk.do(issue(7), at("2026-08-01"))

    state = desk.state
    assert state.statements[JUNE].open_at() == 0
    assert state.statements[JULY].open_at() == -90_000
    assert balance(state, at("2026-08-01"), "USD").due == -90_000


def test_credit_notes_give_each_tax_back_in_proportion_to_its_base() -> None:
    taxed = [
        FEE,
        {**FEE, "charge": "other", "steps": [{**FEE["steps"][0], "amount": "500.00"}]},
    ]
    desk = Desk([signed(terms(taxed, tax=[{"category": "S", "rate_percent": "19"}]))])
    desk.do(issue(6), at("2026-07-01"))

    def note(name: str, net: str) -> IssueCreditNote:
        return IssueCreditNote(
            contract="deal", credit_note=name, statement="deal-2026-06", net=net, reason="r"
        )

    made = [desk.do(note(f"n{i}", "500.00"), at("2026-07-02")) for i in range(3)]

    assert [event.total for found in made if not isinstance(found, Refused) for event in found] == [
        "595.00",
        "595.00",
        "595.00",
    ]
    assert desk.state.statements[JUNE].open_at() == 0
    assert desk.do(note("n2", "500.00"), at("2026-07-03")) == []


def test_what_is_upheld_is_given_back_and_waiting_cash_goes_to_the_rest() -> None:
    desk = Desk([signed(terms([FEE]))])
    desk.do(issue(6), at("2026-07-01"))
    disputed = OpenDispute(
        contract=DEAL, dispute="d", statement=JUNE, amount="400.00", reason="hours missing"
    )
    desk.do(disputed, at("2026-07-02"), "acme")
    desk.do(pay("p", "1000.00", "2026-07-03"), at("2026-07-03"))

    desk.do(ResolveDispute(contract="deal", dispute="d", upheld="150.00"), at("2026-07-04"))

    left = balance(desk.state, at("2026-07-05"), "USD")
    assert (left.due, left.disputed, left.unapplied) == (0, 0, 15_000)


def test_interest_is_claimed_once_and_a_partial_payment_stops_its_part() -> None:
    desk = Desk([signed(terms([FEE]))], interest="36.5")
    desk.do(issue(6), at("2026-07-01"))  # due on 31 July
    desk.do(pay("p", "600.00", "2026-08-10"), at("2026-08-10"))

    # 10 days x 1,000.00 + 10 days x 400.00, at 0.1 % a day
    claimed = desk.do(ClaimInterest(contract="deal", up_to=at("2026-08-20")), at("2026-08-20"))
    again = desk.do(ClaimInterest(contract="deal", up_to=at("2026-08-20")), at("2026-08-21"))

    assert not isinstance(claimed, Refused)
    assert [event.amount for event in claimed if isinstance(event, InterestClaimed)] == ["14.00"]
    assert again == []


def test_a_contested_part_is_left_alone_by_payments_and_bears_no_interest() -> None:
    desk = Desk([signed(terms([FEE]))], interest="36.5")
    desk.do(issue(6), at("2026-07-01"))
    disputed = OpenDispute(contract=DEAL, dispute="d", statement=JUNE, amount="1000.00", reason="all of it")
    desk.do(disputed, at("2026-07-02"), "acme")
    desk.do(pay("p", "1000.00", "2026-07-03"), at("2026-07-03"))

    assert balance(desk.state, at("2026-09-01"), "USD").disputed == 100_000
    assert desk.do(ClaimInterest(contract="deal", up_to=at("2026-09-01")), at("2026-09-01")) == []


def test_statements_found_at_once_say_what_they_would_say_one_after_the_other() -> None:
    used = {"train": [report("2026-06-05", "2026-06-06", 3600)]}
    apart, at_once = (Desk([signed(terms([FEE, HOURS]))], reports=used) for _ in range(2))
    found = {number: at_once.standing(issue(number)) for number in (8, 6, 7)}

    for number in (8, 6, 7):
        apart.do(issue(number), at("2026-09-01"))
        at_once.do(issue(number), at("2026-09-01"), standing=found[number])

    assert at_once.events == apart.events


def test_interest_that_was_claimed_in_one_currency_is_not_billed_in_another() -> None:
    desk = Desk([signed(terms([]))])
    claim = InterestClaimed(contract=CONTRACT, currency="JPY", amount="500", up_to=at("2026-06-20"))
    desk.events.append(claim)

    desk.do(IssueStatement(contract="deal", interval=month(6)), at("2026-07-01"))

    issued = desk.events[-1]
    assert (issued.currency, issued.lines, issued.total) == ("USD", (), "0.00")
