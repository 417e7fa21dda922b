from datetime import datetime
from typing import Any

import pytest

from schemas.contracts import Billing, ContractAmended
from schemas.contracts.values import Changes
from schemas.kernel.interval import Interval
from services.settlement.domain.intervals import Issued, slots
from tests.unit.settlement.deals import agreement, at, month, signed, terms


def issued(interval: Interval, label: str, zone: str = "UTC") -> dict[datetime, Issued]:
    kept = Issued(
        interval=interval,
        calendar=interval,
        label=label,
        zone=zone,
        rounding="half_up",
        currency="USD",
        rulebook=1,
    )
    return {interval.start: kept}


def changed(since: str, **billing: Any) -> ContractAmended:
    return ContractAmended(
        contract="nimbus/deal",
        effective_at=at(since),
        changes=Changes(billing=Billing(**billing)),
        reason="renegotiated",
    )


def test_the_first_interval_is_whole_also_when_the_term_begins_inside_it() -> None:
    agreed = agreement(
        signed(terms([], term={"start": "2026-06-12T08:30:00Z", "end": "2026-08-01T00:00:00Z"}))
    )

    assert [slot.interval for slot in slots(agreed, agreed.end, {})] == [month(6), month(7)]


def test_another_billing_interval_takes_effect_with_the_first_not_yet_issued() -> None:
    agreed = agreement(signed(terms([])), changed("2026-06-01", interval="quarter"))

    fresh = slots(agreed, at("2026-10-01"), {})
    after = slots(agreed, at("2026-10-01"), issued(month(6), "2026-06"))

    assert [slot.label for slot in fresh] == ["2026-q2", "2026-q3"]
    assert [(slot.label, slot.interval.start) for slot in after] == [
        ("2026-06", at("2026-06-01")),
        ("2026-q3", at("2026-07-01")),
    ]


def test_what_another_calendar_leaves_over_is_an_interval_of_its_own() -> None:
    agreed = agreement(signed(terms([])), changed("2026-06-01", interval="quarter"))

    found = slots(agreed, at("2026-10-01"), issued(month(7), "2026-07"))

    assert [(s.label, s.interval.start, s.interval.end) for s in found] == [
        ("2026-q2", at("2026-04-01"), at("2026-07-01")),
        ("2026-07", at("2026-07-01"), at("2026-08-01")),
        ("2026-q3", at("2026-08-01"), at("2026-10-01")),
    ]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_what_another_zone_leaves_over_joins_the_next_interval(zone: str) -> None:
    agreed = agreement(signed(terms([])), changed("2026-07-01", zone=zone))

    found = slots(agreed, at("2026-08-15"), issued(month(6), "2026-06"))

    assert [slot.label for slot in found[:3]] == ["2026-06", "2026-07", "2026-08"]
    assert found[1].interval.start == at("2026-07-01")
    assert found[1].interval.end == found[1].calendar.end
