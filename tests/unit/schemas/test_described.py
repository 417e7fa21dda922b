"""What a schema says of a number is what the number is."""

from typing import Any

import msgspec
import pytest

from schemas.capacity import PhasePlanned, PlanPhase
from schemas.capacity.values import SpareByConfidence
from schemas.kernel.wire import schema_hook


def test_an_id_is_described_by_what_it_may_hold() -> None:
    described = msgspec.json.schema(PlanPhase, schema_hook=schema_hook)["$defs"]["PlanPhase"]["properties"]
    for field in ("pool", "phase"):
        assert "a-z, 0-9 and -, at most 63" in described[field]["description"]


@pytest.mark.parametrize(
    ("message", "field", "word"),
    [
        (PlanPhase, "megawatts", "megawatts"),
        (PhasePlanned, "megawatts", "megawatts"),
        (SpareByConfidence, "confidence", "share"),
        (SpareByConfidence, "node_availability", "share"),
    ],
)
def test_what_is_no_percentage_is_not_described_as_one(
    message: type[msgspec.Struct], field: str, word: str
) -> None:
    described: dict[str, Any] = msgspec.json.schema(message, schema_hook=schema_hook)["$defs"]
    told = described[message.__name__]["properties"][field]["description"].lower()
    assert word in told
    assert "percent" not in told
