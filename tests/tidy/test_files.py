import re
import tomllib
from pathlib import Path

import pytest

from tests.tidy.sources import ROOT, project_files, text_files

FILE_BYTES_MAX = 1 << 20
# Written in pieces, so that this file does not hold what it forbids.
REGISTRIES = tuple(
    "".join(pieces)
    for pieces in (
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("repo1.", "maven"),
        ("repo.", "maven"),
        ("registry.", "npmjs"),
        ("index", "-url"),
        ("find", "-links ="),
    )
)
MACHINE_PATHS = re.compile(
    "(?<![A-Za-z0-9_.{}$-])/(" + "|".join(("ro" + "ot", "ho" + "me", "wo" + "rk")) + ")/"
)
MAY_NAME_RESOLVER_OPTIONS = {Path("Makefile")}


def lock_entries(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {entry.split("==")[0]: entry for entry in re.split(r"\n(?=[A-Za-z])", text) if "==" in entry}


def version(entry: str) -> str:
    return entry.split("==")[1].split(maxsplit=1)[0]


def test_no_file_names_a_registry() -> None:
    found = [
        f"{path}: {sign}"
        for path in text_files()
        if path not in MAY_NAME_RESOLVER_OPTIONS
        for sign in REGISTRIES
        if sign in (ROOT / path).read_text(errors="replace")
    ]
    assert not found


def test_no_file_names_a_folder_of_one_machine() -> None:
    found = [
        f"{path}:{number}"
        for path in text_files()
        for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), 1)
        if MACHINE_PATHS.search(line)
    ]
    assert not found


def test_no_file_is_large() -> None:
    assert not [str(path) for path in project_files() if (ROOT / path).stat().st_size > FILE_BYTES_MAX]


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_every_locked_package_has_hashes(name: str) -> None:
    entries = lock_entries(name)
    assert entries
    assert not [package for package, entry in entries.items() if "--hash=sha256:" not in entry]


def test_what_runs_is_what_was_tested() -> None:
    runtime, dev = lock_entries("runtime"), lock_entries("dev")
    assert {name: version(entry) for name, entry in runtime.items()}.items() <= {
        name: version(entry) for name, entry in dev.items()
    }.items()


def test_telemetry_api_and_sdk_are_of_one_release() -> None:
    entries = lock_entries("runtime")
    assert version(entries["opentelemetry-api"]) == version(entries["opentelemetry-sdk"])


def test_the_settings_and_the_locks_are_for_the_same_python() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["requires-python"] == ">=3.11"
    assert settings["tool"]["ruff"]["target-version"] == "py311"
    assert settings["tool"]["pyright"]["pythonVersion"] == "3.11"


@pytest.mark.parametrize("name", ["capledger", ".ci/run"])
def test_scripts_can_be_run(name: str) -> None:
    assert (ROOT / name).stat().st_mode & 0o111
