"""A service process that cannot start: it says why, and by its exit code whether trying again may help."""

import json
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.services import stored_secret
from infra.process import LATER_EXIT_CODE, REFUSED_EXIT_CODE

ROOT = Path(__file__).parents[3]


def started(folder: Path, **settings: object) -> "subprocess.CompletedProcess[str]":
    """Start a service on a database that is not there, and wait until it has given up."""
    for name, size in (("pepper", 32), ("sealing", 64)):
        stored_secret(folder / name, lambda size=size: secrets.token_hex(size))  # type: ignore[misc]
    config = {
        "postgres": {"dsn": "postgresql://127.0.0.1:1/"},
        "kafka": {"bootstrap": "127.0.0.1:1"},
        "http": {"port": 0},
        "ledgers": ["main"],
        "pepper_file": str(folder / "pepper"),
        "sealing_file": str(folder / "sealing"),
        **settings,
    }
    file = folder / "contracts.json"
    file.write_text(json.dumps(config))
    return subprocess.run(
        [sys.executable, "-m", "services.contracts", "--config", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_a_process_waits_for_its_store_and_then_says_in_one_line_that_it_gave_up(tmp_path: Path) -> None:
    ended = started(tmp_path, wait_seconds=0.2)
    assert ended.returncode == LATER_EXIT_CODE, ended.stderr
    last = json.loads((ended.stdout + ended.stderr).splitlines()[-1])
    assert last["event"] == "gave_up_waiting_for_the_store"
    assert last["reason"].startswith("ledger main: ")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"sealing_file": None}, "sealing_file"), ({"shard": 4}, "shard"), ({"log_level": "loud"}, "log_level")],
)
def test_a_configuration_that_cannot_be_used_is_refused_in_words(
    tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    ended = started(tmp_path, **settings)
    assert ended.returncode == REFUSED_EXIT_CODE, ended.stderr
    assert said in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
