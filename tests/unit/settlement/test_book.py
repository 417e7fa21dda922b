from datetime import date
from functools import reduce
from typing import Any

from schemas.decision import Order, Refused
from schemas.settlement import BookSet, RateRecorded, RecordCost, RecordRate, SetBook
from services.settlement.domain import book, cost
from services.settlement.domain.book import Book
from tests.unit.settlement.deals import at, month

NOW = at("2026-07-01")


def books(*events: Any) -> Book:
    return reduce(book.evolve, events, book.initial())


def order(command: Any, actor: str = "nimbus") -> Order[Any]:
    return Order(command=command, id="x", actor=actor, book="nimbus", at=NOW, effective_at=NOW)


def test_the_rate_of_a_day_is_the_last_one_recorded_for_it_or_before() -> None:
    kept = books(
        BookSet(currency="EUR"),
        RateRecorded(pair="USD/EUR", date=date(2026, 6, 30), rate="0.9"),
        RateRecorded(pair="USD/EUR", date=date(2026, 7, 2), rate="0.8"),
        RateRecorded(pair="USD/EUR", date=date(2026, 7, 2), rate="0.75"),
    )

    found = [kept.rate_on("USD", date(2026, 6, 29)), kept.rate_on("USD", date(2026, 7, 1))]

    assert [None if rate is None else str(rate) for rate in found] == [None, "9/10"]
    assert str(kept.rate_on("USD", date(2026, 7, 3))) == "3/4"


def test_a_pair_the_other_way_round_is_turned() -> None:
    kept = books(BookSet(currency="EUR"), RateRecorded(pair="EUR/USD", date=date(2026, 6, 30), rate="1.25"))

    assert str(kept.rate_on("USD", date(2026, 7, 1))) == "4/5"


def test_the_same_again_brings_nothing() -> None:
    kept = books(BookSet(currency="EUR"), RateRecorded(pair="EUR/USD", date=date(2026, 6, 30), rate="1.25"))
    again = RecordRate(pair="EUR/USD", date=date(2026, 6, 30), rate="1.250")

    assert book.set_book({"book-nimbus": kept}, order(SetBook(currency="EUR"))) == []
    assert book.record_rate({"book-nimbus": kept}, order(again)) == []


def test_what_is_no_currency_is_refused() -> None:
    refused = book.set_book({"book-nimbus": books()}, order(SetBook(currency="ZZZ")))

    assert isinstance(refused, Refused)
    assert refused.code.value == "currency_mismatch"


def test_a_cost_is_recorded_in_the_currency_of_the_books_by_the_operator_alone() -> None:
    command = RecordCost(pool="nimbus/pool-1", interval=month(6), amount="12.5", what="power")
    states = {"cost-pool-1": cost.initial(), "book-nimbus": books(BookSet(currency="KWD"))}

    made = cost.record_cost(states, order(command))
    refused = cost.record_cost({**states, "book-acme": books()}, order(command, "acme"))

    assert not isinstance(made, Refused)
    assert [(event.event.currency, event.event.amount) for event in made] == [("KWD", "12.500")]  # type: ignore[attr-defined]
    assert isinstance(refused, Refused)
