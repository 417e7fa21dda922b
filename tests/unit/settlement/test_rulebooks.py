"""A rulebook names the release of the time zones that it rests on, and with others nothing is computed."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from infra.node import UnfitError
from infra.system import System
from schemas.kernel.calendar import tzdata_version
from schemas.kernel.currencies import DIGITS
from services.settlement.domain.rating import NEWEST, RULEBOOKS, lacking
from services.settlement.service import SERVICE

ROOT = Path(__file__).parents[3]
LOCK = ROOT / "requirements" / "runtime.txt"
TOLD = ROOT / "docs" / "reference" / "rulebooks.md"
REFUSED_EXIT_CODE = 78
EXPONENTS = "a9dd36b670082c804d1764e1bc721736bfeae04d41c1dceb2338d0c8ec69a39d"
"""Of every currency's digits; other digits are another rulebook."""


def release_in_lock() -> str:
    """The release of the zones that the lock pins, as IANA names it: 2026.6 is 2026f."""
    found = re.search(r"^tzdata==(\d{4})\.(\d+) ", LOCK.read_text(), re.MULTILINE)
    assert found is not None
    return f"{found[1]}{chr(ord('a') + int(found[2]) - 1)}"


def test_every_rulebook_rests_on_the_time_zones_that_the_lock_pins() -> None:
    assert {book.tzdata for book in RULEBOOKS.values()} == {release_in_lock()} == {tzdata_version()}


def test_another_release_of_the_time_zones_is_named_with_the_rulebooks_that_need_their_own() -> None:
    assert lacking(RULEBOOKS, RULEBOOKS[NEWEST].tzdata) is None
    assert lacking(RULEBOOKS, "2027a") == (
        f"the time zones installed are tzdata 2027a, but rulebook 1 rests on {RULEBOOKS[1].tzdata}"
    )


def test_a_service_that_lacks_something_takes_no_ledger() -> None:
    unfit = msgspec.structs.replace(SERVICE, lacks=lambda: lacking(RULEBOOKS, "2027a"))

    with pytest.raises(UnfitError, match="settlement: the time zones installed are tzdata 2027a"):
        System([unfit], datetime(2026, 1, 1, tzinfo=UTC))


def test_a_process_with_other_time_zones_refuses_to_start(tmp_path: Path) -> None:
    package = tmp_path / "other" / "tzdata"
    with resources.as_file(resources.files("tzdata")) as installed:
        shutil.copytree(installed, package)
    zones = package / "zoneinfo" / "tzdata.zi"
    zones.write_text(zones.read_text().replace(f"# version {tzdata_version()}", "# version 2027a", 1))
    config = tmp_path / "settlement.yaml"
    config.write_text(
        '{"postgres": {"dsn": "postgresql://127.0.0.1:1/"}, "kafka": {"bootstrap": "127.0.0.1:1"}}'
    )

    ended = subprocess.run(
        [sys.executable, "-m", "services.settlement", "--config", str(config)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    told = ended.stdout + ended.stderr
    assert ended.returncode == REFUSED_EXIT_CODE, told
    assert "the time zones installed are tzdata 2027a" in told


def test_the_exponents_of_currencies_are_those_that_the_rulebooks_were_released_with() -> None:
    exponents = json.dumps(dict(sorted(DIGITS.items()))).encode()

    assert sha256(exponents).hexdigest() == EXPONENTS


def test_the_reference_tells_of_every_rulebook_and_its_time_zones() -> None:
    rows = re.findall(r"^\| (\d+) \| (\S+) \|", TOLD.read_text(), re.MULTILINE)

    assert [(int(number), release) for number, release in rows] == [
        (number, book.tzdata) for number, book in RULEBOOKS.items()
    ]
