"""The chain covers everything about an event."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from infra.chain import leaf, link
from infra.event_store import GENESIS
from infra.ids import event_ids

AT = datetime(2026, 10, 1, tzinfo=UTC)
FIELDS = {
    "tenant": "spacex",
    "counterparty": "google",
    "stream": "contract-google-colossus",
    "version": 3,
    "event_id": UUID(int=7),
    "type_": "contracts.ContractSigned.v1",
    "effective_at": AT,
    "payload": b"{}",
    "meta": b"{}",
}


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("tenant", "spacey"),
        ("counterparty", None),
        ("stream", "contract-google-colossu"),
        ("version", 4),
        ("event_id", UUID(int=8)),
        ("type_", "contracts.ContractSigned.v2"),
        ("effective_at", AT + timedelta(microseconds=1)),
        ("payload", b"{ }"),
        ("meta", b"{ }"),
    ],
)
def test_any_change_of_an_event_changes_its_leaf(field: str, other: object) -> None:
    assert leaf(**FIELDS) != leaf(**(FIELDS | {field: other}))  # type: ignore[arg-type]


def test_parts_cannot_flow_into_each_other() -> None:
    moved = FIELDS | {"tenant": "spacexg", "counterparty": "oogle"}
    assert leaf(**FIELDS) != leaf(**moved)  # type: ignore[arg-type]


def test_a_leaf_is_the_hash_of_its_parts_each_with_its_length_before_it() -> None:
    parts = (
        b"spacex",
        b"google",
        b"contract-google-colossus",
        (3).to_bytes(8, "big"),
        (7).to_bytes(16, "big"),
        b"contracts.ContractSigned.v1",
        (1_790_812_800_000_000).to_bytes(8, "big"),
        sha256(b"{}").digest(),
        sha256(b"{}").digest(),
    )
    whole = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert leaf(**FIELDS) == sha256(whole).digest()  # type: ignore[arg-type]


def test_a_link_is_the_hash_of_the_one_before_the_position_the_time_and_the_leaf() -> None:
    one = leaf(**FIELDS)  # type: ignore[arg-type]
    expected = sha256(GENESIS + (1).to_bytes(8, "big") + (1_790_812_800_000_000).to_bytes(8, "big") + one)
    assert link(GENESIS, 1, AT, one) == expected.digest()


def test_ids_sort_by_time_and_are_never_equal() -> None:
    early, late = event_ids(1000, AT), event_ids(1000, AT + timedelta(milliseconds=1))
    assert len({*early, *late}) == 2000
    assert max(early) < min(late)
    assert {found.version for found in early} == {7}
