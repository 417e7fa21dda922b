"""What capacity answers, and to whom: the parts that the golden cases leave out."""

from datetime import UTC, datetime
from typing import Any

import pytest

from infra.outcomes import Accepted
from infra.system import System
from schemas.capacity import (
    AllocationsQuestion,
    AvailabilityQuestion,
    DeclareOutage,
    IdleQuestion,
    PassOnCapacity,
    PlanUse,
    PoolQuestion,
    RecallCapacity,
    ReportUsage,
    ReserveCapacity,
    Tier,
    TimelineQuestion,
    UnsoldQuestion,
    UtilisationQuestion,
    Window,
)
from schemas.decision import Refused
from schemas.kernel.interval import Interval
from schemas.message import Command, Question
from services.capacity.reads.steps import steps
from services.capacity.service import SERVICE
from tests.unit.capacity.hall import gpus, hour, in_hours, pool_commands


class Asked:
    """A system in which commands are given and questions asked."""

    def __init__(self, system: System) -> None:
        self.system = system

    async def do(self, actor: str, *commands: Command) -> None:
        for command in commands:
            result = await self.system.submit(actor, command)
            assert isinstance(result, Accepted), result
            await self.system.rest()
        assert await self.system.check() == []

    async def ask(self, name: str, actor: str, question: Question) -> Any:
        return await self.system.ask(f"capacity.{name}", actor, question)


@pytest.fixture
async def asked() -> Asked:
    """Op's pool p of 100; ant has 60 of it and lent 40 of these to bee, for 8 hours' notice."""
    made = Asked(await System.open([SERVICE], hour(0)))
    await made.do(
        "op",
        *pool_commands("p", 100),
        ReserveCapacity(pool="p", reservation="a", holder="ant", tier=Tier.FIRM, quantity=gpus((0, 48, 60))),
    )
    lend = PassOnCapacity(
        pool="op/p",
        reservation="a",
        holding="x",
        to="bee",
        quantity=gpus((0, 48, 40)),
        recall_notice_hours=8,
    )
    await made.do("ant", lend)
    return made


def _report(reservation: str, start: int, end: int, gpu_seconds: int, peak: int) -> ReportUsage:
    return ReportUsage(
        pool="p",
        reservation=reservation,
        interval=Interval(hour(start), hour(end)),
        gpu_seconds=gpu_seconds,
        peak_gpus=peak,
    )


async def test_what_a_giver_takes_back_is_recalled_and_not_unsold(asked: Asked) -> None:
    await asked.do(
        "ant", RecallCapacity(pool="op/p", holding="x", start=hour(12), until=hour(24), quantity=40)
    )
    question = UnsoldQuestion(pool="p", start=hour(0), end=hour(48), step="day")
    answer = await asked.ask("unsold", "op", question)
    assert [step["recalled"] for step in answer["steps"]] == ["480", "0"]
    assert [step["unsold"] for step in answer["steps"]] == ["960", "960"]
    assert [step["idle"] for step in answer["steps"]] == ["0", "0"]


async def test_idle_is_what_is_entitled_and_reported_and_not_used(asked: Asked) -> None:
    await asked.do("op", _report("a", 0, 12, 12 * 3600 * 5, 9), _report("x", 6, 30, 24 * 3600 * 40, 40))
    question = UnsoldQuestion(pool="p", start=hour(0), end=hour(48), step="day")
    answer = await asked.ask("unsold", "op", question)
    assert [step["idle"] for step in answer["steps"]] == ["180", "0"]


async def test_a_holder_is_told_of_what_it_kept_and_an_operator_of_the_whole(asked: Asked) -> None:
    await asked.do("op", _report("a", 0, 24, 24 * 3600 * 10, 10), _report("x", 0, 24, 24 * 3600 * 30, 30))

    async def used(actor: str, **about: str) -> list[tuple[int, int, int]]:
        question = UtilisationQuestion(start=hour(0), end=hour(24), step="day", **about)
        answer = await asked.ask("utilisation", actor, question)
        day = 24 * 3600
        return [(s["capacity"] // day, s["sold"] // day, s["used"] // day) for s in answer["steps"]]

    assert await used("op", pool="p") == [(100, 60, 40)]
    assert await used("op", tenant="op") == [(100, 60, 40)]
    assert await used("ant", tenant="ant") == [(20, 20, 10)]
    assert await used("op", tenant="bee") == [(40, 40, 30)]
    assert await used("bee", tenant="ant") == [(0, 0, 0)]


async def test_idle_hours_ahead_are_what_a_plan_leaves_and_nothing_is_known_without_one(asked: Asked) -> None:
    question = IdleQuestion(tenant="bee", start=hour(0), end=hour(48), min_gpus=10, min_hours=2)
    assert (await asked.ask("idle", "bee", question))["windows"] == []
    await asked.do("bee", PlanUse(pool="op/p", reservation="x", quantity=gpus((0, 10, 40), (12, 48, 35))))
    windows = (await asked.ask("idle", "bee", question))["windows"]
    assert [(w["start"], w["end"], w["gpus"], w["gpu_hours"]) for w in windows] == [
        (hour(10), hour(12), 40, "80")
    ]
    assert (await asked.ask("idle", "ant", question))["windows"] == []


async def test_a_cut_below_a_giver_shows_in_the_allocations_of_both(asked: Asked) -> None:
    await asked.do("op", DeclareOutage(pool="p", outage="o", quantity=70, start=hour(2), end=hour(4)))

    async def seen(actor: str, tenant: str) -> list[tuple[str, object]]:
        question = AllocationsQuestion(tenant=tenant, start=hour(0), end=hour(6))
        answer = await asked.ask("allocations", actor, question)
        return [(each["reservation"], in_hours(each["cut"]["outage"])) for each in answer["allocations"]]

    assert await seen("ant", "ant") == [("a", [(2, 4, 30)])]
    assert await seen("bee", "bee") == [("x", [(2, 4, 10)])]
    assert await seen("op", "bee") == [("x", [(2, 4, 10)])]
    assert await seen("ant", "bee") == []
    answer = await asked.ask("pool", "op", PoolQuestion(pool="p"))
    (short,) = answer["shortfalls"]
    assert (short["shortfall"], in_hours(short["outage"])) == ("s-1", [(2, 4, 30)])
    await asked.system.advance(hour(4))
    assert (await asked.ask("pool", "op", PoolQuestion(pool="p")))["shortfalls"] == []


@pytest.mark.parametrize(("actor", "code"), [("ant", "not_yours_to_do"), ("cat", "pool_unknown")])
async def test_what_is_the_operators_is_nobody_elses(asked: Asked, actor: str, code: str) -> None:
    window: dict[str, Any] = {"start": hour(0), "end": hour(6)}
    for name, question in (
        ("pool", PoolQuestion(pool="op/p")),
        ("timeline", TimelineQuestion(pool="op/p", **window)),
        ("unsold", UnsoldQuestion(pool="op/p", step="day", **window)),
        ("utilisation", UtilisationQuestion(pool="op/p", step="day", **window)),
        ("idle", IdleQuestion(pool="op/p", min_gpus=1, min_hours=1, **window)),
        (
            "availability",
            AvailabilityQuestion(
                pools=("op/p",), tier=Tier.FIRM, quantity=Window(gpus=1, hours=1, not_before=hour(0))
            ),
        ),
    ):
        answer = await asked.ask(name, actor, question)
        assert isinstance(answer, Refused), name
        assert str(answer.code) == code


async def test_a_sku_finds_own_pools_and_the_listed_ones_of_others(asked: Asked) -> None:
    await asked.do("rival", *pool_commands("open", 50, listed=True), *pool_commands("shut", 50))
    window = Window(gpus=41, hours=2, not_before=hour(0.5))
    question = AvailabilityQuestion(sku="GB300", tier=Tier.FIRM, quantity=window)
    answer = await asked.ask("availability", "op", question)
    assert [each["pool"] for each in answer["pools"]] == ["op/p", "rival/open"]
    own, other = answer["pools"]
    assert own["short_from"] == hour(1)
    assert own["earliest"] == hour(48)
    assert set(other) == {"pool", "fits", "earliest"}
    assert answer["best_fit"] is None
    answer = await asked.ask("availability", "rival", question)
    assert [each["pool"] for each in answer["pools"]] == ["rival/open", "rival/shut"]
    assert answer["best_fit"] == "rival/open"
    assert answer["together"] == hour(1)


def test_steps_go_by_the_calendar_and_the_outer_ones_are_cut() -> None:
    start, end = datetime(2026, 1, 30, 6, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    months = [(step.start, step.end) for step in steps(start, end, "month")]
    assert months == [(start, datetime(2026, 2, 1, tzinfo=UTC)), (datetime(2026, 2, 1, tzinfo=UTC), end)]
    weeks = list(steps(start, end, "week"))
    assert weeks[0].end == datetime(2026, 2, 2, tzinfo=UTC)
    assert next(step.end - step.start for step in steps(start, end, "day")).seconds == 18 * 3600
    assert len(list(steps(start, weeks[0].end, "hour"))) == 66
