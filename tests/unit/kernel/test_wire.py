"""What the wire types let through, and that JSON Schema agrees."""

from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given

from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule
from schemas.kernel.wire import (
    Amount,
    Currency,
    Id,
    Instant,
    Name,
    Percent,
    Quantity,
    Rate,
    ReservationName,
    Text,
    dec_hook,
    enc_hook,
    schema_hook,
)
from tests.unit.kernel.models import schedules

GOOD: list[tuple[Any, list[object]]] = [
    (Id, ["a", "colossus-1", "a" * 63]),
    (Name, ["a", "spacex/google-colossus"]),
    (ReservationName, ["mine", "a/b", "spacex/google-colossus/colossus"]),
    (Text, ["", "Größe – ok", "x" * 500]),
    (Amount, ["0", "-5.00", "123456789012345678.1234"]),
    (Rate, ["0", "2.135", "123456789012.123456789012"]),
    (Percent, ["25", "99.95"]),
    (Currency, ["USD"]),
    (Quantity, [0, 110000]),
]
BAD: list[tuple[Any, list[object]]] = [
    (Id, ["", "A", "a\n", "a/b", "a" * 64, 5]),
    (Name, ["a/b/c", "/a", "a/", "a/b\n"]),
    (ReservationName, ["a/b/c/d", "a//b"]),
    (Text, ["a\n", "\n", "a\x00b", "a\x7f", "a\x85", "x" * 501]),
    (Amount, ["1e3", "+1", "1.", ".1", "1\n", "\u0661", "1_0", "1.00000", 5, 5.0]),
    (Rate, ["-1", "1e3", "1\n", "\u0661", "1.0000000000001", 5]),
    (Percent, ["-1", "NaN", 25]),
    (Currency, ["usd", "US", "USDD", "USD\n"]),
    (Quantity, [-1, 1.5, "1", 2**53]),
]


def accepted(kind: Any, value: object) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(("kind", "values"), GOOD)
def test_good_values_pass_both_judges(kind: Any, values: list[object]) -> None:
    schema = jsonschema_rs.validator_for(msgspec.json.schema(kind))
    assert [(v, accepted(kind, v), schema.is_valid(v)) for v in values] == [(v, True, True) for v in values]


@pytest.mark.parametrize(("kind", "values"), BAD)
def test_bad_values_fail_both_judges(kind: Any, values: list[object]) -> None:
    schema = jsonschema_rs.validator_for(msgspec.json.schema(kind))
    assert [(v, accepted(kind, v), schema.is_valid(v)) for v in values] == [(v, False, False) for v in values]


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    quantity: Schedule
    during: Interval | None = None
    due: dict[str, list[Instant]] = {}


DECODER = msgspec.json.Decoder(Line, dec_hook=dec_hook)
ENCODER = msgspec.json.Encoder(enc_hook=enc_hook)
SCHEMA = jsonschema_rs.validator_for(msgspec.json.schema(Line, schema_hook=schema_hook))


@given(schedules)
def test_a_schedule_survives_the_wire_and_fits_its_schema(quantity: Schedule) -> None:
    later = quantity.shift(1_790_000_000)
    written = ENCODER.encode(Line(quantity=later))
    assert DECODER.decode(written).quantity == later
    assert SCHEMA.is_valid(msgspec.json.decode(written))


def test_an_endless_schedule_says_null_and_steps_may_come_in_any_order() -> None:
    read = DECODER.decode(
        b'{"quantity": [{"start": "2026-10-02T02:00:00+02:00", "end": null, "quantity": 3},'
        b' {"start": "2026-10-01T00:00:00Z", "end": "2026-10-02T00:00:00Z", "quantity": 3}]}'
    )
    assert ENCODER.encode(read) == (
        b'{"quantity":[{"start":"2026-10-01T00:00:00Z","end":null,"quantity":3}]}'
    )


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ('[{"start": "2026-10-01T00:00:00", "end": null, "quantity": 3}]', "timezone"),
        ('[{"start": "2026-10-01T00:00:00.5Z", "end": null, "quantity": 3}]', "whole seconds"),
        ('[{"start": "1999-10-01T00:00:00Z", "end": null, "quantity": 3}]', r"2199 - at `\$\[0\].start`"),
        ('[{"start": "2026-10-01T00:00:00Z", "end": null, "quantity": -3}]', ">= 0"),
        ('[{"start": "2026-10-01T00:00:00Z", "end": null, "quantity": 3.0}]', "float"),
        ('[{"start": "2026-10-01T00:00:00Z", "quantity": 3}]', "missing required field `end`"),
        ('[{"start": "2026-10-01T00:00:00Z", "end": null, "quantity": 3, "x": 1}]', "unknown field"),
        ('[{"start": "2026-10-01T00:00:00Z", "end": "2026-10-01T00:00:00Z", "quantity": 3}]', "ends after"),
        ("3", "array"),
    ],
)
def test_a_bad_schedule_is_told_with_its_path(steps: str, words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words) as caught:
        DECODER.decode(f'{{"quantity": {steps}}}')
    assert str(caught.value).endswith("at `$.quantity`")


def test_only_known_types_have_hooks() -> None:
    with pytest.raises(NotImplementedError, match="cannot be written"):
        enc_hook(object())
    with pytest.raises(NotImplementedError, match="cannot be read"):
        dec_hook(set, [])
    with pytest.raises(NotImplementedError, match="no schema"):
        schema_hook(set)
