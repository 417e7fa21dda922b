import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "requirements" / "install.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INSTALL = load()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / ".venv").mkdir()
    for lock in ("runtime", "dev"):
        (tmp_path / "requirements" / f"{lock}.txt").write_text(f"# {lock}\n")
    return tmp_path


def stamp(clone: Path, lock: str) -> None:
    (clone / ".venv" / "installed").write_text(INSTALL.digest(clone, lock) + "\n")


def test_a_clone_without_an_environment_needs_one(clone: Path) -> None:
    assert not INSTALL.is_current(clone, "runtime")


def test_a_development_environment_satisfies_the_runtime_lock_too(clone: Path) -> None:
    stamp(clone, "dev")
    assert INSTALL.is_current(clone, "runtime")
    assert INSTALL.is_current(clone, "dev")


def test_a_runtime_environment_does_not_satisfy_the_development_lock(clone: Path) -> None:
    stamp(clone, "runtime")
    assert INSTALL.is_current(clone, "runtime")
    assert not INSTALL.is_current(clone, "dev")


def test_a_changed_lock_needs_the_environment_anew_and_of_the_same_kind(clone: Path) -> None:
    stamp(clone, "dev")
    (clone / "requirements" / "dev.txt").write_text("# other\n")
    assert not INSTALL.is_current(clone, "runtime")
    assert INSTALL.target(clone, "runtime") == "dev"


def test_packages_are_counted_without_hashes_and_comments(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(
        "a==1 \\\n    --hash=sha256:0\n    # via b==2\nb==2 ; python_version < '3.12' \\\n# c==3\n"
    )
    assert INSTALL.count_packages(lock) == 2


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "not the one that was locked"),
        ("NewConnectionError: Failed to establish a new connection", "a download failed"),
        ("ERROR: No matching distribution found for a==1", "could not be had"),
        ("something else", "pip failed"),
    ],
)
def test_a_failure_of_pip_is_told_in_plain_words(said: str, expected: str) -> None:
    explained = INSTALL.explain(["before", said])
    assert expected in explained.splitlines()[0]
    assert said in explained


def test_the_script_needs_nothing_but_the_standard_library() -> None:
    said = subprocess.run(
        [sys.executable, "-I", "-S", SCRIPT], check=False, timeout=30, capture_output=True, text=True
    )
    assert said.returncode == 2
    assert "install.py run ARGS" in said.stderr
