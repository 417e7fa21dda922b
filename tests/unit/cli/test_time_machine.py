"""The times of a question, and its fields, as they are written on the command line."""

import pytest

from cli.history import Time, find, question_of, times_of
from cli.operations import UnknownNameError
from infra.config import ConfigError

MAY, JUNE = "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"


def times(
    valid_at: str | None, known_at: str | None, *, diff: bool = False
) -> list[tuple[str | None, str | None]]:
    return [(one.valid_at, one.known_at) for one in times_of(valid_at, known_at, diff=diff)]


@pytest.mark.parametrize(
    ("valid_at", "known_at", "found"),
    [
        (None, None, [(None, None)]),
        ("2026-05-01", None, [(MAY, None)]),
        (None, "2026-05-01..2026-06-01", [(None, MAY), (None, JUNE)]),
        (None, "2026-05-01..now", [(None, MAY), (None, None)]),
        (None, "2026-05-01..", [(None, MAY), (None, None)]),
        ("2026-06-01", "2026-05-01..now", [(JUNE, MAY), (JUNE, None)]),
        ("2026-05-01..2026-06-01", None, [(MAY, None), (JUNE, None)]),
        ("2026-05-01..2026-06-01", "2026-05-01..2026-06-01", [(MAY, MAY), (JUNE, JUNE)]),
        (None, "bas_4d33c3_Osj", [(None, "bas_4d33c3_Osj")]),
    ],
)
def test_one_time_or_two(
    valid_at: str | None, known_at: str | None, found: list[tuple[str | None, str | None]]
) -> None:
    assert times(valid_at, known_at) == found


def test_a_difference_to_one_time_is_that_to_now() -> None:
    assert times(None, "2026-05-01", diff=True) == [(None, MAY), (None, None)]
    assert times("2026-05-01..2026-06-01", "2026-05-01", diff=True) == [(MAY, MAY), (JUNE, MAY)]
    with pytest.raises(ConfigError, match="two times"):
        times("2026-05-01", None, diff=True)


def test_a_time_says_what_it_is() -> None:
    assert Time(valid_at=None, known_at=None).words == "known now"
    assert Time(valid_at=MAY, known_at=JUNE).words == f"valid {MAY}, known {JUNE}"


def test_fields_are_read_as_the_question_declares_them() -> None:
    ask = find("contracts.exposure")
    assert question_of(ask, ["contract=google", "seen_by=supplier"]) == {
        "contract": "google",
        "seen_by": "supplier",
    }
    for wrong in ("contract", "no_such_field=1"):
        with pytest.raises(ConfigError):
            question_of(ask, [wrong])
    with pytest.raises(UnknownNameError, match=r"contracts\.exposure"):
        find("contracts.nonsense")
