"""Events as they are told to a party: a CloudEvent with what it may know, and never a position."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from infra.event_store import Recorded
from infra.http.site import Caller

SPECVERSION = "1.0"


def shown(caller: Caller, recorded: Recorded) -> dict[str, Any]:
    """Return one event for a reader: its two parties see it whole, another no name but the book's."""
    operations = caller.sees_positions()
    party = caller.actor in (recorded.tenant, recorded.counterparty)
    told: dict[str, Any] = {
        "specversion": SPECVERSION,
        "id": str(recorded.event_id),
        "source": f"/capledger/{caller.ledger}/{recorded.log}",
        "type": recorded.type,
        "subject": recorded.stream,
        "time": recorded.effective_at,
        "recordedtime": recorded.recorded_at,
        "datacontenttype": "application/json",
        "tenant": recorded.tenant,
        "data": msgspec.json.decode(recorded.payload),
    }
    if party or operations:
        told |= {"counterparty": recorded.counterparty, "actor": recorded.meta.actor}
        if recorded.meta.source is not None:
            told["reportedby"] = recorded.meta.source
    if caller.actor == recorded.tenant or operations:
        told["streamversion"] = recorded.version
    if operations:
        told |= _for_operations(recorded)
    return told


def followed(recorded: Recorded) -> dict[str, Any]:
    """Return one event of a raw log, byte for byte: what a reader of the topic gets, to fill a hole with."""
    return {
        "log": recorded.log,
        "shard": recorded.shard,
        "position": recorded.position,
        "tenant": recorded.tenant,
        "counterparty": recorded.counterparty,
        "stream": recorded.stream,
        "version": recorded.version,
        "event_id": str(recorded.event_id),
        "type": recorded.type,
        "effective_at": recorded.effective_at,
        "recorded_at": recorded.recorded_at,
        "payload": base64.b64encode(recorded.payload).decode(),
        "meta": base64.b64encode(recorded.meta_bytes).decode(),
        "chain": recorded.chain.hex(),
    }


def _for_operations(recorded: Recorded) -> Mapping[str, Any]:
    meta = recorded.meta
    caused = meta.causation
    return {
        "position": f"{recorded.log}:{recorded.shard}:{recorded.position}",
        "chain": recorded.chain.hex(),
        "command": meta.command,
        "causation": None if caused is None else f"{caused.log}:{caused.shard}:{caused.position}",
        "correlation": meta.correlation,
        "credential": meta.credential,
    }
