"""What capacity does about contracts: an event that matters becomes one command for each operator's book.

A command says what the contract, as it was after that very event, wants of the operator's pools. So the
outcome does not depend on how late it is sent.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from infra.event_store import Recorded
from infra.past import Past
from infra.service import Reaction
from schemas.capacity import LineRecall, MovedLine, TakeTerms, WantedLine
from schemas.contracts import (
    ContractAmended,
    ContractNovated,
    ContractSigned,
    ContractTerminated,
    Head,
    Line,
    LineRequested,
    NoticeGiven,
    NoticeWithdrawn,
    OptionExercised,
    RemedyElected,
)
from schemas.decision import Sent
from schemas.kernel import agreement as agreements
from schemas.kernel.agreement import Agreement, State
from schemas.kernel.names import local, owner, qualify
from schemas.kernel.schedule import sum_of
from schemas.message import Event
from services.capacity.heads import Found, head_of

HANDLED = (
    ContractSigned,
    ContractAmended,
    OptionExercised,
    RemedyElected,
    ContractNovated,
    ContractTerminated,
    NoticeGiven,
    NoticeWithdrawn,
    LineRequested,
)
"""The events of a contract that are answered with TermsTaken."""

Place: TypeAlias = tuple[str, str | None, Head | None]
"""A line and where it comes from: a pool by its qualified name, or a head contract's line."""


async def follow_contract(recorded: Recorded, past: Past) -> Sequence[Sent]:
    """Tell each operator's book what a contract wants of it after one event."""
    event = recorded.event
    if not isinstance(event, HANDLED):
        return []
    history = await past.stream("contracts", recorded.tenant, recorded.stream)
    states = _states(each.event for each in history if each.version <= recorded.version)
    after = states[-1]
    assert isinstance(after, Agreement), "these events are of signed contracts"
    asked = _asked(event, states)
    moved = await _moved(event, recorded, past)
    lines: dict[str, list[WantedLine]] = {}
    for place in _places(states):
        found = await _found(place, after, recorded, past)
        wanted = _wanted(place, found, after, asked=place in asked, event=event)
        lines.setdefault(found.operator or after.supplier, []).append(wanted)
    return [
        Sent(command=_command(book, lines.get(book, ()), moved, after, event, recorded), key=book)
        for book in lines or {after.supplier: []}
    ]


def _command(
    book: str,
    lines: Sequence[WantedLine],
    moved: Sequence[MovedLine],
    after: Agreement,
    event: Event,
    recorded: Recorded,
) -> TakeTerms:
    here = {line.line for line in lines}
    return TakeTerms(
        contract=after.contract,
        book=book,
        terms_version=recorded.version,
        at=_at(event, recorded),
        lines=tuple(lines),
        moved=tuple(line for line in moved if line.line in here),
    )


def _at(event: Event, recorded: Recorded) -> datetime:
    """Return when an event is true in the world, where its rule depends on it."""
    match event:
        case LineRequested() | ContractNovated():
            return event.effective_at
        case _:
            return recorded.effective_at


def _states(events: Iterable[Event]) -> list[State]:
    """Return the contract after each of its events."""
    states: list[State] = []
    state = agreements.INITIAL
    for event in events:
        state = agreements.evolve(state, event)
        states.append(state)
    return states


def _asked(event: Event, states: Sequence[State]) -> set[Place]:
    """Return the places that an event asks for lines; what a novation brings comes by the transfer."""
    places = set(_places(states))
    match event:
        case ContractSigned():
            return set() if event.novated_from is not None else places
        case LineRequested():
            return {place for place in places if place[0] == event.line}
        case _:
            return places - set(_places(states[:-1]))


def _places(states: Iterable[State]) -> list[Place]:
    """Return every place that a line of the contract ever had, in the order in which they appeared."""
    found: dict[Place, None] = {}
    for state in states:
        if isinstance(state, Agreement):
            for segment in state.segments:
                found.update(dict.fromkeys(_place(line, state.supplier) for line in segment.terms.lines))
    return list(found)


def _place(line: Line, supplier: str) -> Place:
    pool = None if line.pool is None else qualify(line.pool, supplier)
    return line.line, pool, line.from_


async def _found(place: Place, after: Agreement, recorded: Recorded, past: Past) -> Found:
    _, pool, head = place
    if pool is not None:
        # only a sublease reaches into the pool of somebody else
        return Found(pool=pool if owner(pool) == after.supplier else None)
    assert head is not None, "a line has a pool or a head"
    return await head_of(head, after, recorded, past)


def _wanted(place: Place, found: Found, after: Agreement, *, asked: bool, event: Event) -> WantedLine:
    """Return what is wanted of a line at one of its places."""
    name = place[0]
    end = min(after.end, after.terminated_lines.get(name, after.end))
    segments = [
        (segment, line)
        for segment in after.term_segments
        for line in segment.terms.lines
        if _place(line, after.supplier) == place
    ]
    quantity = sum_of(
        line.quantity.clip(segment.interval.start, min(segment.interval.end, end))
        for segment, line in segments
    )
    since = event.effective_at if asked and isinstance(event, LineRequested) else None
    line = segments[-1][1] if segments else Line(line=name, quantity=quantity, pool=place[1], from_=place[2])
    return WantedLine(
        line=name,
        holder=after.customer,
        tier=line.tier,
        quantity=quantity,
        fill=line.fill,
        asked=asked and bool(segments),
        pool=found.pool,
        source=found.source,
        refused=found.refused,
        since=since,
        recall=_recalls(after),
    )


def _recalls(after: Agreement) -> tuple[LineRecall, ...]:
    """Return the supplier's rights to take back, as they follow in time."""
    found: list[LineRecall] = []
    for segment in after.segments:
        right = segment.terms.recall
        if right is None:
            continue
        start = segment.start
        if found and found[-1].until == start and found[-1].right == right:
            start = found.pop().start
        found.append(LineRecall(start=start, until=segment.end, right=right))
    return tuple(found)


async def _moved(event: Event, recorded: Recorded, past: Past) -> list[MovedLine]:
    """Return what a novation moves: all that is left of its lines, or the share that the new contract has."""
    if not isinstance(event, ContractNovated):
        return []
    stream = f"contract-{local(event.new_contract)}"
    history = await past.stream("contracts", recorded.tenant, stream)
    signed = agreements.fold(each.event for each in history[:1])
    assert isinstance(signed, Agreement), "a novation signs the new contract in the same append"
    entire = event.whole or event.lines is not None
    return [
        MovedLine(
            line=line,
            to=event.to,
            contract=event.new_contract,
            quantity=None if entire else signed.committed(line),
        )
        for line in signed.lines
    ]


CONTRACTS = Reaction(name="capacity.contracts", follows=("contracts",), react=follow_contract)
