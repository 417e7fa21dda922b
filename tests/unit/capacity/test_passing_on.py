"""What is passed on: recall rights, names, transfers with what hangs below, holds that run out."""

from typing import Any

from schemas.capacity import (
    AmendReservation,
    CapacityPassedOn,
    ConfirmHold,
    DeclareOutage,
    ExpireHold,
    GiverChanged,
    HoldExpired,
    PassOnCapacity,
    PlanUse,
    RecallCapacity,
    ReleaseReservation,
    ReservationReleased,
    ReturnCapacity,
    Tier,
    TransferReservation,
)
from schemas.decision import Refused
from schemas.kernel.schedule import Schedule
from tests.unit.capacity.hall import Hall, gpus, hall_with, hour, in_hours, reserve


def _pass_on(
    hall: Hall, source: str, name: str, to: str, quantity: Schedule, actor: str, **more: Any
) -> object:
    command = PassOnCapacity(pool="op/p", reservation=source, holding=name, to=to, quantity=quantity, **more)
    return hall.do(command, actor)


def _entitled(hall: Hall, name: str) -> list[tuple[float, float | None, int]]:
    return in_hours(hall.pool().entitlement(name))


def test_a_giver_whose_name_is_taken_by_a_stranger_learns_nothing_of_that() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 9, 10)), holder="ant")
    reserve(hall, "b", gpus((0, 9, 10)), holder="bee")
    _pass_on(hall, "a", "loan", "cat", gpus((0, 9, 4)), "ant")
    given = _pass_on(hall, "b", "loan", "dog", gpus((0, 9, 6)), "bee", recall_notice_hours=0)
    assert not isinstance(given, Refused)
    assert hall.pool().holdings["bee/loan"].holder == "dog"
    assert _pass_on(hall, "b", "loan", "dog", gpus((0, 9, 6)), "bee", recall_notice_hours=0) == []
    hall.do(RecallCapacity(pool="op/p", holding="loan", start=hour(3)), "bee")
    assert _entitled(hall, "bee/loan") == [(0, 3, 6)]
    assert _entitled(hall, "loan") == [(0, 9, 4)]


def test_a_recall_told_twice_is_one_and_another_adds_to_it() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 9, 10)), holder="ant")
    _pass_on(hall, "a", "loan", "cat", gpus((0, 9, 8)), "ant", recall_notice_hours=1)
    once = RecallCapacity(pool="op/p", holding="loan", start=hour(2), until=hour(6), quantity=3)
    hall.do(once, "ant")
    assert hall.do(once, "ant") == []
    hall.do(RecallCapacity(pool="op/p", holding="loan", start=hour(4), quantity=2), "ant")
    assert _entitled(hall, "loan") == [(0, 2, 8), (2, 4, 5), (4, 6, 3), (6, 9, 6)]
    hall.sound()


def test_a_whole_transfer_takes_what_was_passed_on_with_it() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 20, 50)), holder="ant")
    _pass_on(hall, "a", "x", "bee", gpus((0, 20, 30)), "ant")
    _pass_on(hall, "x", "y", "cat", gpus((0, 20, 10)), "bee")
    before = [in_hours(hall.pool().committed(tier)) for tier in Tier]
    outcome = hall.do(
        TransferReservation(pool="p", reservation="a", to="dog", new_reservation="b"), effective_at=hour(8)
    )
    assert not isinstance(outcome, Refused)
    assert [e.counterparty for e in outcome if isinstance(e.event, GiverChanged)] == ["bee"]
    told = {
        e.event.reservation: in_hours(e.event.quantity)
        for e in outcome
        if isinstance(e.event, CapacityPassedOn)
    }
    assert told == {"a": [(0, 8, 30)], "b": [(8, 20, 30)]}
    assert [in_hours(hall.pool().committed(tier)) for tier in Tier] == before
    assert _entitled(hall, "a") == [(0, 8, 20)]
    assert _entitled(hall, "b") == [(8, 20, 20)]
    hall.do(DeclareOutage(pool="p", outage="o", quantity=95, start=hour(6), end=hour(10)))
    assert _entitled(hall, "b") == [(10, 20, 20)]
    assert _entitled(hall, "y") == [(0, 6, 10), (6, 10, 5), (10, 20, 10)]
    hall.sound()


def test_a_part_leaves_behind_what_was_passed_on_or_does_not_go() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 20, 50)), holder="ant")
    _pass_on(hall, "a", "x", "bee", gpus((5, 10, 30)), "ant")

    def move(name: str, *steps: tuple[float, float, int]) -> object:
        return hall.do(
            TransferReservation(
                pool="p", reservation="a", to="dog", new_reservation=name, quantity=gpus(*steps)
            )
        )

    refused = move("b", (0, 20, 21))
    assert isinstance(refused, Refused)
    assert refused.details == {
        "short_from": hour(5),
        "short_until": hour(10),
        "short_by": 1,
        "earliest": None,
    }
    assert not isinstance(move("b", (0, 20, 20)), Refused)
    assert move("b", (0, 20, 20)) == []
    assert isinstance(move("b", (0, 20, 10)), Refused)
    hall.sound()


def test_what_hangs_below_a_hold_ends_when_it_runs_out() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 20, 50)), holder="ant", hold_until=hour(3))
    _pass_on(hall, "a", "x", "bee", gpus((5, 10, 30)), "ant")
    hall.now = hour(3)
    outcome = hall.do(PlanUse(pool="op/p", reservation="x", quantity=gpus((5, 6, 30))), "bee")
    assert not isinstance(outcome, Refused)
    assert [type(e.event).__name__ for e in outcome][:2] == ["HoldExpired", "ReservationReleased"]
    assert hall.pool().holdings["x"].quantity.is_empty
    assert hall.do(ExpireHold(pool="op/p", reservation="a"), "~timer/capacity") == []
    hall.sound()


def test_a_hold_that_moves_stays_a_hold() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 20, 50)), holder="ant", hold_until=hour(3))
    hall.do(TransferReservation(pool="p", reservation="a", to="dog", new_reservation="b"))
    hall.now = hour(3)
    outcome = hall.do(ExpireHold(pool="op/p", reservation="a"), "~timer/capacity")
    assert not isinstance(outcome, Refused)
    assert {e.event.reservation for e in outcome if isinstance(e.event, HoldExpired)} == {"a", "b"}
    assert reserve(hall, "c", gpus((0, 20, 100))) != []
    hall.sound()


def test_a_hold_that_was_released_cannot_be_confirmed() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((5, 20, 50)), hold_until=hour(3))
    hall.do(ReleaseReservation(pool="p", reservation="a", start=hour(0)))
    refused = hall.do(ConfirmHold(pool="p", reservation="a"))
    assert isinstance(refused, Refused)
    assert str(refused.code) == "hold_expired"
    hall.now = hour(4)
    assert hall.do(ExpireHold(pool="op/p", reservation="a"), "~timer/capacity") == []


def test_a_taker_gives_back_only_what_it_did_not_pass_on() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 20, 50)), holder="ant")
    _pass_on(hall, "a", "x", "bee", gpus((0, 20, 30)), "ant")
    _pass_on(hall, "x", "y", "cat", gpus((5, 10, 20)), "bee")
    refused = hall.do(ReturnCapacity(pool="op/p", holding="x", start=hour(0), quantity=11), "bee")
    assert isinstance(refused, Refused)
    assert refused.details["short_from"] == hour(5)
    hall.do(ReturnCapacity(pool="op/p", holding="x", start=hour(10)), "bee")
    assert _entitled(hall, "x") == [(0, 5, 30), (5, 10, 10)]
    assert _entitled(hall, "a") == [(0, 10, 20), (10, 20, 50)]
    hall.sound()


def test_only_what_is_left_after_cuts_can_be_passed_on() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 20, 100)), holder="ant")
    hall.do(DeclareOutage(pool="p", outage="o", quantity=30, start=hour(5), end=hour(10)))
    refused = _pass_on(hall, "a", "x", "bee", gpus((0, 10, 80)), "ant")
    assert isinstance(refused, Refused)
    assert refused.details == {
        "short_from": hour(5),
        "short_until": hour(10),
        "short_by": 10,
        "earliest": hour(10),
    }


def test_a_holding_is_its_givers_matter_not_the_operators() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 20, 50)), holder="ant")
    _pass_on(hall, "a", "x", "bee", gpus((0, 20, 30)), "ant")
    for command in (
        AmendReservation(pool="p", reservation="x", quantity=gpus((0, 20, 10))),
        ReleaseReservation(pool="p", reservation="x", start=hour(9)),
        TransferReservation(pool="p", reservation="x", to="dog", new_reservation="z"),
    ):
        refused = hall.do(command)
        assert isinstance(refused, Refused)
        assert str(refused.code) == "not_the_holder"


def test_released_events_below_name_what_they_came_from() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 20, 50)), holder="ant", hold_until=hour(3))
    _pass_on(hall, "a", "x", "bee", gpus((5, 10, 30)), "ant")
    _pass_on(hall, "x", "y", "cat", gpus((5, 10, 30)), "bee")
    hall.now = hour(3)
    outcome = hall.do(ExpireHold(pool="op/p", reservation="a"), "~timer/capacity")
    assert not isinstance(outcome, Refused)
    below = [e.event for e in outcome if isinstance(e.event, ReservationReleased)]
    assert [(event.reservation, event.came_from) for event in below] == [("x", "a"), ("y", "x")]


def test_a_holding_cannot_take_the_name_of_a_strangers_line() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 20, 50)), holder="ant")
    refused = _pass_on(hall, "a", "bee/deal/main", "cat", gpus((0, 9, 4)), "ant")
    assert isinstance(refused, Refused)
    assert str(refused.code) == "not_yours_to_do"
    assert not isinstance(_pass_on(hall, "a", "ant/deal/main", "cat", gpus((0, 9, 4)), "ant"), Refused)
