"""A record holds the whole event, and nothing but an event of ours is read from one."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.event_store import GENESIS, Recorded
from infra.records import ForeignRecordError, follows, headers, record_bytes, recorded_from
from tests.unit.live.appended import PLACE, Log


async def one() -> Recorded:
    (event,) = await Log().append(1)
    return event


async def test_an_event_comes_back_byte_for_byte_and_its_chain_holds() -> None:
    event = await one()
    back = recorded_from(*PLACE, event.payload, headers(event))
    assert back == event
    assert follows(GENESIS, back)


async def test_whatever_names_and_traces_an_event_has_they_come_back() -> None:
    event = await one()
    meta = msgspec.json.encode({"actor": 'a"}{', "command": "ü,", "traceparent": "00-ab-cd-01"})
    changed = msgspec.structs.replace(
        event, tenant='x","recorded_at":1', counterparty="é", meta_bytes=meta, payload=b"\xff"
    )
    pairs = headers(changed)
    assert ("traceparent", b"00-ab-cd-01") in pairs
    assert recorded_from(*PLACE, changed.payload, pairs) == changed
    assert record_bytes(changed, pairs) > len(changed.payload)


@pytest.mark.parametrize("name", ["ce_id", "ce_time", "ledger-position", "ledger-chain", "ledger-meta"])
async def test_a_record_without_one_of_our_headers_is_foreign(name: str) -> None:
    event = await one()
    with pytest.raises(ForeignRecordError):
        recorded_from(*PLACE, event.payload, [pair for pair in headers(event) if pair[0] != name])


@given(
    name=st.sampled_from(["ce_id", "ce_time", "ledger-position", "ledger-chain"]),
    value=st.binary(max_size=20),
)
async def test_whatever_a_header_holds_nothing_but_our_own_error_is_raised(name: str, value: bytes) -> None:
    event = await one()
    pairs = [(key, value if key == name else kept) for key, kept in headers(event)]
    try:
        recorded_from(*PLACE, event.payload, pairs)
    except ForeignRecordError:
        return


async def test_no_part_of_an_event_can_be_changed_without_the_chain_telling() -> None:
    event = await one()
    for change in (
        {"payload": b"{}"},
        {"tenant": "bo"},
        {"version": 9},
        {"position": 2},
        {"stream": "pool-q"},
    ):
        assert not follows(GENESIS, msgspec.structs.replace(event, **change))
