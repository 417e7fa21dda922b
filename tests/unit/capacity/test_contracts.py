"""What follows in pools from contracts: all services together, at rest after every command."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from cli.composition import SERVICES
from infra.outcomes import Accepted, Rejected
from infra.system import System
from schemas.capacity import (
    AcceptPhase,
    AllocationsQuestion,
    Fill,
    LineRecall,
    PlanPhase,
    RecallCapacity,
    RecallRight,
    RegisterPool,
    ReserveCapacity,
    Tier,
    TimelineQuestion,
)
from schemas.contracts import (
    AmendContract,
    Changes,
    GiveNotice,
    Head,
    Line,
    NovateContract,
    RequestLine,
    SignContract,
    TerminationRight,
    Terms,
    Transfer,
    WithdrawNotice,
)
from schemas.kernel.interval import Span
from schemas.kernel.schedule import Schedule
from schemas.message import Command
from services.capacity.aggregates import POOL
from services.capacity.domain.pool import Pool
from tests.unit.capacity.hall import SKU, START, gpus, hour, in_hours

END = 2_000
Steps = list[tuple[float, float | None, int]]


class World:
    """A system in memory with one pool of 100 of acme's."""

    def __init__(self, system: System) -> None:
        self.system = system

    async def do(self, actor: str, command: Command, effective_at: datetime | None = None) -> Any:
        result = await self.system.submit(actor, command, effective_at=effective_at)
        await self.system.rest()
        return result

    async def done(self, actor: str, command: Command, effective_at: datetime | None = None) -> None:
        result = await self.do(actor, command, effective_at)
        assert isinstance(result, Accepted), result
        assert await self.system.check() == []

    async def sign(self, supplier: str, contract: str, customer: str, *lines: Line, **more: Any) -> None:
        terms = Terms(
            supplier=supplier,
            customer=customer,
            term=Span(hour(0), hour(END)),
            currency="USD",
            lines=lines,
            transfer=Transfer(sublease="allowed", novation="allowed"),
            **more,
        )
        await self.done(supplier, SignContract(contract=contract, terms=terms))

    async def amend(self, supplier: str, contract: str, start: float, *lines: Line) -> None:
        command = AmendContract(
            contract=contract,
            effective_at=hour(start),
            changes=Changes(lines=lines),
            reason="agreed",
            overrides=True,
        )
        await self.done(supplier, command)

    async def held(self, tenant: str) -> Mapping[str, Mapping[str, Any]]:
        question = AllocationsQuestion(tenant=tenant, start=hour(0), end=hour(END))
        answer = await self.system.ask("capacity.allocations", tenant, question)
        return {each["reservation"]: each for each in answer["allocations"]}

    async def has(self, tenant: str, reservation: str, what: str = "entitlement") -> Steps:
        found = (await self.held(tenant)).get(reservation)
        if found is None:
            return []
        schedule = found[what]
        assert isinstance(schedule, Schedule)
        return in_hours(schedule)

    async def told(self, book: str, contract: str) -> list[str]:
        past = self.system.parts["capacity"].node.past
        return [
            recorded.type.split(".")[1]
            for recorded in await past.stream("capacity", book, f"request-{contract}")
        ]

    async def pool(self) -> Pool:
        past = self.system.parts["capacity"].node.past
        pool: Pool = (await past.fold("capacity", POOL, "acme", "pool-north")).state
        return pool


@pytest.fixture
async def world() -> World:
    made = World(await System.open(SERVICES, START))
    await made.done("acme", RegisterPool(pool="north", site="s", sku=SKU))
    await made.done("acme", PlanPhase(pool="north", phase="a", quantity=100, megawatts="1", planned_at=START))
    await made.done("acme", AcceptPhase(pool="north", phase="a", quantity=100, accepted_at=START))
    return made


def line(quantity: int, end: float = END, start: float = 0, **more: Any) -> Line:
    if "from_" not in more:
        more.setdefault("pool", "north")
    return Line(line=more.pop("line", "main"), quantity=gpus((start, end, quantity)), **more)


def below(contract: str, quantity: int, **more: Any) -> Line:
    return line(quantity, from_=Head(contract=contract, line="main"), **more)


async def test_a_head_that_loses_takes_from_its_sublease_and_gives_nothing_back_unasked(world: World) -> None:
    await world.sign("acme", "head", "beta", line(100))
    await world.sign("beta", "sub", "calm", below("acme/head", 60))
    await world.amend("acme", "head", 100, line(40))
    assert await world.has("calm", "beta/sub/main") == [(0, 100, 60), (100, END, 40)]
    assert await world.has("beta", "acme/head/main") == [(0, 100, 40)]
    await world.amend("acme", "head", 100, line(90))
    assert await world.has("calm", "beta/sub/main") == [(0, 100, 60), (100, END, 40)]
    await world.done("beta", RequestLine(contract="sub", line="main"))
    assert await world.has("calm", "beta/sub/main") == [(0, END, 60)]


async def test_an_end_off_the_grid_frees_the_pool_from_the_next_hour_on(world: World) -> None:
    right = TerminationRight(right="leave", party="either", cause="convenience", notice_days=2)
    await world.sign("acme", "c", "beta", line(50), termination=(right,))
    await world.system.advance(hour(10.25))
    await world.done("beta", GiveNotice(contract="acme/c", right="leave"))
    assert await world.has("beta", "acme/c/main") == [(0, 59, 50)]
    taken = ReserveCapacity(
        pool="north", reservation="x", holder="dune", tier=Tier.FIRM, quantity=gpus((59, 80, 100))
    )
    await world.done("acme", taken)
    # the notice is taken back: that is law, the pool cannot refuse it
    await world.done("beta", WithdrawNotice(contract="acme/c"))
    assert await world.has("beta", "acme/c/main") == [(0, 59, 50), (59, 80, 33), (80, END, 50)]
    assert await world.has("dune", "x") == [(59, 80, 67)]


async def test_what_was_not_there_is_asked_for_again_from_then_on(world: World) -> None:
    await world.sign("acme", "a", "beta", line(80))
    await world.sign("acme", "b", "calm", line(50, fill=Fill.AS_AVAILABLE))
    assert await world.has("calm", "acme/b/main") == [(0, END, 20)]
    await world.amend("acme", "a", 100, line(60))
    assert await world.has("calm", "acme/b/main") == [(0, END, 20)]
    await world.system.advance(hour(150.5))
    await world.done("acme", RequestLine(contract="b", line="main"))
    assert await world.has("calm", "acme/b/main") == [(0, 151, 20), (151, END, 40)]
    novation = NovateContract(
        contract="b", to="dune", new_contract="b2", effective_at=hour(200), share_percent="30"
    )
    await world.done("acme", novation)
    assert await world.has("calm", "acme/b/main") == [(0, 151, 20), (151, 200, 40), (200, END, 28)]
    assert await world.has("dune", "acme/b2/main") == [(200, END, 12)]


async def test_a_refused_line_is_wanted_from_when_it_is_asked_for_again(world: World) -> None:
    await world.sign("acme", "a", "beta", line(80))
    await world.sign("acme", "b", "calm", line(50))
    assert await world.told("acme", "acme/b") == ["RequestRefused", "TermsTaken"]
    await world.amend("acme", "b", 10, line(15))
    assert await world.held("calm") == {}
    await world.done("acme", RequestLine(contract="b", line="main"), hour(100))
    await world.amend("acme", "b", 120, line(18))
    assert await world.has("calm", "acme/b/main") == [(100, 120, 15), (120, END, 18)]


async def test_what_was_sold_too_much_in_the_past_falls_on_the_changed_contract_alone(world: World) -> None:
    await world.sign("acme", "a", "beta", line(90))
    await world.sign("acme", "b", "calm", line(10))
    await world.system.advance(hour(50))
    await world.amend("acme", "b", 20, line(30))
    assert await world.has("calm", "acme/b/main") == [(0, 50, 10), (50, END, 25)]
    assert await world.has("beta", "acme/a/main") == [(0, 50, 90), (50, END, 75)]
    question = TimelineQuestion(pool="north", start=hour(0), end=hour(100))
    answer = await world.system.ask("capacity.timeline", "acme", question)
    assert in_hours(answer["shortfall"]["delivery"]) == [(20, 100, 20)]


async def test_novations_at_every_level_move_holders_and_nothing_else(world: World) -> None:
    await world.sign("acme", "head", "beta", line(100))
    await world.sign("beta", "sub", "calm", below("acme/head", 60))
    await world.sign("calm", "deep", "eve", below("beta/sub", 30))
    for supplier, old, to, new, at, share in (
        ("beta", "sub", "dune", "sub2", 100, "100"),
        ("acme", "head", "fern", "head2", 200, "100"),
        ("acme", "head2", "gale", "head3", 300, "50"),
    ):
        command = NovateContract(
            contract=old, to=to, new_contract=new, effective_at=hour(at), share_percent=share
        )
        await world.done(supplier, command)
    assert await world.has("calm", "beta/sub/main") == [(0, 100, 30)]
    assert await world.has("dune", "beta/sub2/main") == [(100, 300, 30), (300, END, 20)]
    assert await world.has("eve", "calm/deep/main") == [(0, END, 30)]
    assert await world.has("beta", "acme/head/main") == [(0, 200, 40)]
    assert await world.has("fern", "acme/head2/main") == [(200, 300, 40)]
    assert await world.has("gale", "acme/head3/main") == [(300, END, 50)]
    assert in_hours((await world.pool()).committed(Tier.FIRM)) == [(0, END, 100)]


async def test_a_novation_off_the_grid_is_in_the_pool_once_and_goes_over_at_the_next_hour(
    world: World,
) -> None:
    await world.sign("acme", "c", "beta", line(100))
    for new, to, at, share in (("part", "calm", 10.5, "30"), ("rest", "dune", 20.25, "100")):
        novation = NovateContract(
            contract="c", to=to, new_contract=new, effective_at=hour(at), share_percent=share
        )
        await world.done("acme", novation)
    assert await world.has("beta", "acme/c/main") == [(0, 11, 100), (11, 21, 70)]
    assert await world.has("calm", "acme/part/main") == [(11, END, 30)]
    assert await world.has("dune", "acme/rest/main") == [(21, END, 70)]


async def test_a_contract_that_goes_on_before_it_begins_moves_from_its_own_beginning_on(world: World) -> None:
    await world.sign("acme", "c", "beta", line(100))
    for old, new, to, at in (("c", "part", "calm", 10.5), ("part", "half", "dune", 5)):
        novation = NovateContract(
            contract=old, to=to, new_contract=new, effective_at=hour(at), share_percent="50"
        )
        await world.done("acme", novation)
    assert await world.has("beta", "acme/c/main") == [(0, 11, 100), (11, END, 50)]
    assert await world.has("calm", "acme/part/main") == [(11, END, 25)]
    assert await world.has("dune", "acme/half/main") == [(11, END, 25)]


async def test_a_recall_stays_when_the_terms_change(world: World) -> None:
    recall = RecallRight(notice_hours=24, max_percent="20")
    await world.sign("acme", "a", "beta", line(90), recall=recall)

    def back(start: float, quantity: int) -> RecallCapacity:
        return RecallCapacity(
            pool="north", reservation="acme/a/main", start=hour(start), until=hour(200), quantity=quantity
        )

    await world.done("acme", back(100, 18))
    refused = await world.do("acme", back(150, 1))
    assert isinstance(refused, Rejected)
    assert str(refused.refused.code) == "not_recallable"
    await world.amend("acme", "a", 120, line(50))
    assert await world.has("beta", "acme/a/main", "reserved") == [
        (0, 100, 90),
        (100, 120, 72),
        (120, 200, 32),
        (200, END, 50),
    ]
    rights = (await world.pool()).holdings["acme/a/main"].recall
    assert [type(right) for right in rights] == [LineRecall]


async def test_what_was_recalled_stays_so_when_the_contract_goes_over(world: World) -> None:
    recall = RecallRight(notice_hours=24, max_percent="20")
    await world.sign("acme", "a", "beta", line(100), recall=recall)

    def back(name: str, start: float, quantity: int) -> RecallCapacity:
        return RecallCapacity(
            pool="north", reservation=name, start=hour(start), until=hour(200), quantity=quantity
        )

    await world.done("acme", back("acme/a/main", 100, 20))
    novation = NovateContract(
        contract="a", to="calm", new_contract="b", effective_at=hour(150), share_percent="100"
    )
    await world.done("acme", novation)
    assert await world.has("beta", "acme/a/main", "reserved") == [(0, 100, 100), (100, 150, 80)]
    assert await world.has("calm", "acme/b/main", "reserved") == [(150, 200, 80), (200, END, 100)]
    share = NovateContract(
        contract="b", to="dune", new_contract="c", effective_at=hour(170), share_percent="90"
    )
    await world.done("acme", share)
    kept = await world.has("calm", "acme/b/main", "reserved")
    assert kept == [(150, 170, 80), (170, 200, 8), (200, END, 10)]
    assert await world.has("dune", "acme/c/main", "reserved") == [(170, 200, 72), (200, END, 90)]
    refused = await world.do("acme", back("acme/b/main", 160, 1))
    assert isinstance(refused, Rejected)
    assert str(refused.refused.code) == "not_recallable"


async def test_a_contract_without_a_pool_is_answered_in_the_suppliers_book(world: World) -> None:
    await world.sign("beta", "sub", "calm", below("acme/none", 60))
    assert await world.told("beta", "beta/sub") == ["RequestRefused", "TermsTaken"]
    await world.sign("beta", "bare", "calm")
    assert await world.told("beta", "beta/bare") == ["TermsTaken"]
    await world.sign("beta", "greedy", "calm", line(5, pool="acme/north"))
    assert await world.told("beta", "beta/greedy") == ["RequestRefused", "TermsTaken"]
    assert await world.held("calm") == {}


async def test_a_line_that_moves_to_another_pool_is_asked_for_there_and_ends_here(world: World) -> None:
    await world.done("acme", RegisterPool(pool="south", site="s", sku=SKU))
    await world.done("acme", PlanPhase(pool="south", phase="a", quantity=8, megawatts="1", planned_at=START))
    await world.done("acme", AcceptPhase(pool="south", phase="a", quantity=8, accepted_at=START))
    await world.sign("acme", "a", "beta", line(8))
    await world.amend("acme", "a", 100, line(8, pool="south"))
    question = AllocationsQuestion(tenant="beta", start=hour(0), end=hour(END))
    answer = await world.system.ask("capacity.allocations", "beta", question)
    assert [(each["pool"], in_hours(each["reserved"])) for each in answer["allocations"]] == [
        ("acme/north", [(0, 100, 8)]),
        ("acme/south", [(100, END, 8)]),
    ]


@pytest.mark.parametrize("resting", [True, False])
async def test_events_that_come_in_a_heap_end_where_events_one_by_one_do(
    world: World, *, resting: bool
) -> None:
    def sign(supplier: str, contract: str, customer: str, *lines: Line) -> tuple[str, Command]:
        terms = Terms(
            supplier=supplier,
            customer=customer,
            term=Span(hour(0), hour(END)),
            currency="USD",
            lines=lines,
            transfer=Transfer(sublease="allowed", novation="allowed"),
        )
        return supplier, SignContract(contract=contract, terms=terms)

    def amend(contract: str, start: float, *lines: Line) -> tuple[str, Command]:
        changes = Changes(lines=lines)
        return "acme", AmendContract(
            contract=contract, effective_at=hour(start), changes=changes, reason="agreed", overrides=True
        )

    def novate(supplier: str, old: str, to: str, new: str, at: float, share: str) -> tuple[str, Command]:
        return supplier, NovateContract(
            contract=old, to=to, new_contract=new, effective_at=hour(at), share_percent=share
        )

    for actor, command in (
        sign("acme", "head", "beta", line(70)),
        sign("acme", "late", "calm", line(30)),
        sign("beta", "sub", "calm", below("acme/head", 40)),
        sign("calm", "deep", "eve", below("beta/sub", 40)),
        novate("calm", "deep", "dune", "deep2", 50, "40"),
        amend("late", 0, line(10)),
        amend("head", 300, line(80), line(5, line="more")),
        novate("acme", "late", "fern", "late2", 200, "100"),
    ):
        assert isinstance(await world.system.submit(actor, command), Accepted)
        if resting:
            await world.system.rest()
    await world.system.rest()
    assert await world.system.check() == []
    assert await world.has("beta", "acme/head/main", "reserved") == [(0, 300, 70), (300, END, 80)]
    assert await world.has("beta", "acme/head/more") == [(300, END, 5)]
    assert await world.has("eve", "calm/deep/main") == [(0, 50, 40), (50, END, 24)]
    assert await world.has("dune", "calm/deep2/main") == [(50, END, 16)]
    assert await world.has("calm", "acme/late/main") == [(0, 200, 10)]
    assert await world.has("fern", "acme/late2/main") == [(200, END, 10)]
