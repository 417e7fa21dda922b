"""Scenario files are read strictly, and every error points at its place."""

from pathlib import Path

import pytest

from infra.scenario.source import ScenarioError, read


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "story.yaml"
    path.write_text(text)
    return path


def test_instants_and_quoted_amounts_stay_text(tmp_path: Path) -> None:
    value, _ = read(written(tmp_path, 'a: 2026-10-01T00:00:00Z\nb: "5.00"\nc: 12\nd: null\ne: true\n'))
    assert value == {"a": "2026-10-01T00:00:00Z", "b": "5.00", "c": 12, "d": None, "e": True}


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("steps:\n  - amount: 5.00\n", ":2:13", "quote it"),
        ("a: 1\nb: 2\na: 3\n", ":3:1", "twice"),
        ("a: 0x10\n", ":1:4", "whole number"),
        ("a: 1_000\n", ":1:4", "whole number"),
        ("a: .nan\n", ":1:4", "whole number"),
        ("a: [1\n", ":2:1", "expected"),
        ("", "", "is empty"),
    ],
)
def test_what_cannot_be_read_is_named_with_line_and_column(
    tmp_path: Path, text: str, where: str, what: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ScenarioError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}{where}")
    assert what in str(caught.value)


def test_a_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml: cannot be read"):
        read(tmp_path / "nowhere.yaml")


def test_an_error_in_a_part_points_at_the_nearest_value_above_it(tmp_path: Path) -> None:
    path = written(tmp_path, "steps:\n  - with: {pool: p}\n")
    _, place = read(path)
    assert str(place.error("$.steps[0].with.quantity", "is missing")) == f"{path}:2:11: is missing"
