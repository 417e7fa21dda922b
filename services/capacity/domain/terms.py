"""What follows in an operator's pools from a contract: lines are asked for, changed, moved, ended.

A line that is asked for may be refused; that is told as a fact. What follows from law is never refused:
what is not covered becomes a shortfall.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from schemas.capacity import (
    MovedLine,
    Rejection,
    RequestRefused,
    TakeTerms,
    TermsTaken,
    WantedLine,
)
from schemas.decision import Emitted, Order, Outcome, Refused
from schemas.kernel.instants import seconds
from schemas.kernel.names import owner
from schemas.kernel.schedule import Schedule, combine
from services.capacity.domain.access import stream_of
from services.capacity.domain.asked import HeadRefusal, ask_for
from services.capacity.domain.cover import cover
from services.capacity.domain.draft import Draft
from services.capacity.domain.holding import Holding
from services.capacity.domain.law import amend_by_law
from services.capacity.domain.pool import Pool
from services.capacity.domain.request import Request, line_name, request_stream
from services.capacity.domain.sharing import pro_rata
from services.capacity.domain.supply import on_grid
from services.capacity.domain.transfer import Transfer, move

States = Mapping[str, Any]


def take_terms(states: States, order: Order[TakeTerms]) -> Outcome:
    """Answer one event of a contract: all that follows from it here, then TermsTaken. Again: nothing."""
    command = order.command
    request: Request = states[request_stream(command.contract)]
    if command.terms_version <= request.version:
        return []
    answer = _Answer(states, order)
    for moved in command.moved:
        answer.move(moved)
    for line in command.lines:
        answer.line(line)
    return answer.emitted()


class _Answer:
    """The answer to one event of a contract, in the making."""

    def __init__(self, states: States, order: Order[TakeTerms]) -> None:
        self._states, self._order = states, order
        self._drafts: dict[str, Draft] = {}
        self._refused: list[RequestRefused] = []

    def move(self, moved: MovedLine) -> None:
        """Let a novation's line go over, where it is reserved or held."""
        contract = self._order.command.contract
        name = line_name(contract, moved.line)
        for line in self._order.command.lines:
            draft = self._draft(line) if line.line == moved.line else None
            if draft is not None and name in draft.after.holdings:
                _move(draft, name, moved, seconds(self._order.command.at))

    def line(self, line: WantedLine) -> None:
        """Bring what is reserved for a line to what is wanted, or ask for it."""
        draft = self._draft(line)
        name = line_name(self._order.command.contract, line.line)
        known = None if draft is None else draft.after.holdings.get(name)
        if draft is not None and known is not None and self._is_of(known, line):
            amend_by_law(draft, known, line, seconds(self._order.command.at))
        elif line.asked and known is not None:
            self._refuse(line, Refused(Rejection.RESERVATION_EXISTS_OTHERWISE))
        elif line.asked:
            refused = _without_pool(line) if draft is None else self._ask(draft, name, line)
            if refused is not None:
                self._refuse(line, refused)

    def _is_of(self, known: Holding, line: WantedLine) -> bool:
        """Say whether what has a line's name is its reservation, and not something reserved by hand."""
        of_line = (self._order.command.contract, line.line, line.holder)
        return (known.contract, known.line, known.holder) == of_line

    def _ask(self, draft: Draft, name: str, line: WantedLine) -> Refused | None:
        if line.since is not None:
            quantum = draft.before.info.quantum_seconds
            start = -(-seconds(line.since) // quantum) * quantum
            line = replace(line, quantity=line.quantity.clip(start, None))
        return ask_for(draft, name, line, self._order.command.contract)

    def _draft(self, line: WantedLine) -> Draft | None:
        if line.pool is None:
            return None
        stream = stream_of(line.pool)
        pool: Pool = self._states[stream]
        if pool.registered is None:
            return None
        if stream not in self._drafts:
            self._drafts[stream] = Draft(pool, seconds(self._order.at))
        return self._drafts[stream]

    def _refuse(self, line: WantedLine, refused: Refused) -> None:
        command = self._order.command
        self._refused.append(
            RequestRefused(
                contract=command.contract,
                line=line.line,
                code=str(refused.code),
                terms_version=command.terms_version,
                details=dict(refused.details),
            )
        )

    def emitted(self) -> list[Emitted]:
        """Return everything, TermsTaken last."""
        command = self._order.command
        for draft in self._drafts.values():
            cover(draft)
        supplier = owner(command.contract)
        other = None if supplier == command.book else supplier
        stream = request_stream(command.contract)
        taken = TermsTaken(contract=command.contract, terms_version=command.terms_version)
        answers = [*self._refused, taken]
        return [emitted for draft in self._drafts.values() for emitted in draft.outcome] + [
            Emitted(stream=stream, event=event, counterparty=other) for event in answers
        ]


def _without_pool(line: WantedLine) -> Refused:
    if line.refused is not None:
        return Refused(HeadRefusal(line.refused))
    return Refused(Rejection.POOL_UNKNOWN)


def _move(draft: Draft, name: str, moved: MovedLine, at: int) -> None:
    """Move a line, or its share, from the next grid instant on."""
    new_name = line_name(moved.contract, moved.line)
    if new_name in draft.after.holdings:
        return
    old = draft.after.holdings[name]
    quantum = draft.before.info.quantum_seconds
    start = -(-at // quantum) * quantum
    if old.came is not None:
        start = max(start, old.came.start)  # what itself came later cannot go before
    later = old.quantity.clip(start, None)
    part, asked, back = later, old.wanted.clip(start, None), old.recalled.clip(start, None)
    if moved.quantity is not None:
        asked = on_grid(moved.quantity, quantum).clip(start, None).min(asked)
        part = _share(later, old.wanted, asked, draft.before.info.lot)
        left = old.wanted.minus(asked).minus(later.minus(part))
        back = _share_of_recalled(back, left, asked.minus(part))
    if later.is_empty:
        return
    move(
        draft,
        Transfer(
            name=name,
            new_name=new_name,
            to=moved.to,
            start=start,
            moved=part,
            whole=moved.quantity is None,
            contract=moved.contract,
            line=moved.line,
            asked=asked,
            recall=old.recall,
            recalled=back,
        ),
    )


def _share(reserved: Schedule, wanted: Schedule, moved: Schedule, lot: int) -> Schedule:
    """Return what of a reservation goes with a share of its terms: all of it, where nothing is missing."""

    def share(has: int, terms: int, goes: int) -> int:
        if has >= terms:
            return min(goes, has)
        # the old contract's part comes first where remainders are equal
        return pro_rata(has, {"a": terms - goes, "b": goes}, lot).get("b", 0)

    return combine(share, reserved, wanted, moved)


def _share_of_recalled(recalled: Schedule, left: Schedule, lacking: Schedule) -> Schedule:
    """Return what of the recalled GPUs goes with a share of the terms.

    In proportion to what is not there: `left` of what stays with the old contract, which comes first where
    remainders are equal, `lacking` of what goes. So neither has more recalled than it lacks.
    """

    def share(back: int, stays: int, goes: int) -> int:
        return pro_rata(back, {"a": stays, "b": goes}, 1).get("b", 0)

    return combine(share, recalled, left, lacking)
