from pathlib import Path

import pytest

from infra.codec import decode_event, encode
from schemas.catalog import events_by_tag
from schemas.message import tag
from tests.unit.schemas.make_golden import GOLDEN

FILES = sorted(GOLDEN.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_bytes_written_once_decode_for_ever(path: Path) -> None:
    name = path.stem.rpartition(".")[0]
    event = decode_event(name, path.read_bytes())
    assert tag(type(event)) in events_by_tag()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_event_of_the_newest_version_is_written_as_it_was(path: Path) -> None:
    name = path.stem.rpartition(".")[0]
    if name in events_by_tag():
        assert encode(decode_event(name, path.read_bytes())) + b"\n" == path.read_bytes()


@pytest.mark.parametrize("name", sorted(events_by_tag()))
def test_every_event_type_has_golden_bytes_with_all_fields_and_with_the_least(name: str) -> None:
    assert {path.name for path in FILES} >= {f"{name}.full.json", f"{name}.least.json"}
