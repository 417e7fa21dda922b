"""Another currency: its amounts come with the first interval that is billed in it."""

from typing import Any

from schemas.contracts import ContractAmended
from schemas.contracts.values import Changes
from schemas.decision import Refused
from schemas.kernel.agreement import Agreement
from schemas.message import Event
from schemas.settlement import IssueStatement, RecordPayment, Remittance, SettlementRejection
from tests.unit.settlement.deals import agreement, at, month, rating, signed, terms, told
from tests.unit.settlement.desk import Desk

YEAR = {"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z"}


def fee(amount: str) -> dict[str, Any]:
    return {"charge": "fee", "kind": "fixed", "lines": [], "steps": [{**YEAR, "amount": amount}]}


def prepaid(amount: str) -> dict[str, Any]:
    due, expires = YEAR["start"], YEAR["end"]
    return {
        "charge": "pre",
        "kind": "prepayment",
        "amount": amount,
        "due": due,
        "expires": expires,
        "priority": 1,
    }


def changed(since: str, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Event]:
    later = terms(after, currency="USD")
    amended = ContractAmended(
        contract="nimbus/deal",
        effective_at=at(since),
        changes=Changes(currency="USD", charges=later.charges),
        reason="renegotiated",
    )
    return [signed(terms(before, currency="JPY")), amended]


def turned(since: str, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Agreement:
    return agreement(*changed(since, before, after))


def test_a_currency_that_changes_inside_an_interval_leaves_it_as_it_began() -> None:
    made = rating(turned("2026-07-16", [fee("31000")], [fee("310.50")]), month(8).end)

    assert [told(made, i) for i in range(3)] == [
        [("fixed", "fee", 31_000)],
        [("fixed", "fee", 31_000)],
        [("fixed", "fee", 31_050)],
    ]


def test_a_prepayment_pays_for_nothing_in_another_currency() -> None:
    made = rating(turned("2026-07-01", [fee("31000"), prepaid("99000")], [fee("310.50")]), month(7).end)

    assert [told(made, i) for i in range(2)] == [
        [("fixed", "fee", 31_000), ("prepayment", "pre", 99_000), ("prepayment", "pre", -31_000)],
        [("fixed", "fee", 31_050)],
    ]


def test_a_minimum_counts_in_the_last_currency_of_its_period() -> None:
    def floor(amount: str) -> dict[str, Any]:
        return {"charge": "floor", "kind": "minimum", "covers": ["fee"], "amount": amount, "per": "quarter"}

    agreed = turned("2026-08-01", [fee("31000"), floor("99000")], [fee("310.50"), floor("1380.00")])

    made = rating(agreed, month(9).end)

    assert told(made) == [("fixed", "fee", 31_050), ("minimum", "floor", 91_500 - 2 * 31_050)]


def test_money_is_in_the_currency_of_the_statements_that_it_names() -> None:
    desk = Desk(changed("2026-07-01", [fee("31000")], [fee("310.50")]))
    for number in (6, 7):
        desk.do(IssueStatement(contract="deal", interval=month(number)), month(number).end)

    def pay(name: str, amount: str, *statements: str) -> list[Any] | Refused:
        wishes = tuple(Remittance(statement=statement, amount="10") for statement in statements)
        when = at("2026-08-02")
        return desk.do(
            RecordPayment(contract="deal", payment=name, amount=amount, received_at=when, remittance=wishes),
            when,
        )

    assert pay("both", "100", "deal-2026-06", "deal-2026-07") == Refused(
        SettlementRejection.CURRENCY_MISMATCH, {"currency": "USD"}
    )
    pay("old", "31000", "deal-2026-06")
    pay("new", "310.50")

    assert [s.open_at() for s in desk.state.statements.values()] == [0, 0]
