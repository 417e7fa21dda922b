"""Two answers to one question differ in the values that are not the same, each named by its path."""

import pytest

from cli.changes import Change, changes


def test_the_same_answer_twice_differs_in_nothing() -> None:
    answer = {"a": 1, "b": [{"c": None}], "d": []}
    assert list(changes(answer, answer)) == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 2}, [Change("$.a", 1, 2)]),
        ({"a": 1}, {"b": 1}, [Change("$.a", 1, None), Change("$.b", None, 1)]),
        (
            {"a": {"b": [1, 2]}},
            {"a": {"b": [1, 3, 4]}},
            [Change("$.a.b[1]", 2, 3), Change("$.a.b[2]", None, 4)],
        ),
        ({"a": [1]}, {"a": None}, [Change("$.a", [1], None)]),
        (None, {"a": 1}, [Change("$", None, {"a": 1})]),
    ],
)
def test_values_are_told_by_their_path(before: object, after: object, found: list[Change]) -> None:
    assert list(changes(before, after)) == found


def test_elements_are_compared_with_their_like_and_not_with_their_neighbour() -> None:
    before = [{"line": "a", "gpus": 1}, {"line": "b", "gpus": 2}]
    after = [{"line": "0", "gpus": 1}, {"line": "b", "gpus": 3}]
    assert list(changes(before, after)) == [
        Change("$[a]", {"line": "a", "gpus": 1}, None),
        Change("$[b].gpus", 2, 3),
        Change("$[0]", None, {"line": "0", "gpus": 1}),
    ]


def test_steps_of_a_schedule_are_told_apart_by_their_start() -> None:
    before = [{"start": "2026-01-01", "quantity": 5}, {"start": "2026-02-01", "quantity": 5}]
    after = [{"start": "2026-01-01", "quantity": 5}, {"start": "2026-02-01", "quantity": 9}]
    assert list(changes(before, after)) == [Change("$[2026-02-01].quantity", 5, 9)]


def test_elements_without_a_name_are_compared_by_their_place() -> None:
    before, after = [{"x": 1}, {"x": 1}], [{"x": 1}, {"x": 2}]
    assert list(changes(before, after)) == [Change("$[1].x", 1, 2)]
