"""Who is cut: rotation with what is owed, plans of 720 hours, shortfalls as they come and go."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from schemas.capacity import (
    AcceptPhase,
    CapacityCut,
    CapacityRestored,
    CutsPlanned,
    DeclareOutage,
    EndOutage,
    ExtendCuts,
    PlanPhase,
    ReleaseReservation,
    ShortfallClosed,
    ShortfallOpened,
    Tier,
)
from schemas.decision import Refused
from services.capacity.domain.sharing import in_order, pro_rata, rotating
from tests.unit.capacity.hall import Hall, gpus, hall_with, hour, in_hours, reserve

CLAIMS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1)


@given(CLAIMS, st.integers(0, 400), st.integers(1, 8))
def test_a_share_is_whole_within_claims_and_within_a_lot_of_exact(
    lots: dict[str, int], amount: int, lot: int
) -> None:
    claims = {name: quantity * lot for name, quantity in lots.items()}
    whole = sum(claims.values())
    amount = min(amount * lot, whole)
    shares = pro_rata(amount, claims, lot)
    assert sum(shares.values()) == amount
    for name, claim in claims.items():
        share = shares.get(name, 0)
        assert share <= claim
        assert share % lot == 0
        assert abs(share - Fraction(amount * claim, whole)) < lot


@given(CLAIMS, st.lists(st.integers(0, 60), min_size=1, max_size=40))
def test_rotating_shares_stay_within_a_gpu_of_exact_for_ever(
    claims: dict[str, int], amounts: list[int]
) -> None:
    whole, carried = sum(claims.values()), dict[str, Fraction]()
    taken, exact = dict.fromkeys(claims, 0), dict.fromkeys(claims, Fraction(0))
    for amount in amounts:
        cut = min(amount, whole)
        shares, carried = rotating(cut, claims, carried, 1)
        assert sum(shares.values()) == cut
        for name, claim in claims.items():
            assert 0 <= shares.get(name, 0) <= claim
            taken[name] += shares.get(name, 0)
            exact[name] += Fraction(cut * claim, whole)
            assert exact[name] - taken[name] == carried[name]
            assert abs(carried[name]) < len(claims)


def test_in_order_takes_each_wholly_before_the_next() -> None:
    assert in_order(7, [("a", 5), ("b", 0), ("c", 9)]) == {"a": 5, "c": 2}


def _three(rotation: int) -> Hall:
    hall = hall_with(30, rotation_hours=rotation)
    for name in "abc":
        reserve(hall, name, gpus((0, 2000, 10)), holder=f"t-{name}")
    return hall


def test_a_rotating_cut_is_planned_for_720_hours_and_then_extended() -> None:
    hall = _three(24)
    outcome = hall.do(DeclareOutage(pool="p", outage="o", quantity=1, start=hour(10)))
    assert not isinstance(outcome, Refused)
    assert [e.event.until for e in outcome if isinstance(e.event, CutsPlanned)] == [hour(720)]
    assert hall.cuts("a")[0] == (10, 34, 1)
    assert sum(end - start for start, end, _ in hall.cuts("a") + hall.cuts("b") + hall.cuts("c")) == 710  # type: ignore[operator, misc]
    hall.sound()
    hall.now = hour(720)
    hall.do(ExtendCuts(pool="op/p", planned_until=hour(720)), "~timer/capacity")
    assert hall.cuts("a")[0] == (10, 34, 1)
    assert hall.pool().planned_until is not None
    hall.sound()
    hall.do(EndOutage(pool="p", outage="o", ended_at=hour(800)))
    assert hall.pool().planned_until is None
    assert hall.do(ExtendCuts(pool="op/p", planned_until=hour(720)), "~timer/capacity") == []
    hall.sound()


def test_a_change_starts_a_new_block_and_what_is_owed_is_carried() -> None:
    hall = _three(4)
    hall.do(DeclareOutage(pool="p", outage="o", quantity=1, start=hour(0), end=hour(20)))
    hall.do(DeclareOutage(pool="p", outage="q", quantity=1, start=hour(6), end=hour(20)))
    # blocks: 0-4 a, 4-6 b (cut off by the change), then 6-10 with two to take: c is owed 2/3, a and b nothing
    assert hall.cuts("a")[:2] == [(0, 4, 1), (6, 10, 1)]
    assert hall.cuts("b")[0] == (4, 6, 1)
    assert hall.cuts("c")[0] == (6, 14, 1)


def test_a_holder_who_leaves_loses_what_it_is_owed() -> None:
    hall = _three(1)
    hall.do(DeclareOutage(pool="p", outage="o", quantity=1, start=hour(0), end=hour(6)))
    hall.do(ReleaseReservation(pool="p", reservation="c", start=hour(2)))
    hall.sound()
    assert hall.pool().shortfalls["s-1"].quantity.outage == gpus((0, 2, 1))


def test_a_shortfall_keeps_its_name_while_it_changes_and_closes_when_it_is_behind_us() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 48, 100)))
    opened = hall.do(DeclareOutage(pool="p", outage="o", quantity=20, start=hour(10), end=hour(30)))
    wider = hall.do(DeclareOutage(pool="p", outage="q", quantity=5, start=hour(25), end=hour(35)))
    hall.now = hour(20)
    hall.do(EndOutage(pool="p", outage="q", ended_at=hour(25)))
    closed = hall.do(EndOutage(pool="p", outage="o", ended_at=hour(20)))
    names = [
        (type(e.event).__name__, e.event.shortfall)
        for outcome in (opened, wider, closed)
        if not isinstance(outcome, Refused)
        for e in outcome
        if isinstance(e.event, ShortfallOpened | ShortfallClosed)
    ]
    assert names == [("ShortfallOpened", "s-1"), ("ShortfallOpened", "s-1"), ("ShortfallClosed", "s-1")]
    assert not hall.pool().shortfalls["s-1"].open
    hall.do(DeclareOutage(pool="p", outage="late", quantity=1, start=hour(2), end=hour(3)))
    assert in_hours(hall.pool().shortfalls["s-2"].quantity.outage) == [(2, 3, 1)]
    assert not hall.pool().shortfalls["s-2"].open
    hall.sound()


def test_one_cut_event_for_each_reservation_and_cause_says_how_it_now_stands() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 48, 60)))
    reserve(hall, "b", gpus((0, 48, 40)), tier=Tier.INTERRUPTIBLE)
    hall.do(DeclareOutage(pool="p", outage="o", quantity=50, start=hour(1), end=hour(3)))
    outcome = hall.do(DeclareOutage(pool="p", outage="q", quantity=10, start=hour(5), end=hour(6)))
    assert not isinstance(outcome, Refused)
    cuts = [e.event for e in outcome if isinstance(e.event, CapacityCut)]
    assert [(c.reservation, in_hours(c.quantity)) for c in cuts] == [("b", [(1, 3, 40), (5, 6, 10)])]
    outcome = hall.do(EndOutage(pool="p", outage="o", ended_at=hour(2)))
    assert not isinstance(outcome, Refused)
    restored = [e.event for e in outcome if isinstance(e.event, CapacityRestored)]
    assert [(c.reservation, in_hours(c.quantity)) for c in restored] == [
        ("a", [(1, 2, 10)]),
        ("b", [(1, 2, 40), (5, 6, 10)]),
    ]


def test_more_capacity_restores_what_was_cut() -> None:
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 48, 100)))
    hall.do(DeclareOutage(pool="p", outage="o", quantity=50, start=hour(1), end=hour(30)))
    hall.do(PlanPhase(pool="p", phase="more", quantity=30, megawatts="1", planned_at=hour(2)))
    hall.do(AcceptPhase(pool="p", phase="more", accepted_at=hour(2), quantity=50))
    assert hall.cuts("a") == [(1, 2, 50)]
    hall.sound()
