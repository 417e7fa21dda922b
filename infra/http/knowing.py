"""What an answer may rest on: everything taken in by now, a past instant, an earlier basis, one's own write.

A service's answers rest on its read models too. So "now" is the newest cut that its projections have taken
in whole, and what is asked about is waited for until they have; otherwise the same basis could give other
bytes later.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from infra.consumers import Consumer
from infra.event_store import Cut, InstantInFutureError
from infra.http.site import Caller, Site
from infra.instants import instant_in
from infra.node import Node
from infra.problems import Code, Fault, FaultCode, ProblemError
from infra.strict_json import pointer
from infra.tokens import Basis, Opened, ReceiptMark, TokenError
from infra.validation import FaultyMessageError

POLL_SECONDS = 0.02
SETTLE_SECONDS = 2.0
OR_BASIS = "; the basis of an earlier reply"
WHEN = ("valid_at", "known_at", "after")

Places = Mapping[tuple[str, int], int]


class When(msgspec.Struct, frozen=True, kw_only=True):
    """As of what a question is asked, as its sender says it."""

    valid_at: datetime | None = None
    known_at: datetime | None = None
    basis: Opened | None = None
    after: Places | None = None
    wait_seconds: float = 0.0


def when(site: Site, caller: Caller, given: Mapping[str, Any], wait_seconds: float) -> When:
    """Return what `valid_at`, `known_at` and `after` say.

    Raises:
        FaultyMessageError: one is no instant.
        ProblemError: a token does not hold.
    """
    faults: list[Fault] = []
    valid_at = instant_in(given, "valid_at", faults, days=True)
    known = given.get("known_at")
    basis, known_at = None, None
    if isinstance(known, str) and site.sealer.kind(known) is not None:
        basis = opened(site, caller, "known_at", known)
    else:
        known_at = instant_in(given, "known_at", faults, whole=False, days=True, otherwise=OR_BASIS)
    after = given.get("after")
    if after is not None and not isinstance(after, str):
        faults.append(Fault("/after", FaultCode.TYPE, "not of the type asked for", "a receipt or basis"))
    if faults:
        raise FaultyMessageError(faults)
    return When(
        valid_at=valid_at,
        known_at=known_at,
        basis=basis,
        after=None if after is None else _places(site, caller, after),
        wait_seconds=min(wait_seconds, site.limits.wait_seconds_max),
    )


def opened(site: Site, caller: Caller, field: str, token: str) -> Opened:
    """Return what a basis token holds.

    Raises:
        ProblemError: it does not hold.
    """
    try:
        return site.sealer.open("basis", caller.ledger, token)
    except TokenError as error:
        raise token_problem(field, str(error)) from None


def token_problem(field: str, detail: str) -> ProblemError:
    """Return the problem of a token that does not hold."""
    fault = Fault(pointer([field]), FaultCode.FORMAT, detail, "a token exactly as it was received")
    return ProblemError(Code.TOKEN_INVALID, errors=[fault])


async def cut_for(node: Node, asked: When) -> Cut:
    """Return what is known for a question, after waiting for what it names.

    Raises:
        ProblemError: it is in the future, or is not visible here in time.
    """
    if asked.after is not None:
        await visible(node, asked.after, asked.wait_seconds)
    if asked.basis is not None:
        cut: Cut = asked.basis.mark.cut
    elif asked.known_at is not None:
        try:
            cut = await node.store.resolve(asked.known_at)
        except InstantInFutureError as error:
            raise ProblemError(Code.KNOWN_AT_IN_FUTURE) from error
    else:
        return await _now(node)
    await _taken_in(node, cut.positions, max(asked.wait_seconds, SETTLE_SECONDS))
    return cut


async def visible(node: Node, places: Places, wait_seconds: float) -> None:
    """Wait until a write shows in this service, also one made in another.

    Its consumers are past the write, then its projections past what its reactions have appended by then.

    Raises:
        ProblemError: not in time.
    """
    until = time.monotonic() + wait_seconds
    await _wait_for(lambda: _past(node, node.consumers, places), until)
    own = await _heads(node, node.service.logs)
    projections = _projections(node)
    await _wait_for(lambda: _past(node, projections, own), until)
    wanted = {**own, **{place: max(own.get(place, 0), position) for place, position in places.items()}}
    await _wait_for(lambda: _known_by_now(node, wanted), until)


async def _known_by_now(node: Node, places: Places) -> bool:
    cut = await _now(node)
    return all(cut.position(*place) >= position for place, position in places.items())


async def _now(node: Node) -> Cut:
    """Return the newest cut that every projection has taken in; these cuts lie one within the other."""
    projections = _projections(node)
    if not projections:
        return await node.past.heads()
    cuts = [await node.past.closed(projection.name) for projection in projections]
    places = {place for cut in cuts for place in cut.positions}
    return Cut({place: min(cut.position(*place) for cut in cuts) for place in places})


async def _taken_in(node: Node, places: Places, wait_seconds: float) -> None:
    projections = _projections(node)
    if projections:
        await _wait_for(lambda: _past(node, projections, places), time.monotonic() + wait_seconds)


async def _past(node: Node, consumers: Iterable[Consumer], places: Places) -> bool:
    for consumer in consumers:
        for (log, shard), position in places.items():
            if log not in consumer.follows or position == 0:
                continue
            reached = await node.reads.checkpoint(consumer.name, log, shard)
            if reached.position < position:
                return False
    return True


async def _wait_for(holds: Callable[[], Any], until: float) -> None:
    while not await holds():
        if time.monotonic() >= until:
            raise ProblemError(Code.NOT_YET_VISIBLE, headers={"Retry-After": "1"})
        await asyncio.sleep(POLL_SECONDS)


async def _heads(node: Node, logs: Iterable[str]) -> Places:
    return {
        (log, shard): head.position for log in logs for shard, head in (await node.store.heads(log)).items()
    }


def _projections(node: Node) -> list[Consumer]:
    names = {projection.name for projection in node.service.projections}
    return [consumer for consumer in node.consumers if consumer.name in names]


def _places(site: Site, caller: Caller, token: str) -> Places:
    try:
        if site.sealer.kind(token) == "receipt":
            mark: ReceiptMark = site.sealer.open("receipt", caller.ledger, token).mark
            return {} if mark.last is None else {(mark.log, mark.shard): mark.last}
        basis: Basis = site.sealer.open("basis", caller.ledger, token).mark
    except TokenError as error:
        raise token_problem("after", str(error)) from None
    return basis.cut.positions
