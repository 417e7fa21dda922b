"""What is not touched is not computed again, and nobody can tell: the same bytes as computing everything."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.composition import SERVICES
from infra.codec import convert
from infra.outcomes import Accepted
from infra.system import System
from schemas.capacity import AcceptPhase, CorrectUsage, DeclareOutage, PlanPhase, RegisterPool, ReportUsage
from schemas.contracts import AmendContract, SignContract
from schemas.kernel.instants import iso
from schemas.kernel.interval import Interval
from schemas.message import Command
from schemas.settlement import IssueStatement
from services.settlement.gathering import account_at
from services.settlement.knowledge import known
from services.settlement.recomputing import differs, stream_of_account
from tests.unit.settlement.deals import at, month

TERM = {"start": "2026-06-01T00:00:00Z", "end": "2026-12-01T00:00:00Z"}
SKU = {"gpu": "H100", "memory_gb": 80, "interconnect": "infiniband"}
NOW = at("2027-01-01")
FEE = {"charge": "fee", "kind": "fixed", "lines": ["train"], "steps": [{**TERM, "amount": "1000.01"}]}
FLOOR = {
    "charge": "floor",
    "kind": "minimum",
    "covers": ["hours"],
    "amount": "90.00",
    "make_up_intervals": 2,
}
PREPAID = {
    "charge": "credit",
    "kind": "prepayment",
    "amount": "2500.00",
    "due": "2026-07-10T00:00:00Z",
    "expires": "2026-10-01T00:00:00Z",
    "rollover": {"percent": "30", "expires": "2026-12-01T00:00:00Z"},
}
BLOCK = {
    "charge": "block",
    "kind": "block",
    "line": "burst",
    "committed_rate": "1.10",
    "overage_rate": "3.30",
}


def hours(rate: str) -> dict[str, Any]:
    tiers = [{"up_to": "20", "rate": rate}, {"up_to": None, "rate": "1.37"}]
    return {"charge": "hours", "kind": "usage", "lines": ["train"], "tiers": tiers}


def lines() -> list[dict[str, Any]]:
    return [
        {"line": line, "pool": "pool-1", "quantity": [{**TERM, "quantity": gpus}]}
        for line, gpus in (("train", 100), ("burst", 10))
    ]


def charges(rate: str, per: str) -> list[dict[str, Any]]:
    return [FEE, hours(rate), {**FLOOR, "per": per}, PREPAID, BLOCK]


def terms(per: str) -> dict[str, Any]:
    return {
        "supplier": "nimbus",
        "customer": "acme",
        "term": TERM,
        "currency": "USD",
        "lines": lines(),
        "charges": charges("2.13", per),
        "tax": [{"category": "S", "rate_percent": "19"}],
        "sla": {
            "target": "99.5",
            "tiers": [{"below": "99.5", "credit_percent": "10"}],
            "cap_percent": "30",
        },
    }


uses = st.tuples(
    st.just("use"),
    st.sampled_from(["train", "burst"]),
    st.integers(0, 170 * 24),
    st.integers(1, 40 * 24),
    st.integers(1, 900_000),
)
steps = st.lists(
    st.one_of(
        uses,
        st.tuples(st.just("correct"), st.integers(0, 5), st.integers(0, 170 * 24), st.integers(0, 900_000)),
        st.tuples(st.just("outage"), st.integers(0, 170 * 24), st.integers(950, 1000)),
        st.tuples(st.just("price"), st.sampled_from(["1.91", "2.13", "2.50"]), st.integers(6, 11)),
        st.tuples(st.just("issue"), st.integers(6, 11)),
        st.just(("next",)),
        st.just(("next",)),
    ),
    max_size=14,
)


class Desk:
    """A system with one contract on one pool, and everything done one after the other."""

    def __init__(self, system: System, per: str) -> None:
        self.system, self.per = system, per
        self.reports: list[str] = []
        self.next, self.outages = 6, 0

    @classmethod
    async def open(cls, per: str) -> "Desk":
        desk = cls(await System.open(SERVICES, NOW), per)
        start = at("2026-05-01")
        phase = {"pool": "pool-1", "phase": "one", "quantity": 1000}
        planned = {**phase, "megawatts": "10", "planned_at": "2026-05-01T00:00:00Z"}
        for command in (
            convert(RegisterPool, {"pool": "pool-1", "site": "hall", "sku": SKU}),
            convert(PlanPhase, planned),
            convert(AcceptPhase, {**phase, "accepted_at": "2026-05-01T00:00:00Z"}),
            convert(SignContract, {"contract": "deal", "terms": terms(per)}),
        ):
            assert isinstance(await desk.do(command, start), Accepted)
        return desk

    async def do(self, command: Command, effective_at: datetime | None = None) -> Any:
        result = await self.system.submit("nimbus", command, effective_at=effective_at)
        await self.system.rest()
        return result

    async def play(self, found: Sequence[Any]) -> None:
        for step in found:
            match step:
                case ("use", line, start, length, quantity):
                    await self.use(line, start, length, quantity)
                case ("correct", index, start, quantity) if self.reports:
                    await self.correct(self.reports[int(index) % len(self.reports)], start, quantity)
                case ("price", rate, number):
                    changed = {"charges": charges(rate, self.per)}
                    since = iso(month(number).start)
                    amend = {
                        "contract": "deal",
                        "effective_at": since,
                        "changes": changed,
                        "reason": "renegotiated",
                        "overrides": True,
                    }
                    await self.do(convert(AmendContract, amend))
                case ("outage", start, lost):
                    await self.outage(start, lost)
                case ("issue", number):
                    await self.issue(number)
                case ("next",) if self.next <= 12:
                    await self.issue(self.next)
                    self.next += 1
                case _:
                    pass

    async def outage(self, start: int, lost: int) -> None:
        self.outages += 1
        down = DeclareOutage(
            pool="pool-1",
            outage=f"o-{self.outages}",
            start=span(start, 30).start,
            end=span(start, 30).end,
            quantity=lost,
        )
        await self.do(down)

    async def issue(self, number: int) -> None:
        await self.do(IssueStatement(contract="deal", interval=month(number)))

    async def use(self, line: str, start: int, length: int, quantity: int) -> None:
        name = f"use-{len(self.reports)}"
        self.reports.append(name)
        use = ReportUsage(
            pool="pool-1",
            reservation=f"nimbus/deal/{line}",
            interval=span(start, length),
            gpu_seconds=quantity,
            peak_gpus=1,
        )
        result = await self.system.submit("nimbus", use, id_=name)
        assert isinstance(result, Accepted), result
        await self.system.rest()

    async def correct(self, report: str, start: int, quantity: int) -> None:
        anew = CorrectUsage(
            pool="pool-1",
            reservation="nimbus/deal/train",
            corrects=report,
            interval=span(start, 30),
            gpu_seconds=quantity,
            peak_gpus=1,
        )
        await self.do(anew)

    async def wrong(self) -> list[str]:
        past = self.system.parts["settlement"].node.past
        found = [await differs(past, r) for r in await stream_of_account(past, "nimbus/deal") if is_issued(r)]
        return [text for text in found if text is not None]

    async def settled_for(self, number: int) -> int:
        past = self.system.parts["settlement"].node.past
        state = await account_at(past, "nimbus/deal")
        found = await known(past.at(await past.heads()), "nimbus/deal", state, month(number))
        assert found is not None
        return found.settled


def is_issued(recorded: Any) -> bool:
    return bool(recorded.type == "settlement.StatementIssued.v1")


def hour_of(number: int) -> int:
    return int((month(number).start - month(6).start).total_seconds()) // 3600


def span(start: int, length: int) -> Interval:
    first = at("2026-06-01") + timedelta(hours=start)
    return Interval(first, first + timedelta(hours=length))


@settings(max_examples=25, deadline=None)
@given(steps, st.sampled_from(["month", "quarter"]))
async def test_every_statement_is_what_computing_everything_gives(found: list[Any], per: str) -> None:
    desk = await Desk.open(per)
    await desk.play([*found, ("next",), ("next",)])
    assert await desk.wrong() == []


async def test_late_use_and_old_terms_reach_back_only_so_far() -> None:
    desk = await Desk.open("month")
    for number in (6, 7, 8, 9):
        await desk.use("train", hour_of(number) + 50, 5, 100_000)
        await desk.issue(number)

    assert await desk.settled_for(10) == 4
    await desk.use("train", 31 * 24 + 10, 2, 7)  # in July
    assert await desk.settled_for(10) == 1
    await desk.issue(10)
    assert await desk.settled_for(11) == 5
    await desk.correct("use-0", 95 * 24, 40)  # from June to September
    assert await desk.settled_for(11) == 0
    await desk.issue(11)
    assert await desk.wrong() == []


async def test_terms_that_change_later_leave_what_was_before_settled() -> None:
    desk = await Desk.open("month")
    for number in (6, 7, 8):
        await desk.issue(number)

    await desk.play([("price", "9.99", 8)])
    assert await desk.settled_for(9) == 2
    await desk.play([("price", "8.88", 10)])
    assert await desk.settled_for(9) == 2


async def test_one_statement_out_of_turn_and_everything_is_computed() -> None:
    desk = await Desk.open("month")
    for number in (7, 6, 8):
        await desk.issue(number)

    assert await desk.settled_for(9) == 0


@pytest.mark.parametrize("per", ["month", "quarter", "year"])
async def test_a_long_floor_goes_on_from_what_was_billed(per: str) -> None:
    desk = await Desk.open(per)
    for number in range(6, 12):
        await desk.use("train", hour_of(number) + 50, 5, 40_000 * number)
        assert await desk.settled_for(number) == number - 6
        await desk.issue(number)

    assert await desk.wrong() == []
