"""Row n breaks rule n and all that follow: the code told is the n-th."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from schemas.decision import Order, Outcome, Refused
from schemas.kernel.interval import Interval
from schemas.message import Command
from schemas.settlement import (
    AcceptNetting,
    BookSet,
    CloseInterval,
    IssueCreditNote,
    IssueStatement,
    OpenDispute,
    ProposeNetting,
    RateRecorded,
    RecordPayment,
    Remittance,
    ResolveDispute,
    SettlementRejection,
)
from services.settlement.domain import netting
from services.settlement.domain.netting import OpenStatement
from tests.unit.settlement.deals import at, month, signed, terms
from tests.unit.settlement.desk import Desk

FEE: dict[str, Any] = {
    "charge": "fee",
    "kind": "fixed",
    "lines": ["train"],
    "steps": [{"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z", "amount": "1000.00"}],
}
BOOK = [BookSet(currency="EUR"), RateRecorded(pair="USD/EUR", date=date(2026, 6, 30), rate="0.9")]
EARLY = at("2026-06-15")


def desk() -> Desk:
    made = Desk([signed(terms([FEE]))], book_events=BOOK)
    assert not isinstance(
        made.do(IssueStatement(contract="deal", interval=month(6)), at("2026-07-01")), Refused
    )
    return made


def code(outcome: list[Any] | Outcome) -> str | None:
    return outcome.code.value if isinstance(outcome, Refused) else None


OFF = Interval(at("2026-06-15"), at("2026-09-15"))

ISSUING = [
    ("account_unknown", "mallory", OFF, EARLY, EARLY),
    ("not_yours_to_do", "acme", OFF, EARLY, EARLY),
    ("not_an_interval", "nimbus", OFF, EARLY, EARLY),
    ("interval_not_ended", "nimbus", month(6), EARLY, EARLY),
    ("interval_closed", "nimbus", month(6), at("2026-07-02"), EARLY),
    ("rate_missing", "nimbus", month(7), at("2026-08-02"), EARLY),
    (None, "nimbus", month(7), at("2026-08-02"), at("2026-08-02")),
]


@pytest.mark.parametrize(("expected", "actor", "interval", "clock", "effective"), ISSUING)
def test_issuing_is_refused_by_the_first_rule_that_it_breaks(
    expected: str | None, actor: str, interval: Interval, clock: Any, effective: Any
) -> None:
    command = IssueStatement(contract="nimbus/deal", interval=interval)

    assert code(desk().do(command, clock, actor, effective_at=effective)) == expected


def test_a_timer_is_never_refused() -> None:
    for interval in (OFF, month(6), month(7)):
        close = CloseInterval(contract="nimbus/deal", interval=interval)
        assert desk().do(close, EARLY, "~timer/settlement") == []


def payment(amount: str, name: str = "old", received: str = "2026-06-01", wish: str | None = None) -> Command:
    wishes = () if wish is None else (Remittance(statement=wish, amount="1.00"),)
    return RecordPayment(
        contract="nimbus/deal", payment=name, amount=amount, received_at=at(received), remittance=wishes
    )


PAYING = [
    ("account_unknown", "mallory", payment("-1.001", wish="nimbus/deal-2025-01")),
    ("not_yours_to_do", "acme", payment("-1.001", wish="nimbus/deal-2025-01")),
    ("statement_unknown", "nimbus", payment("-1.001", wish="nimbus/deal-2025-01")),
    ("exceeds_remaining", "nimbus", payment("-1.00")),
    ("payment_exists_otherwise", "nimbus", payment("1.001")),
    ("currency_mismatch", "nimbus", payment("1.001", name="new")),
    ("rate_missing", "nimbus", payment("1.00", name="new")),
    (None, "nimbus", payment("1.00", name="new", received="2026-07-05")),
]


@pytest.mark.parametrize(("expected", "actor", "command"), PAYING)
def test_paying_is_refused_by_the_first_rule_that_it_breaks(
    expected: str | None, actor: str, command: Command
) -> None:
    made = desk()
    made.do(payment("5.00", received="2026-07-01"), at("2026-07-01"))

    assert code(made.do(command, at("2026-07-06"), actor)) == expected


def note(statement: str, net: str, name: str = "old") -> Command:
    return IssueCreditNote(contract="nimbus/deal", credit_note=name, statement=statement, net=net, reason="r")


JUNE = "nimbus/deal-2026-06"
CREDITING = [
    ("account_unknown", "mallory", note("nimbus/deal-2025-01", "9999.00")),
    ("not_yours_to_do", "acme", note("nimbus/deal-2025-01", "9999.00")),
    ("statement_unknown", "nimbus", note("nimbus/deal-2025-01", "9999.00")),
    ("exceeds_remaining", "nimbus", note(JUNE, "9999.00")),
    ("payment_exists_otherwise", "nimbus", note(JUNE, "1.001")),
    ("currency_mismatch", "nimbus", note(JUNE, "1.001", "new")),
    (None, "nimbus", note(JUNE, "1.00", "new")),
]


@pytest.mark.parametrize(("expected", "actor", "command"), CREDITING)
def test_crediting_is_refused_by_the_first_rule_that_it_breaks(
    expected: str | None, actor: str, command: Command
) -> None:
    made = desk()
    made.do(note(JUNE, "5.00"), at("2026-07-01"))

    assert code(made.do(command, at("2026-07-06"), actor)) == expected


def contest(statement: str, amount: str, name: str = "old") -> Command:
    return OpenDispute(contract="nimbus/deal", dispute=name, statement=statement, amount=amount, reason="r")


DISPUTING = [
    ("account_unknown", "mallory", contest("nimbus/deal-2025-01", "9999.00")),
    ("not_yours_to_do", "nimbus", contest("nimbus/deal-2025-01", "9999.00")),
    ("statement_unknown", "acme", contest("nimbus/deal-2025-01", "9999.00")),
    ("exceeds_remaining", "acme", contest(JUNE, "9999.00")),
    ("payment_exists_otherwise", "acme", contest(JUNE, "1.001")),
    ("currency_mismatch", "acme", contest(JUNE, "1.001", "new")),
    (None, "acme", contest(JUNE, "1.00", "new")),
]


@pytest.mark.parametrize(("expected", "actor", "command"), DISPUTING)
def test_contesting_is_refused_by_the_first_rule_that_it_breaks(
    expected: str | None, actor: str, command: Command
) -> None:
    made = desk()
    made.do(contest(JUNE, "5.00"), at("2026-07-01"), "acme")

    assert code(made.do(command, at("2026-07-06"), actor)) == expected


@pytest.mark.parametrize(
    ("expected", "actor", "name", "upheld"),
    [
        ("account_unknown", "mallory", "new", "9999.00"),
        ("not_yours_to_do", "acme", "new", "9999.00"),
        ("exceeds_remaining", "nimbus", "old", "9999.00"),
        ("dispute_unknown", "nimbus", "new", "1.001"),
        ("currency_mismatch", "nimbus", "old", "1.001"),
        (None, "nimbus", "old", "5.00"),
    ],
)
def test_resolving_is_refused_by_the_first_rule_that_it_breaks(
    expected: str | None, actor: str, name: str, upheld: str
) -> None:
    made = desk()
    made.do(contest(JUNE, "5.00"), at("2026-07-01"), "acme")
    command = ResolveDispute(contract="nimbus/deal", dispute=name, upheld=upheld)

    assert code(made.do(command, at("2026-07-06"), actor)) == expected


def proposal(*statements: str, currency: str = "USD", parties: tuple[str, ...] = ("nimbus", "acme")) -> Any:
    return ProposeNetting(
        netting="n",
        parties=parties,
        currency=currency,
        value_date=at("2026-08-01"),
        statements=statements,
    )


OPEN = {
    name: OpenStatement(statement=name, debtor=debtor, creditor="nimbus", currency="USD", open=1)
    for name, debtor in (("nimbus/a-2026-06", "acme"), ("nimbus/b-2026-06", "cirrus"))
}


def decide(command: Any, actor: str, rule: Callable[..., Outcome], state: netting.Netting) -> Outcome:
    order: Order[Any] = Order(
        command=command, id="x", actor=actor, book="nimbus", at=EARLY, effective_at=EARLY, facts=OPEN
    )
    return rule({"netting-n": state}, order)


@pytest.mark.parametrize(
    ("expected", "actor", "command"),
    [
        ("not_yours_to_do", "mallory", proposal("x/y-2026-06", "nimbus/b-2026-06", currency="EUR")),
        ("statement_unknown", "nimbus", proposal("x/y-2026-06", "nimbus/b-2026-06", currency="EUR")),
        ("currency_mismatch", "nimbus", proposal("nimbus/b-2026-06", currency="EUR")),
        ("currency_mismatch", "nimbus", proposal(currency="ZZZ")),
        ("netting_unbalanced", "nimbus", proposal("nimbus/b-2026-06")),
        (None, "nimbus", proposal("nimbus/a-2026-06")),
    ],
)
def test_netting_is_refused_by_the_first_rule_that_it_breaks(
    expected: str | None, actor: str, command: Any
) -> None:
    assert code(decide(command, actor, netting.propose, netting.initial())) == expected


def test_who_is_not_named_does_not_know_the_netting() -> None:
    accepted = AcceptNetting(netting="nimbus/n")

    assert code(decide(accepted, "acme", netting.accept, netting.initial())) == "netting_unknown"


def test_the_codes_stand_in_the_order_of_precedence() -> None:
    rows = [*ISSUING, *PAYING, *CREDITING, *DISPUTING]
    order = [found.value for found in SettlementRejection]
    for table in (ISSUING, PAYING, CREDITING, DISPUTING):
        places = [order.index(str(row[0])) for row in table if row[0] is not None]
        assert places == sorted(places)
    assert rows
