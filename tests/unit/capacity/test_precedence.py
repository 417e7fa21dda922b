"""The order of rejections: each row breaks its own rule and all those of the rows below it."""

import pytest

from schemas.capacity import (
    AcceptPhase,
    AmendReservation,
    CancelPhase,
    ConfirmHold,
    DeclareOutage,
    EndOutage,
    ForecastPhase,
    PassOnCapacity,
    PlanPhase,
    PlanUse,
    RecallCapacity,
    RegisterPool,
    Rejection,
    ReleaseReservation,
    ReserveCapacity,
    ReturnCapacity,
    Tier,
    TransferReservation,
)
from schemas.decision import Refused
from schemas.kernel.schedule import Schedule
from schemas.message import Command
from tests.unit.capacity.hall import SKU, Hall, gpus, hall_with, hour, reserve


@pytest.fixture
def hall() -> Hall:
    """A pool of 80 in lots of 8: 40 held by ant, who passed 16 on to bee; short from hour 40 on."""
    hall = hall_with(80, lot=8)
    reserve(hall, "a", gpus((0, 60, 40)), holder="ant")
    reserve(hall, "b", gpus((20, 60, 40)), holder="bee")
    hall.do(
        PassOnCapacity(
            pool="op/p",
            reservation="a",
            holding="x",
            to="bee",
            quantity=gpus((0, 60, 16)),
            recall_notice_hours=8,
        ),
        "ant",
    )
    hall.do(
        PassOnCapacity(pool="op/p", reservation="a", holding="y", to="cat", quantity=gpus((0, 9, 8))), "ant"
    )
    reserve(hall, "old", gpus((0, 2, 8)), hold_until=hour(1))
    hall.do(DeclareOutage(pool="p", outage="o", quantity=8, start=hour(40), end=hour(50)))
    hall.do(PlanPhase(pool="p", phase="soon", quantity=8, megawatts="1", planned_at=hour(90)))
    hall.now = hour(2)
    return hall


def _reserve(
    name: str, *, off_grid: bool = False, lots: bool = True, most: int = 88, start: float = 45
) -> Command:
    quantity = most if lots else most + 1
    shape = gpus((start + (0.5 if off_grid else 0), 60, quantity))
    return ReserveCapacity(pool="p", reservation=name, holder="dog", tier=Tier.FIRM, quantity=shape)


Row = tuple[str, Command, str]
RESERVE: list[Row] = [
    ("pool_unknown", _reserve("a", off_grid=True, lots=False), "stranger"),
    ("not_yours_to_do", _reserve("a", off_grid=True, lots=False), "ant"),
    ("off_grid", _reserve("a", off_grid=True, lots=False), "op"),
    ("off_lot", _reserve("a", lots=False), "op"),
    ("reservation_exists_otherwise", _reserve("a"), "op"),
    ("worsens_shortfall", _reserve("new"), "op"),
    ("capacity_short", _reserve("new", start=51), "op"),
]
PASS_ON = [
    ("pool_unknown", "a", "x", gpus((0.5, 60, 9)), "stranger"),
    ("off_grid", "b", "x", gpus((0.5, 60, 9)), "ant"),
    ("off_lot", "b", "x", gpus((0, 60, 9)), "ant"),
    ("reservation_unknown", "b", "x", gpus((0, 60, 48)), "ant"),
    ("not_the_holder", "b", "x", gpus((0, 60, 48)), "op"),
    ("reservation_exists_otherwise", "a", "x", gpus((0, 60, 48)), "ant"),
    ("entitlement_short", "a", "z", gpus((0, 60, 48)), "ant"),
]
RECALL = [
    ("pool_unknown", "a", 2.5, 9, "stranger"),
    ("not_yours_to_do", "x", 2.5, 9, "bee"),
    ("not_yours_to_do", "a", 2.5, 9, "ant"),
    ("off_grid", "nobody", 2.5, 9, "ant"),
    ("off_lot", "nobody", 3, 9, "ant"),
    ("reservation_unknown", "nobody", 3, 8, "ant"),
    ("reservation_unknown", "b", 3, 8, "ant"),
    ("not_the_holder", "x", 3, 8, "op"),
    ("not_recallable", "y", 3, 8, "ant"),
    ("not_recallable", "a", 3, 8, "op"),
    ("recall_too_soon", "x", 3, 8, "ant"),
]


def _code(hall: Hall, command: Command, actor: str) -> str:
    outcome = hall.decide(command, actor)
    assert isinstance(outcome, Refused), outcome
    return str(outcome.code)


@pytest.mark.parametrize(("code", "command", "actor"), RESERVE)
def test_a_reservation_is_refused_by_the_first_rule_it_breaks(
    hall: Hall, code: str, command: Command, actor: str
) -> None:
    assert _code(hall, command, actor) == code


@pytest.mark.parametrize(("code", "reservation", "holding", "quantity", "actor"), PASS_ON)
def test_passing_on_is_refused_by_the_first_rule_it_breaks(
    hall: Hall, code: str, reservation: str, holding: str, quantity: Schedule, actor: str
) -> None:
    command = PassOnCapacity(
        pool="op/p", reservation=reservation, holding=holding, to="eve", quantity=quantity
    )
    assert _code(hall, command, actor) == code


@pytest.mark.parametrize(("code", "name", "start", "quantity", "actor"), RECALL)
def test_a_recall_is_refused_by_the_first_rule_it_breaks(
    hall: Hall, code: str, name: str, start: float, quantity: int, actor: str
) -> None:
    command = RecallCapacity(pool="op/p", reservation=name, start=hour(start), quantity=quantity)
    assert _code(hall, command, actor) == code


OTHERS: list[Row] = [
    ("pool_unknown", RegisterPool(pool="op/p", site="s", sku=SKU, lot=4), "stranger"),
    ("not_yours_to_do", RegisterPool(pool="op/p", site="s", sku=SKU, lot=4), "ant"),
    ("pool_exists_otherwise", RegisterPool(pool="p", site="s", sku=SKU, lot=4), "op"),
    ("off_grid", PlanPhase(pool="p", phase="a", quantity=9, megawatts="1", planned_at=hour(0.5)), "op"),
    ("off_lot", PlanPhase(pool="p", phase="a", quantity=9, megawatts="1", planned_at=hour(9)), "op"),
    (
        "phase_exists_otherwise",
        PlanPhase(pool="p", phase="a", quantity=8, megawatts="1", planned_at=hour(9)),
        "op",
    ),
    ("off_grid", ForecastPhase(pool="p", phase="none", forecast_at=hour(0.5)), "op"),
    ("phase_unknown", ForecastPhase(pool="p", phase="none", forecast_at=hour(0)), "op"),
    ("phase_already_accepted", ForecastPhase(pool="p", phase="a", forecast_at=hour(0)), "op"),
    ("not_in_future", ForecastPhase(pool="p", phase="soon", forecast_at=hour(2)), "op"),
    ("phase_unknown", AcceptPhase(pool="p", phase="none", accepted_at=hour(0), quantity=8), "op"),
    ("phase_already_accepted", AcceptPhase(pool="p", phase="a", accepted_at=hour(1), quantity=8), "op"),
    ("phase_already_accepted", CancelPhase(pool="p", phase="a"), "op"),
    ("outage_unknown", EndOutage(pool="p", outage="none", ended_at=hour(9)), "op"),
    ("outage_exists_otherwise", DeclareOutage(pool="p", outage="o", quantity=9, start=hour(40)), "op"),
    ("reservation_unknown", ConfirmHold(pool="p", reservation="none"), "op"),
    ("hold_expired", ConfirmHold(pool="p", reservation="old"), "op"),
    ("not_the_holder", AmendReservation(pool="p", reservation="x", quantity=gpus((0, 90, 88))), "op"),
    ("hold_expired", AmendReservation(pool="p", reservation="old", quantity=gpus((0, 90, 88))), "op"),
    ("worsens_shortfall", AmendReservation(pool="p", reservation="a", quantity=gpus((30, 60, 48))), "op"),
    ("capacity_short", AmendReservation(pool="p", reservation="a", quantity=gpus((51, 60, 48))), "op"),
    ("entitlement_short", AmendReservation(pool="p", reservation="a", quantity=gpus((0, 60, 8))), "op"),
    ("off_grid", ReleaseReservation(pool="p", reservation="none", start=hour(0.5)), "op"),
    ("entitlement_short", ReleaseReservation(pool="p", reservation="a", start=hour(59)), "op"),
    ("not_yours_to_do", ReturnCapacity(pool="op/p", holding="a", start=hour(0.5)), "ant"),
    ("off_grid", ReturnCapacity(pool="op/p", holding="none", start=hour(0.5)), "ant"),
    ("reservation_unknown", ReturnCapacity(pool="op/p", holding="x", start=hour(3)), "ant"),
    ("not_the_holder", ReturnCapacity(pool="op/p", holding="x", start=hour(3)), "op"),
    ("reservation_unknown", PlanUse(pool="op/p", reservation="b", quantity=gpus((0, 1, 8))), "ant"),
    (
        "reservation_exists_otherwise",
        TransferReservation(
            pool="p", reservation="a", to="eve", new_reservation="b", quantity=gpus((3, 9, 88))
        ),
        "op",
    ),
    (
        "entitlement_short",
        TransferReservation(
            pool="p", reservation="a", to="eve", new_reservation="n", quantity=gpus((3, 9, 24))
        ),
        "op",
    ),
]


@pytest.mark.parametrize(("code", "command", "actor"), OTHERS)
def test_every_other_command_is_refused_by_the_first_rule_it_breaks(
    hall: Hall, code: str, command: Command, actor: str
) -> None:
    assert _code(hall, command, actor) == code


def test_every_rejection_but_usage_unknown_is_in_one_of_the_tables() -> None:
    shown = {row[0] for table in (RESERVE, PASS_ON, RECALL, OTHERS) for row in table}
    assert shown == {str(code) for code in Rejection} - {"usage_unknown"}
