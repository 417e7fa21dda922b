"""The guides, run: from a clone to the last command, on a stack of their own."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.guides import GUIDES, agrees, run, shown
from tests.tidy.sources import ROOT, project_files

SECONDS_MAX = 240.0

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone holds, with the environment that is prepared already."""
    for path in project_files():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def test_every_command_of_the_guides_does_what_they_say(clone: Path) -> None:
    wrong: list[str] = []
    try:
        for guide in GUIDES:
            ran = run(list(shown(guide)), clone, SECONDS_MAX)
            wrong += [
                f"{command}\n--- the guide says\n{chr(10).join(command.output)}\n--- came\n{came}"
                for command, came in ran
                if not agrees(command.output, came)
            ]
    finally:
        run_down(clone)
    assert not wrong, "\n\n".join(wrong)


def run_down(clone: Path) -> None:
    """End the stack, whatever became of the guides."""
    down = [str(clone / "capledger"), "down", "--wipe", "--yes"]
    subprocess.run(down, capture_output=True, timeout=SECONDS_MAX, check=False)
