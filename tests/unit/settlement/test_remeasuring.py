"""What is open in another currency follows the rate at every end of an interval, billed or not."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any

import pytest

from infra.codec import convert
from infra.outcomes import Accepted
from infra.system import System
from schemas.contracts import SignContract
from schemas.message import Command
from schemas.settlement import IssueStatement, JournalQuestion, RecordPayment, RecordRate, SetBook
from services.contracts.service import SERVICE as CONTRACTS
from services.settlement.service import SERVICE as SETTLEMENT
from tests.unit.settlement.deals import at, month

TERM = {"start": "2026-06-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}
RATES = {6: "150", 7: "160", 8: "170", 9: "180"}


@pytest.fixture
async def system() -> AsyncIterator[System]:
    """A month's fee of 1,000 dollars in books in yen, and a rate late in every month."""
    made = await System.open((CONTRACTS, SETTLEMENT), at("2026-05-01"), shards=1)
    fee = {"charge": "fee", "kind": "fixed", "lines": [], "steps": [{**TERM, "amount": "1000"}]}
    terms = {"supplier": "nimbus", "customer": "acme", "term": TERM, "currency": "USD", "charges": [fee]}
    await do(made, convert(SignContract, {"contract": "deal", "terms": terms}), SetBook(currency="JPY"))
    for number, value in RATES.items():
        await do(made, RecordRate(pair="USD/JPY", date=date(2026, number, 28), rate=value))
    yield made
    assert await made.check() == []


async def do(system: System, *commands: Command) -> None:
    for command in commands:
        assert isinstance(await system.submit("nimbus", command), Accepted)
        await system.rest()


async def receivables(system: System, days: Sequence[str], known: Any = None) -> list[str]:
    """The receivable in yen just before some days."""
    found: list[str] = []
    for day in days:
        question = JournalQuestion(tenant="nimbus", start=at("2026-01-01"), end=at(day))
        node = system.parts["settlement"].node
        answer = await node.ask("settlement.journal", "nimbus", question, valid_at=None, known=known)
        found += [one["balance"] for one in answer["trial"] if one["account"] == "Receivable"] or ["0"]
    return found


async def test_a_debt_follows_the_rate_after_the_contract_ended_until_it_is_paid(system: System) -> None:
    await system.advance(at("2026-07-01"))
    await do(system, IssueStatement(contract="deal", interval=month(6)))
    await system.advance(at("2026-09-05"))
    known = await system.heads()
    paid = RecordPayment(contract="deal", payment="p", amount="1000.00", received_at=at("2026-09-04"))
    await do(system, paid)
    await system.advance(at("2026-11-05"))

    days = ["2026-07-15", "2026-08-15", "2026-09-03", "2026-09-15", "2026-10-15"]
    assert await receivables(system, days) == ["150000", "160000", "170000", "0", "0"]
    assert await receivables(system, days, known) == ["150000", "160000", "170000", "170000", "170000"]


async def test_ends_that_passed_before_the_books_had_a_currency_are_made_up_for(system: System) -> None:
    await do(system, SetBook(currency="USD"))
    await system.advance(at("2026-07-01"))
    await do(system, IssueStatement(contract="deal", interval=month(6)))
    await system.advance(at("2026-09-05"))

    await do(system, SetBook(currency="JPY"))
    await system.advance(at("2026-09-06"))

    assert await receivables(system, ["2026-07-15", "2026-08-15", "2026-09-15"]) == [
        "150000",
        "160000",
        "170000",
    ]
