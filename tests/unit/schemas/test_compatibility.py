from typing import Any

import pytest

from schemas.compatibility import breaks, differences


def _schema(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"$defs": {"Thing": {"properties": properties, "required": required}}}


TEXT = {"type": "string"}


def test_the_released_messages_still_hold() -> None:
    assert breaks() == []


def test_an_added_field_with_a_default_breaks_nothing() -> None:
    assert not list(differences(_schema(["a"], a=TEXT), _schema(["a"], a=TEXT, b=TEXT)))


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (_schema([], b=TEXT), "Thing.a is gone"),
        (_schema(["a", "b"], a=TEXT, b=TEXT), "Thing.b is newly required"),
        (_schema(["a"], a={"type": "integer"}), "Thing.a: was ['string'], is ['integer']"),
        (_schema(["a"], a={"type": "string", "pattern": "^x$"}), "Thing.a: its form has changed"),
        ({"$defs": {}}, "Thing is gone"),
    ],
)
def test_what_old_readers_or_old_bytes_rely_on_may_not_change(new: dict[str, Any], told: str) -> None:
    assert list(differences(_schema(["a"], a=TEXT), new)) == [told]


def test_a_choice_may_gain_values_and_lose_none() -> None:
    old, more, less = ({"enum": choices} for choices in (["x", "y"], ["x", "y", "z"], ["x"]))
    assert not list(differences(_schema([], a=old), _schema([], a=more)))
    assert list(differences(_schema([], a=old), _schema([], a=less))) == [
        "Thing.a: ['y'] can no longer be read"
    ]


def test_a_field_may_become_optional_and_a_null_one_may_not_stop_to_be() -> None:
    either = {"anyOf": [TEXT, {"type": "null"}]}
    assert not list(differences(_schema([], a=TEXT), _schema([], a=either)))
    assert list(differences(_schema([], a=either), _schema([], a=TEXT)))
