"""What holds of every history: nothing is lost or billed twice, books balance, repeats change nothing."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contracts import ContractAmended
from schemas.contracts.values import Changes
from schemas.decision import Refused
from schemas.settlement import (
    BookSet,
    ClaimInterest,
    CloseInterval,
    IssueCreditNote,
    IssueStatement,
    OpenDispute,
    RecordPayment,
    ResolveDispute,
    StatementIssued,
)
from services.settlement.domain.book import Book, evolve, initial
from services.settlement.domain.netting import OpenStatement, net_amounts, payments
from tests.unit.settlement.deals import agreement, at, month, rating, report, signed, terms
from tests.unit.settlement.desk import Desk, groups

TERM = {"start": "2026-06-01T00:00:00Z", "end": "2026-09-01T00:00:00Z"}
FEE: dict[str, Any] = {
    "charge": "fee",
    "kind": "fixed",
    "lines": ["train"],
    "steps": [{**TERM, "amount": "1000.01"}],
}
FLOOR: dict[str, Any] = {
    "charge": "floor",
    "kind": "minimum",
    "covers": ["hours"],
    "amount": "50.00",
    "make_up_intervals": 1,
}


def hours(rate: str) -> dict[str, Any]:
    tiers = [{"up_to": "30", "rate": rate}, {"up_to": None, "rate": "1.37"}]
    return {"charge": "hours", "kind": "usage", "lines": ["train"], "tiers": tiers}


def contract(rate: str = "2.13") -> Any:
    return terms([FEE, hours(rate), FLOOR], term=TERM, tax=[{"category": "S", "rate_percent": "19"}])


uses = st.tuples(st.just("use"), st.integers(1, 85), st.integers(1, 40), st.integers(1, 400_000))
steps = st.lists(
    st.one_of(
        uses,
        st.tuples(st.just("issue"), st.integers(6, 9)),
        st.tuples(st.just("price"), st.sampled_from(["1.91", "2.13", "2.50"]), st.integers(6, 8)),
    ),
    max_size=12,
)


def play(desk: Desk, found: list[Any]) -> None:
    for step in found:
        match step:
            case ("use", day, length, quantity):
                start = at("2026-06-01").timestamp() + day * 86_400
                made = report("2026-06-01", "2026-06-02", quantity)
                used = type(made)(int(start), int(start) + length * 3600, quantity)
                desk.reports.setdefault("train", []).append(used)  # type: ignore[attr-defined]
            case ("issue", number):
                desk.do(IssueStatement(contract="deal", interval=month(number)), at("2026-12-01"))
            case ("price", rate, number):
                desk.contract.append(
                    ContractAmended(
                        contract="nimbus/deal",
                        effective_at=month(number).start,
                        changes=Changes(charges=contract(rate).charges),
                        reason="renegotiated",
                    )
                )
            case _:
                raise AssertionError(step)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_whatever_came_when_the_statements_sum_to_what_is_owed(found: list[Any]) -> None:
    desk = Desk([signed(contract())])

    play(desk, [*found, *(("issue", number) for number in (6, 7, 8, 9, 10))])

    owed = rating(agreement(*desk.contract), at("2026-11-01"), reports=desk.reports)
    billed = sum(statement.net for statement in desk.state.statements.values())
    assert billed == sum(line.amount for made in owed.intervals for line in made.lines)
    assert desk.do(IssueStatement(contract="deal", interval=month(9)), at("2026-12-02")) != []


@settings(max_examples=60, deadline=None)
@given(steps)
def test_issuing_again_for_the_same_facts_gives_the_same_bytes(found: list[Any]) -> None:
    first, second = (Desk([signed(contract())]) for _ in range(2))

    play(first, found)
    play(second, found)

    digests = [
        [event.digest for event in desk.events if isinstance(event, StatementIssued)]
        for desk in (first, second)
    ]
    assert digests[0] == digests[1]


def written(minor: int) -> str:
    return f"{minor / 100:.2f}"


def after(days: int) -> datetime:
    return at("2026-07-01") + timedelta(days=days)


def issue(number: int) -> IssueStatement:
    return IssueStatement(contract="deal", interval=month(number))


def close(number: int) -> CloseInterval:
    return CloseInterval(contract="deal", interval=month(number))


def pay(name: str, amount: str, day: datetime) -> RecordPayment:
    return RecordPayment(contract="deal", payment=name, amount=amount, received_at=day)


def credit(name: str, statement: str, net: str) -> IssueCreditNote:
    return IssueCreditNote(contract="deal", credit_note=name, statement=statement, net=net, reason="r")


def contest(name: str, statement: str, amount: str) -> OpenDispute:
    return OpenDispute(contract="nimbus/deal", dispute=name, statement=statement, amount=amount, reason="r")


def resolve(name: str, upheld: str) -> ResolveDispute:
    return ResolveDispute(contract="deal", dispute=name, upheld=upheld)


def claim(day: datetime) -> ClaimInterest:
    return ClaimInterest(contract="deal", up_to=day)


amounts = st.integers(-5_00, 3_000_00).map(written)
ids = st.sampled_from(["a", "b", "c"])
statements = st.sampled_from(["nimbus/deal-2026-06", "nimbus/deal-2026-07", "nimbus/deal-2026-13"])
days = st.integers(0, 60).map(after)
numbers = st.integers(6, 8)
commands = st.lists(
    st.one_of(
        st.builds(issue, numbers),
        st.builds(close, numbers),
        st.builds(pay, ids, amounts, days),
        st.builds(credit, ids, statements, amounts),
        st.builds(contest, ids, statements, amounts),
        st.builds(resolve, ids, amounts),
        st.builds(claim, days),
    ),
    max_size=14,
)


@settings(max_examples=80, deadline=None)
@given(commands)
def test_no_command_raises_a_repeat_brings_nothing_and_the_books_balance(found: list[Any]) -> None:
    desk = Desk([signed(contract())], interest="12")
    book: Book = evolve(initial(), BookSet(currency="USD"))

    for command in found:
        actor = "acme" if isinstance(command, OpenDispute) else "nimbus"
        made = desk.do(command, at("2026-12-01"), actor)
        again = desk.do(command, at("2026-12-01"), actor)
        assert isinstance(again, Refused) or again == []
        if not isinstance(made, Refused) and not isinstance(command, IssueStatement):
            assert again == []

    made_of_it = groups(book, desk.events)
    assert all(not sum(posting.amount for posting in group.postings) for group in made_of_it)
    open_in_all = sum(statement.open_at() for statement in desk.state.statements.values())
    paid = sum(p.amount - p.unapplied() for p in desk.state.payments.values())
    assert open_in_all == sum(s.total for s in desk.state.statements.values()) - paid - given_back(desk)
    assert all(payment.unapplied() >= 0 for payment in desk.state.payments.values())


def given_back(desk: Desk) -> int:
    notes = sum(round(float(note.total) * 100) for note in desk.state.notes.values())
    return notes + sum(dispute.upheld for dispute in desk.state.disputes.values())


parties = ("a", "b", "c", "d")


def owing(debtor: str, creditor: str, left: int) -> OpenStatement:
    return OpenStatement(statement="s", debtor=debtor, creditor=creditor, currency="USD", open=left)


owed = st.lists(
    st.builds(owing, st.sampled_from(parties), st.sampled_from(parties), st.integers(-1000, 10_000)),
    max_size=8,
)


@given(owed)
def test_a_netting_settles_everybody_with_fewer_payments_than_parties(found: list[OpenStatement]) -> None:
    net = net_amounts(parties, found)

    paid = payments(net, "JPY")

    assert sum(net.values()) == 0
    assert len(paid) < len(parties)
    for payment in paid:
        net[payment.payer] += int(payment.amount)
        net[payment.payee] -= int(payment.amount)
    assert set(net.values()) == {0}
