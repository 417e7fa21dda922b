"""What counts as the expected answer."""

import pytest

from infra.scenario.compare import misses


@pytest.mark.parametrize(
    ("expected", "came"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"at": "2026-10-01T02:00:00+02:00"}, {"at": "2026-10-01T00:00:00Z"}),
        ([{"a": 1}, {}], [{"a": 1, "b": 2}, {"c": 3}]),
        ({}, {"anything": []}),
        (None, None),
    ],
)
def test_keys_not_given_are_not_compared_and_instants_compare_as_instants(
    expected: object, came: object
) -> None:
    assert not list(misses(expected, came))


@pytest.mark.parametrize(
    ("expected", "came", "path"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "$.a.b"),
        ({"a": 1}, {}, "$.a"),
        ({"a": None}, {}, "$.a"),
        ([1], [1, 2], "$[1]"),
        ([1, 2], [1], "$[1]"),
        ({"a": "5.0"}, {"a": "5.00"}, "$.a"),
        ({"a": 1}, {"a": True}, "$.a"),
        ({"a": []}, {"a": {}}, "$.a"),
        ({"a": "2026-10-01T00:00:00Z"}, {"a": "2026-10-01T00:00:01Z"}, "$.a"),
    ],
)
def test_a_difference_is_told_with_its_path(expected: object, came: object, path: str) -> None:
    (miss,) = misses(expected, came)
    assert miss.path == path
    assert str(miss).startswith(f"{path}: expected ")
