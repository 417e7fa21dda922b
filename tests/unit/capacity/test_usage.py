"""Metered usage: through the givers' meters, across a change of hands, corrected and corrected again."""

from datetime import datetime
from typing import Any

import msgspec

from schemas.capacity import (
    CorrectUsage,
    PassOnCapacity,
    ReportUsage,
    TransferReservation,
    UsageCorrected,
    UsagePassedThrough,
    UsageReported,
)
from schemas.decision import Emitted, Order, Refused
from schemas.kernel.interval import Interval
from services.capacity.domain.usage import (
    Metered,
    correct_usage,
    metered,
    meters,
    passed_before,
    report_usage,
)
from tests.unit.capacity.hall import Hall, gpus, hall_with, hour, reserve


def _hall() -> Hall:
    """Ant passes on to bee, bee to cat; from hour 10 on ant's reservation is dog's."""
    hall = hall_with(100)
    reserve(hall, "a", gpus((0, 48, 50)), holder="ant")
    hall.do(
        PassOnCapacity(pool="op/p", reservation="a", holding="x", to="bee", quantity=gpus((0, 48, 30))), "ant"
    )
    hall.do(
        PassOnCapacity(pool="op/p", reservation="x", holding="y", to="cat", quantity=gpus((0, 48, 10))), "bee"
    )
    hall.do(
        TransferReservation(pool="p", reservation="a", to="dog", new_reservation="b"), effective_at=hour(10)
    )
    return hall


def _order(command: ReportUsage | CorrectUsage, hall: Hall, id_: str, **facts: object) -> Order[Any]:
    order: Order[Any] = Order(
        command=command, id=id_, actor="op", book="op", at=hall.now, effective_at=hall.now
    )
    found = msgspec.structs.replace(metered(hall.pool(), order), **facts)
    return msgspec.structs.replace(order, facts=found)


def _report(start: datetime, end: datetime, gpu_seconds: int) -> ReportUsage:
    return ReportUsage(
        pool="p",
        reservation="y",
        interval=Interval(start, end),
        gpu_seconds=gpu_seconds,
        peak_gpus=10,
    )


def _correct(corrects: str, start: datetime, end: datetime, gpu_seconds: int) -> CorrectUsage:
    return CorrectUsage(
        pool="p",
        reservation="y",
        corrects=corrects,
        interval=Interval(start, end),
        gpu_seconds=gpu_seconds,
        peak_gpus=10,
    )


def _through(outcome: list[Emitted] | Refused) -> list[tuple[str, str, str, int | None, int]]:
    assert not isinstance(outcome, Refused)
    return [
        (e.event.reservation, e.event.holder, e.event.of, e.event.gpu_seconds, e.event.part)
        for e in outcome
        if isinstance(e.event, UsagePassedThrough)
    ]


def test_usage_passes_through_every_giver_above_to_the_holder_of_the_time() -> None:
    hall = _hall()
    order = _order(_report(hour(2), hour(4), 100), hall, "u-1")
    outcome = report_usage({}, order)
    assert not isinstance(outcome, Refused)
    assert isinstance(outcome[0].event, UsageReported)
    assert (outcome[0].stream, outcome[0].counterparty) == ("meter-p/y", "cat")
    assert _through(outcome) == [("x", "bee", "y", 100, 0), ("a", "ant", "x", 100, 0)]
    facts = order.facts
    assert isinstance(facts, Metered)
    assert meters(facts) == ("meter-p/y", "meter-p/x", "meter-p/a")


def test_usage_over_a_change_of_hands_is_spread_by_the_second_and_nothing_is_lost() -> None:
    outcome = report_usage({}, _order(_report(hour(9), hour(12), 101), _hall(), "u-1"))
    assert _through(outcome) == [
        ("x", "bee", "y", 101, 0),
        ("a", "ant", "x", 34, 0),
        ("b", "dog", "x", 67, 0),
    ]


def test_a_correction_corrects_the_root_and_empties_meters_that_it_does_not_reach() -> None:
    hall = _hall()
    first = report_usage({}, _order(_report(hour(9), hour(12), 101), hall, "u-1"))
    assert not isinstance(first, Refused)
    before = passed_before(emitted.event for emitted in first)
    order = _order(_correct("u-1", hour(2), hour(4), 50), hall, "u-2", report="u-1", before=before)
    outcome = correct_usage({}, order)
    assert not isinstance(outcome, Refused)
    corrected = outcome[0].event
    assert isinstance(corrected, UsageCorrected)
    assert corrected.report == "u-1"
    assert _through(outcome) == [
        ("x", "bee", "y", 50, 0),
        ("a", "ant", "x", 50, 0),
        ("b", "dog", "x", 0, 0),
    ]
    facts = order.facts
    assert isinstance(facts, Metered)
    assert {emitted.stream for emitted in outcome} == set(meters(facts))


def test_a_correction_of_what_was_never_reported_is_refused() -> None:
    refused = correct_usage({}, _order(_correct("u-9", hour(2), hour(4), 50), _hall(), "u-2"))
    assert isinstance(refused, Refused)
    assert str(refused.code) == "usage_unknown"


def test_whoever_holds_at_the_start_of_the_interval_is_told() -> None:
    hall = _hall()
    command = ReportUsage(
        pool="p",
        reservation="a",
        interval=Interval(hour(12), hour(13)),
        meter="egress",
        quantity=7,
    )
    outcome = report_usage({}, _order(command, hall, "u-1"))
    assert not isinstance(outcome, Refused)
    assert outcome[0].counterparty == "dog"
