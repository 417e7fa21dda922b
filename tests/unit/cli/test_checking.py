"""What `check` prints: places and texts as they are, nothing in them is taken for markup."""

from pathlib import Path

import pytest

from cli.scenarios import check

HEAD = "scenario: one\nclock: 2026-06-01T00:00:00Z\nsteps:\n"
UNKNOWN = "  - {ask: contracts.terms, as: nimbus, with: {contract: none}, refused: '[bold]not[/this]'}\n"
MISSPELT = "  - {do: contracts.GiveConsent, as: nimbus, with: {contract: A, kind: novation, to: acme}}\n"


def test_a_place_in_a_file_is_told_with_its_line_and_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "story.yaml"
    file.write_text(HEAD + "\n" * 96 + MISSPELT)

    assert check(file) == 2

    told = capsys.readouterr().out
    assert f"{file}:100:" in told
    assert "[a-z0-9]" in told


def test_what_was_expected_is_told_as_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "story.yaml"
    file.write_text(HEAD + UNKNOWN)

    assert check(file) == 1

    assert '"[bold]not[/this]"' in capsys.readouterr().out
