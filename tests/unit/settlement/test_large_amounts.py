"""Amounts that the books cannot hold are refused where they are named: they never reach a posting."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from infra.codec import convert
from infra.outcomes import Accepted, Rejected, Result
from infra.system import System
from schemas.contracts import SignContract
from schemas.message import Command
from schemas.settlement import (
    CloseInterval,
    IssueCreditNote,
    IssueStatement,
    OpenDispute,
    RecordCost,
    RecordPayment,
    RecordRate,
    SetBook,
)
from services.contracts.service import SERVICE as CONTRACTS
from services.settlement.service import SERVICE as SETTLEMENT
from tests.unit.settlement.deals import at, month

TERM = {"start": "2026-06-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}
MOST, MORE, HUGE = "999999999999999.99", "1000000000000000.00", "999999999999999999.00"


@pytest.fixture
async def system() -> AsyncIterator[System]:
    made = await System.open((CONTRACTS, SETTLEMENT), at("2026-05-01"), shards=1)
    yield made
    await made.rest()
    assert await made.check() == []


def terms(name: str, fee: str) -> Command:
    charge = {"charge": "fee", "kind": "fixed", "lines": [], "steps": [{**TERM, "amount": fee}]}
    agreed = {"supplier": "nimbus", "customer": "acme", "term": TERM, "currency": "USD", "charges": [charge]}
    signing: Command = convert(SignContract, {"contract": name, "terms": agreed})
    return signing


async def send(system: System, command: Command, actor: str = "nimbus") -> Result:
    result = await system.submit(actor, command)
    await system.rest()
    return result


def told(result: Result) -> tuple[str, Any]:
    assert isinstance(result, Rejected), result
    return result.refused.code.value, result.refused.details.get("most")


def paid(amount: str, contract: str = "deal", name: str = "p") -> Command:
    return RecordPayment(contract=contract, payment=name, amount=amount, received_at=at("2026-07-01"))


async def test_a_payment_is_taken_up_to_what_the_books_hold(system: System) -> None:
    await send(system, terms("deal", "1000"))
    await system.advance(at("2026-07-01"))

    assert told(await send(system, paid(HUGE))) == ("currency_mismatch", MOST)
    assert told(await send(system, paid(MORE))) == ("currency_mismatch", MOST)
    assert isinstance(await send(system, paid(MOST)), Accepted)


async def test_a_statement_of_more_than_the_books_hold_is_not_issued(system: System) -> None:
    await send(system, terms("deal", HUGE))
    await system.advance(at("2026-07-01"))

    for command in (IssueStatement, CloseInterval):
        result = await send(system, command(contract="deal", interval=month(6)))
        assert told(result) == ("currency_mismatch", MOST)


async def test_what_is_worth_too_much_in_the_currency_of_the_books_is_refused(system: System) -> None:
    await send(system, SetBook(currency="IDR"))
    await send(system, RecordRate(pair="USD/IDR", date=date(2026, 6, 1), rate="16000"))
    await send(system, terms("deal", "1000"))
    await system.advance(at("2026-07-01"))

    assert told(await send(system, paid("62500000001.00"))) == ("currency_mismatch", MOST)
    assert isinstance(await send(system, paid("62499999999.00")), Accepted)


async def test_more_than_is_left_of_a_statement_is_refused_for_that(system: System) -> None:
    await send(system, terms("deal", "1000"))
    await system.advance(at("2026-07-01"))
    assert isinstance(await send(system, IssueStatement(contract="deal", interval=month(6))), Accepted)
    statement = "nimbus/deal-2026-06"

    note = IssueCreditNote(contract="deal", credit_note="c", statement=statement, net=HUGE, reason="x")
    contest = OpenDispute(contract="nimbus/deal", dispute="d", statement=statement, amount=HUGE, reason="x")

    assert told(await send(system, note))[0] == "exceeds_remaining"
    assert told(await send(system, contest, "acme"))[0] == "exceeds_remaining"


async def test_a_cost_is_taken_up_to_what_the_books_hold(system: System) -> None:
    for amount, taken in ((HUGE, False), (MORE, False), (MOST, True)):
        cost = RecordCost(pool="pool-1", interval=month(6), amount=amount, what="power")
        result = await send(system, cost)
        assert isinstance(result, Accepted) == taken
        assert taken or told(result) == ("currency_mismatch", MOST)
