"""What came of commands, as their sender may see it: receipts with sealed tokens, problems, warnings."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from infra.codec import plain
from infra.event_store import NewEvent, OutcomeUnknownError, Recorded
from infra.http.errors import place_problem, problem_of
from infra.http.site import Caller, Site
from infra.intake import Intended, UnknownTypeError
from infra.outcomes import Accepted, IdReused, NotDone, NotOneBookError, Rejected, Result
from infra.problems import Code, ProblemError, refusal
from infra.strict_json import UnreadableError
from infra.tokens import ReceiptMark
from infra.validation import FaultyMessageError
from schemas.decision import Origin
from schemas.message import tag
from schemas.visibility import sees

READ_AT_ONCE = 1000
Outcome = tuple[str, ProblemError | None, Mapping[str, Any]]
"""`accepted`, `duplicate`, `rejected`, `conflict`, `not_done`, `unknown`; its problem; other members."""


NOTHING_AT_HAND: Mapping[Origin, Recorded] = {}


async def outcome_of(
    site: Site,
    caller: Caller,
    result: Result | Exception,
    at_hand: Mapping[Origin, Recorded] = NOTHING_AT_HAND,
) -> Outcome:
    """Return what to tell of one command; `at_hand`: events that need not be read any more."""
    match result:
        case Accepted(duplicate=duplicate):
            events = await _events(caller, result, at_hand)
            chain = events[-1].chain if events and isinstance(events[-1], Recorded) else result.chain
            visible = [event for event in events if _visible(caller, event)]
            members = {
                "receipt": _receipt(site, caller, result, visible, chain),
                "warnings": await _warnings(caller, visible),
            }
            return ("duplicate" if duplicate else "accepted", None, members)
        case Rejected(refused=refused):
            return ("rejected", refusal(refused, plain(refused.details)), {})
        case IdReused():
            return ("conflict", ProblemError(Code.ID_REUSED), {})
        case NotDone():
            return ("not_done", ProblemError(Code.GROUP_REFUSED), {})
        case OutcomeUnknownError():
            return ("unknown", problem_of(result), {})
        case FaultyMessageError() | UnreadableError() | UnknownTypeError() | NotOneBookError():
            return ("rejected", problem_of(result), {})
        case ValueError():
            return ("rejected", place_problem(result), {})
        case _:
            problem = problem_of(result)
            return ("unknown" if problem.code.value == Code.INTERNAL.value else "rejected", problem, {})


def told(id_: str | None, outcome: Outcome, request_id: str | None = None) -> dict[str, Any]:
    """Return one result of a batch."""
    name, problem, members = outcome
    body = {} if problem is None else {"problem": problem.body(request_id)}
    return {"id": id_, "outcome": name, **members, **body}


def rehearsed(caller: Caller, book: str, accepted: Accepted) -> Mapping[str, Any]:
    """Return what a dry run in a book would append, as far as its sender would see it."""
    return {
        "dry_run": True,
        "events": [
            {"type": tag(type(one.event)), "effective_at": one.effective_at, "data": plain(one.event)}
            for one in accepted.emitted
            if sees(caller.actor, book, one.counterparty, one.stream)
        ],
    }


def traceparent(header: str | None, intended: Intended) -> str | None:
    """Return the trace that a command belongs to: its own, else its request's."""
    return intended.traceparent or header


async def recorded_of(caller: Caller, results: Sequence[Result | Exception]) -> Mapping[Origin, Recorded]:
    """Return the events of all results that are not at hand: what lies side by side is read at once.

    Those of a sender that repeats a whole batch lie side by side, and would otherwise take a read each.
    """
    store = caller.desk.node.store
    wanted = sorted(
        {
            (one.log, one.shard, position)
            for one in results
            if isinstance(one, Accepted) and not _is_whole(one)
            for position in _positions(one)
        }
    )
    found: dict[Origin, Recorded] = {}
    for _, run in groupby(enumerate(wanted), lambda one: (one[1][:2], one[1][2] - one[0])):
        places = [place for _, place in run]
        log, shard, first = places[0]
        for start in range(0, len(places), READ_AT_ONCE):
            count = min(READ_AT_ONCE, len(places) - start)
            for recorded in await store.shard(log, shard, first + start - 1, count):
                found[recorded.origin] = recorded
    return found


def _positions(accepted: Accepted) -> range:
    first, last = accepted.place.first, accepted.place.last
    return range(0) if first is None or last is None else range(first, last + 1)


def _is_whole(accepted: Accepted) -> bool:
    """Whether its events are at hand with their chain."""
    return bool(accepted.events) and accepted.chain is not None


async def _events(
    caller: Caller, accepted: Accepted, at_hand: Mapping[Origin, Recorded]
) -> Sequence[NewEvent | Recorded]:
    """Return the events of a command, from the store where this process does not have them or their chain."""
    if _is_whole(accepted):
        return accepted.events
    origins = [Origin(accepted.log, accepted.shard, position) for position in _positions(accepted)]
    if all(origin in at_hand for origin in origins):
        return [at_hand[origin] for origin in origins]
    store = caller.desk.node.store
    return await store.shard(accepted.log, accepted.shard, origins[0].position - 1, len(origins))


def _receipt(
    site: Site,
    caller: Caller,
    accepted: Accepted,
    visible: Sequence[NewEvent | Recorded],
    chain: bytes | None,
) -> Mapping[str, Any]:
    place = accepted.place
    mark = ReceiptMark(accepted.log, accepted.shard, place.first, place.last)
    return {
        "token": site.sealer.seal("receipt", caller.ledger, mark),
        "recorded_at": place.recorded_at,
        "chain": None if chain is None or place.last is None else chain.hex(),
        "events": [_event(caller, event) for event in visible],
    }


def _event(caller: Caller, event: NewEvent | Recorded) -> Mapping[str, Any]:
    # the version of a book's stream counts what others did in it: it is for the book's owner
    version = event.version if event.tenant == caller.actor else None
    return {"event_id": str(event.event_id), "type": event.type, "stream": event.stream, "version": version}


def _visible(caller: Caller, event: NewEvent | Recorded) -> bool:
    return sees(caller.actor, event.tenant, event.counterparty, event.stream)


async def _warnings(caller: Caller, visible: Sequence[NewEvent | Recorded]) -> Sequence[Mapping[str, str]]:
    named = {event.tenant for event in visible}
    named |= {event.counterparty for event in visible if event.counterparty is not None}
    named.discard(caller.actor)
    if not named:
        return ()
    keyed = await caller.desk.access.tenants()
    return [
        {
            "code": "party_without_key",
            "party": party,
            "detail": f"no key acts for {party}: is the name right? Nobody can see this for it yet.",
        }
        for party in sorted(named - keyed)
    ]
