"""What is known of one contract at a cut: its agreement, the facts of its lines, and its deal.

The terms come from the contract's own stream; what was reserved, cut, recalled and metered from the fact
rows. Every place that was looked at is noted, so that a statement can name the positions it rests on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from infra.codec import decode_event
from infra.event_store import Cut, Recorded
from infra.past import Past
from schemas.capacity import ReservationTransferred
from schemas.contracts import ResidualCharge
from schemas.kernel import agreement as agreements
from schemas.kernel.agreement import Agreement
from schemas.kernel.instants import seconds
from schemas.kernel.names import local, owner, qualify
from schemas.kernel.schedule import Schedule
from schemas.message import Event
from services.settlement.domain.deal import deal_of, version_of
from services.settlement.domain.holdings import HeldState, held, holding
from services.settlement.domain.pool import pool, unsold
from services.settlement.domain.rating.facts import Deal, Holding
from services.settlement.domain.rating.usage_spread import Meters, Report
from services.settlement.domain.revenue import Version
from services.settlement.projections import ANSWERS, CAPACITY_FACTS, FACTS, USAGE_FACTS

RELEVANT_LOGS = ("contracts", "capacity", "usage", "settlement")
ANSWERED = frozenset(
    {
        "contracts.ContractSigned.v1",
        "contracts.ContractAmended.v1",
        "contracts.OptionExercised.v1",
        "contracts.RemedyElected.v1",
        "contracts.ContractNovated.v1",
        "contracts.ContractTerminated.v1",
        "contracts.NoticeGiven.v1",
        "contracts.NoticeWithdrawn.v1",
        "contracts.LineRequested.v1",
    }
)
"""The events of a contract that capacity answers with TermsTaken."""

FactRow = Mapping[str, Any]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One contract at one cut.

    Attributes:
        agreement: the fold of its stream; `events` are its events.
        versions: the contract as each event left it, for the earning of fees.
        shards: every (log, shard) that was looked at.
        provisional: capacity has not answered the last event that it has to answer.
    """

    agreement: Agreement
    deal: Deal
    events: tuple[Recorded, ...]
    versions: tuple[Version, ...]
    shards: frozenset[tuple[str, int]]
    provisional: bool


async def agreement_of(past: Past, contract: str) -> tuple[Agreement | None, Sequence[Recorded]]:
    """Return a contract's agreement as known, None if nobody signed anything under that name."""
    events = await past.stream("contracts", owner(contract), f"contract-{local(contract)}")
    state: agreements.State = agreements.INITIAL
    for recorded in events:
        state = agreements.evolve(state, recorded.event)
    return (state if isinstance(state, Agreement) else None), events


async def known(past: Past, contract: str) -> Known | None:
    """Return all that is known of a contract (by its qualified name), None if it was never signed."""
    agreement, events = await agreement_of(past, contract)
    if agreement is None or not agreement.term_segments:
        return None
    facts = _Facts(past)
    held_by_line = {line: await facts.line(agreement, line) for line in agreement.lines}
    unsold_by_pool = {name: await facts.unsold(name) for name in _pools(agreement)}
    deal = deal_of(
        agreement,
        {line: found for line, (found, _) in held_by_line.items() if found is not None},
        Meters({line: reports for line, (_, reports) in held_by_line.items()}),
        unsold_by_pool,
    )
    shards = {("contracts", events[0].shard), *facts.shards}
    for log in RELEVANT_LOGS:
        shard = await past.shard_of(log, agreement.supplier)
        shards.update(() if shard is None else ((log, shard),))
    return Known(
        agreement=agreement,
        deal=deal,
        events=tuple(events),
        versions=_versions(events),
        shards=frozenset(shards),
        provisional=not await _answered(past, agreement, events),
    )


async def closed_cut(past: Past) -> Cut:
    """Return the newest causally closed cut that the facts reach; within a past cut, that one."""
    if past.cut is not None:
        return past.cut
    return await past.closed(FACTS)


def _versions(events: Iterable[Recorded]) -> tuple[Version, ...]:
    found: list[Version] = []
    state: agreements.State = agreements.INITIAL
    final: agreements.State = agreements.INITIAL
    for recorded in events:
        final = agreements.evolve(final, recorded.event)
    for recorded in events:
        before = state
        state = agreements.evolve(state, recorded.event)
        if not isinstance(state, Agreement) or not state.term_segments:
            continue
        if isinstance(final, Agreement):
            state = msgspec.structs.replace(state, fees=final.fees)
        if isinstance(before, Agreement) and _same_promise(before, state):
            continue
        found.append(version_of(state, recorded.event))
    return tuple(found)


def _same_promise(a: Agreement, b: Agreement) -> bool:
    return a.end == b.end and a.segments == b.segments and a.terminated_lines == b.terminated_lines


def _pools(agreement: Agreement) -> list[str]:
    names = {
        qualify(charge.pool, agreement.supplier)
        for segment in agreement.segments
        for charge in segment.terms.charges
        if isinstance(charge, ResidualCharge)
    }
    return sorted(names)


async def _answered(past: Past, agreement: Agreement, events: Sequence[Recorded]) -> bool:
    wanted = max((event.version for event in events if event.type in ANSWERED), default=0)
    rows = await past.rows(ANSWERS, {"contract": agreement.contract})
    return any(row["terms_version"] >= wanted for row in rows)


class _Facts:
    """The fact rows of one contract, with the shards that they came from."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self.shards: set[tuple[str, int]] = set()

    async def line(self, agreement: Agreement, line: str) -> tuple[Holding | None, list[Report]]:
        """What is held for a line (None where nothing ever was), and what its meters say."""
        name = f"{agreement.contract}/{line}"
        state = await self._held(name)
        inherited = await self._inherited(state) if state is not None else Schedule.EMPTY
        reports: list[Report] = []
        for meter, since, until in await self._meters(agreement, name, state):
            rows = await self._rows(USAGE_FACTS, {"reservation": meter})
            reports += [_report(row, since, until) for row in last_known(rows)]
        return (None if state is None else holding(state, inherited)), reports

    async def unsold(self, name: str) -> Schedule:
        """What of a pool is unsold."""
        rows = await self._rows(CAPACITY_FACTS, {"pool": name})
        return unsold(pool(_event(row) for row in rows))

    async def _held(self, reservation: str) -> HeldState | None:
        rows = await self._rows(CAPACITY_FACTS, {"reservation": reservation})
        taken = [row for row in rows if row["type"] != "capacity.UsePlanned.v1"]
        return held(_event(row) for row in taken) if taken else None

    async def _inherited(self, state: HeldState) -> Schedule:
        """What had been recalled, from the transfer on, of a reservation that was wholly taken over."""
        if state.before is None:
            return Schedule.EMPTY
        rows = await self._rows(CAPACITY_FACTS, {"reservation": state.before.reservation})
        before = [event for row in rows if not _is_transfer(event := _event(row))]
        return held(before).recalled.clip(state.before.at, None)

    async def _meters(
        self, agreement: Agreement, name: str, state: HeldState | None
    ) -> list[tuple[str, int | None, int | None]]:
        """The meters that count for a line, each within [since, until): after whole transfers, all names.

        Where a reservation went over whole, usage belongs to the holder of its time, under whichever name.
        """
        if state is None:
            return [(name, None, None)]
        chain: list[str] = [name]
        since = until = None
        if state.before is not None:
            origin = agreement.novated_from
            since = seconds(state.before.at if origin is None else origin.effective_at)
            chain += await self._along(state, "before")
        if state.after is not None:
            taker = state.after.reservation.rpartition("/")[0]
            found = [n.effective_at for n in agreement.novations if n.new_contract == taker]
            until = seconds(found[0] if found else state.after.at)
            chain += await self._along(state, "after")
        return [(meter, since, until) for meter in chain]

    async def _along(self, state: HeldState, side: str) -> list[str]:
        names: list[str] = []
        found: HeldState | None = state
        while found is not None:
            link = found.before if side == "before" else found.after
            if link is None or link.reservation in names:
                break
            names.append(link.reservation)
            found = await self._held(link.reservation)
        return names

    async def _rows(self, table: str, where: Mapping[str, Any]) -> Sequence[FactRow]:
        rows = await self._past.rows(table, where)
        self.shards.update((row["log"], row["shard"]) for row in rows)
        return rows


def last_known(rows: Iterable[FactRow]) -> list[FactRow]:
    """Of each report (and each way it came through) the row known last: a correction replaces."""
    newest: dict[tuple[str, str, int], FactRow] = {}
    for row in rows:
        newest[row["report"], row["through"], row["part"]] = row
    return list(newest.values())


def _report(row: FactRow, since: int | None, until: int | None) -> Report:
    return Report(
        row["starts"], row["ends"], row["quantity"], row["meter"], since, until, bool(row["passed_on"])
    )


def _event(row: FactRow) -> Event:
    return decode_event(row["type"], row["payload"])


def _is_transfer(event: Event) -> bool:
    return isinstance(event, ReservationTransferred)
