"""An event as a record on its topic, and back: value = the payload's bytes, everything else in headers.

Nothing is lost on the way: the chain can be verified from the topic alone, and the missing tail of a log
that was restored from an older backup can be brought back from it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

import msgspec

from infra.chain import link
from infra.event_store import Recorded

Headers: TypeAlias = list[tuple[str, bytes]]

RECORD_OVERHEAD_BYTES = 128
_CONTENT_TYPE = ("content-type", b"application/json")
_SPECVERSION = ("ce_specversion", b"1.0")


class ForeignRecordError(Exception):
    """A record on one of our topics that we did not write: a header is missing or cannot be read."""


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first part of the header `ledger-meta`; the event's meta follows in the same JSON object."""

    tenant: str
    counterparty: str | None = None
    recorded_at: datetime


class _Traced(msgspec.Struct, frozen=True):
    traceparent: str | None = None


_encoder = msgspec.json.Encoder()
_envelope_decoder = msgspec.json.Decoder(_Envelope)
_traced_decoder = msgspec.json.Decoder(_Traced)


def headers(recorded: Recorded) -> Headers:
    """Return the headers of an event's record."""
    found: Headers = [
        _CONTENT_TYPE,
        _SPECVERSION,
        ("ce_id", str(recorded.event_id).encode()),
        ("ce_source", f"/capledger/{recorded.log}".encode()),
        ("ce_type", recorded.type.encode()),
        ("ce_subject", recorded.stream.encode()),
        ("ce_time", _text(recorded.effective_at)),
        ("ledger-position", b"%d" % recorded.position),
        ("ledger-version", b"%d" % recorded.version),
        ("ledger-chain", recorded.chain.hex().encode()),
        ("ledger-meta", _meta_prefix(recorded) + recorded.meta_bytes[1:]),
    ]
    if b'"traceparent"' in recorded.meta_bytes:
        traced = _traced_decoder.decode(recorded.meta_bytes)
        if traced.traceparent is not None:
            found.append(("traceparent", traced.traceparent.encode()))
    return found


def record_bytes(recorded: Recorded, its_headers: Headers) -> int:
    """Return an upper bound of a record's size on the wire, uncompressed."""
    named = sum(len(name) + len(value) + 10 for name, value in its_headers)
    return RECORD_OVERHEAD_BYTES + len(recorded.tenant) + len(recorded.payload) + named


def recorded_from(log: str, shard: int, value: bytes | None, pairs: Sequence[tuple[str, bytes]]) -> Recorded:
    """Return the event that a record holds.

    Raises:
        ForeignRecordError: the record is not one of ours.
    """
    found = dict(pairs)
    try:
        meta = found["ledger-meta"]
        envelope = _envelope_decoder.decode(meta)
        prefix = _encoder.encode(envelope)[:-1] + b","
        if value is None or not meta.startswith(prefix):
            raise ForeignRecordError(f"{log} shard {shard}: a record without a value or with a changed meta")
        return Recorded(
            log=log,
            shard=shard,
            position=int(found["ledger-position"]),
            tenant=envelope.tenant,
            counterparty=envelope.counterparty,
            stream=found["ce_subject"].decode(),
            version=int(found["ledger-version"]),
            event_id=UUID(found["ce_id"].decode()),
            type=found["ce_type"].decode(),
            effective_at=datetime.fromisoformat(found["ce_time"].decode()).astimezone(UTC),
            recorded_at=envelope.recorded_at.astimezone(UTC),
            payload=value,
            meta_bytes=b"{" + meta[len(prefix) :],
            chain=bytes.fromhex(found["ledger-chain"].decode()),
        )
    except (KeyError, ValueError, msgspec.DecodeError) as error:
        raise ForeignRecordError(f"{log} shard {shard}: {type(error).__name__}: {error}") from error


def follows(previous_chain: bytes, recorded: Recorded) -> bool:
    """Say whether an event's chain goes on from the chain before it: nothing of it was changed on the way."""
    return link(previous_chain, recorded.position, recorded.recorded_at, recorded.leaf()) == recorded.chain


def _meta_prefix(recorded: Recorded) -> bytes:
    envelope = _Envelope(
        tenant=recorded.tenant, counterparty=recorded.counterparty, recorded_at=recorded.recorded_at
    )
    return _encoder.encode(envelope)[:-1] + b","


def _text(instant: datetime) -> bytes:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()
