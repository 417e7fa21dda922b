"""A whole stack, brought up by the command line as a user would, for the tests that need one."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UP_SECONDS_MAX = 180
DOWN_SECONDS_MAX = 60


def capledger(*arguments: str, seconds_max: int = UP_SECONDS_MAX) -> subprocess.CompletedProcess[str]:
    """Run the command line; return what it printed and its exit code."""
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=seconds_max)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a running stack; stopped and removed at the end."""
    folder = tmp_path_factory.mktemp("stack")
    came = capledger("up", "--detach", "--dir", str(folder))
    assert came.returncode == 0, came.stdout + came.stderr
    try:
        yield folder
    finally:
        gone = capledger("down", "--wipe", "--yes", "--dir", str(folder), seconds_max=DOWN_SECONDS_MAX)
        assert gone.returncode == 0, gone.stdout + gone.stderr
