"""From what was decided to what is appended: ids, canonical bytes, hashes; made for a whole batch at once."""

from collections.abc import Iterator, Sequence
from uuid import UUID

import msgspec

from infra.chain import leaf
from infra.codec import digest, encode
from infra.event_store import Meta, NewCommand, NewEvent
from infra.ids import event_ids
from infra.outcomes import Deciding
from schemas.decision import Emitted, Origin
from schemas.message import tag


class Draft(msgspec.Struct, frozen=True):
    """A decided command, and its events with their versions: none if it was refused, or changed nothing."""

    command: Deciding
    events: Sequence[tuple[Emitted, int]]
    refused: bool


def new_commands(drafts: Sequence[Draft]) -> tuple[NewCommand, ...]:
    """Return the drafts of a batch, in the order in which they were decided, as an append takes them."""
    count = sum([len(draft.events) for draft in drafts])
    ids = iter(event_ids(count, drafts[-1].command.order.at)) if count else iter(())
    return tuple([_command(draft, ids) for draft in drafts])


def _command(draft: Draft, ids: Iterator[UUID]) -> NewCommand:
    order, cause = draft.command.order, draft.command.asked.cause
    return NewCommand(
        tenant=order.book,
        actor=order.actor,
        id=order.id,
        digest=digest(order.command),
        events=tuple(_events(draft, ids)),
        refused=draft.refused,
        cause_recorded_at=None if cause is None else cause.recorded_at,
    )


def _events(draft: Draft, ids: Iterator[UUID]) -> list[NewEvent]:
    found: list[NewEvent] = []
    needs: tuple[Origin, ...] | None = None
    meta = b""
    for one, version in draft.events:
        if one.needs != needs:  # the events of a command mostly share their meta
            needs, meta = one.needs, _meta(draft.command, one.needs)
        found.append(_event(draft.command, one, version, next(ids), meta))
    return found


def _event(command: Deciding, one: Emitted, version: int, event_id: UUID, meta: bytes) -> NewEvent:
    tenant, type_ = command.order.book, tag(type(one.event))
    payload = encode(one.event)
    effective_at = one.effective_at or command.order.effective_at
    hashed = leaf(
        tenant=tenant,
        counterparty=one.counterparty,
        stream=one.stream,
        version=version,
        event_id=event_id,
        type_=type_,
        effective_at=effective_at,
        payload=payload,
        meta=meta,
    )
    return NewEvent(
        tenant=tenant,
        counterparty=one.counterparty,
        stream=one.stream,
        version=version,
        event_id=event_id,
        type=type_,
        effective_at=effective_at,
        payload=payload,
        meta=meta,
        leaf=hashed,
    )


def _meta(command: Deciding, needs: tuple[Origin, ...]) -> bytes:
    asked, order, cause = command.asked, command.order, command.asked.cause
    return encode(
        Meta(
            actor=order.actor,
            command=order.id,
            causation=None if cause is None else cause.origin,
            correlation=order.id if cause is None else cause.meta.correlation,
            credential=asked.credential,
            source=asked.source,
            traceparent=asked.traceparent if cause is None else cause.meta.traceparent,
            needs=needs,
        )
    )
