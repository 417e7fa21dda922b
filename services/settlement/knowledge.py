"""What is known of one contract at a cut: its agreement, the facts of its lines, and its deal.

The terms come from the contract's own stream; what was reserved, cut, recalled and metered from the fact
rows. Every place that was looked at is noted, so that a statement can name the positions it rests on.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from infra.event_store import Cut, Recorded
from infra.past import Past
from schemas.contracts import ResidualCharge
from schemas.kernel import agreement as agreements
from schemas.kernel.agreement import Agreement
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.names import local, owner, qualify
from schemas.settlement import BasisEntry
from services.settlement.domain.account import Account
from services.settlement.domain.computing import all_slots
from services.settlement.domain.deal import deal_of, version_of
from services.settlement.domain.intervals import Slot
from services.settlement.domain.rating.cuts import usage_cuts
from services.settlement.domain.rating.facts import Deal
from services.settlement.domain.rating.usage_spread import Meters, Report
from services.settlement.domain.revenue import Version
from services.settlement.domain.settled import alike, run_of
from services.settlement.facts import CapacityFacts, LineFacts
from services.settlement.metering import Metering
from services.settlement.projections import ANSWERS, FACTS

RELEVANT_LOGS = ("contracts", "capacity", "usage", "settlement")
TRIES_MAX = 3
ANSWER_SECONDS_MAX = 2.0
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


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One contract at one cut.

    Attributes:
        agreement: the fold of its stream; `events` are its events.
        deal: what f reads; use only of intervals that are not settled.
        versions: the contract as each event left it, for the earning of fees.
        shards: every (log, shard) that was looked at.
        provisional: capacity has not answered the last event that it has to answer.
        settled: how many of the first intervals are as billed, and need not be computed.
    """

    agreement: Agreement
    deal: Deal
    events: tuple[Recorded, ...]
    versions: tuple[Version, ...]
    shards: frozenset[tuple[str, int]]
    provisional: bool
    settled: int = 0


class _Bare(msgspec.Struct, frozen=True, kw_only=True):
    """A contract at a cut, without its use."""

    agreement: Agreement
    events: tuple[Recorded, ...]
    deal: Deal
    lines: Mapping[str, LineFacts]
    shards: frozenset[tuple[str, int]]


async def agreement_of(past: Past, contract: str) -> tuple[Agreement | None, Sequence[Recorded]]:
    """Return a contract's agreement as known, None if nobody signed anything under that name."""
    events = await past.stream("contracts", owner(contract), f"contract-{local(contract)}")
    state: agreements.State = agreements.INITIAL
    for recorded in events:
        state = agreements.evolve(state, recorded.event)
    return (state if isinstance(state, Agreement) else None), events


async def known(past: Past, contract: str, state: Account, interval: Interval) -> Known | None:
    """Return what is known of a contract at a past's cut for a statement of an interval.

    `contract` by its qualified name, `state` its account as it is now; None if it was never signed.
    """
    bare = await _bare(past, contract)
    if bare is None:
        return None
    found = all_slots(bare.agreement, state, interval.end)
    settled = await _settled(past, bare, found, state, interval)
    return await _known(past, bare, found, state, settled)


async def known_whole(past: Past, contract: str, state: Account, until: datetime) -> Known | None:
    """Return what is known of a contract for all its intervals that begin before an instant; none settled."""
    bare = await _bare(past, contract)
    if bare is None:
        return None
    return await _known(past, bare, all_slots(bare.agreement, state, until), state, 0)


async def _known(past: Past, bare: _Bare, found: Sequence[Slot], state: Account, settled: int) -> Known:
    agreement, metering = bare.agreement, Metering(past)
    reports: dict[str, Sequence[Report]] = {}
    for line, facts in bare.lines.items():
        cuts = _cuts(bare.deal, found, facts, settled)
        reports[line] = await metering.reports(facts.meters, cuts)
    shards: set[tuple[str, int]] = {*bare.shards, *metering.shards}
    if settled:
        shards |= {(x.log, x.shard) for x in _basis(state, found[settled - 1])}
    for log in RELEVANT_LOGS:
        shard = await past.shard_of(log, agreement.supplier)
        if shard is not None:
            shards.add((log, shard))
    return Known(
        agreement=agreement,
        deal=msgspec.structs.replace(bare.deal, meters=Meters(reports)),
        events=bare.events,
        versions=_versions(bare.events),
        shards=frozenset(shards),
        provisional=not await _answered(past, agreement, bare.events),
        settled=settled,
    )


async def closed_cut(past: Past) -> Cut:
    """Return the newest causally closed cut that the facts reach; within a past cut, that one."""
    if past.cut is not None:
        return past.cut
    return await past.closed(FACTS)


async def answered_cut(past: Past, contract: str) -> Cut:
    """Return such a cut at which capacity has answered a contract's terms, after waiting for it a while."""
    if past.cut is not None:
        return past.cut

    async def answered(then: Past) -> bool:
        agreement, events = await agreement_of(then, contract)
        return agreement is None or await _answered(then, agreement, events)

    return await past.closed_once(FACTS, answered, ANSWER_SECONDS_MAX)


def cut_of(basis: Iterable[BasisEntry]) -> Cut:
    """What was known at a statement's basis."""
    return Cut({(entry.log, entry.shard): entry.position for entry in basis})


async def _bare(past: Past, contract: str) -> _Bare | None:
    agreement, events = await agreement_of(past, contract)
    if agreement is None or not agreement.term_segments:
        return None
    facts = CapacityFacts(past)
    lines = {line: await facts.line(agreement, line) for line in agreement.lines}
    unsold_by_pool = {name: await facts.unsold(name) for name in _pools(agreement)}
    held = {line: found.holding for line, found in lines.items() if found.holding is not None}
    return _Bare(
        agreement=agreement,
        events=tuple(events),
        deal=deal_of(agreement, held, Meters({}), unsold_by_pool),
        lines=lines,
        shards=frozenset({("contracts", events[0].shard), *facts.shards}),
    )


async def _settled(past: Past, now: _Bare, found: Sequence[Slot], state: Account, interval: Interval) -> int:
    """How many of the first intervals are known to be as billed: nothing that f reads of them has changed."""
    run = run_of(found, state, now.deal, interval)
    for _ in range(TRIES_MAX):
        if not run:
            break
        basis = cut_of(_basis(state, found[run - 1]))
        then = await _bare(past.at(basis), now.agreement.contract)
        untouched = 0 if then is None else await _untouched(past, then, now, basis, found[:run])
        if untouched == run:
            return run
        run = untouched
    return 0


async def _untouched(past: Past, then: _Bare, now: _Bare, since: Cut, found: Sequence[Slot]) -> int:
    metering, changed = Metering(past), list[int]()
    for line, facts in now.lines.items():
        before = then.lines[line].meters if line in then.lines else ()
        first = await metering.changed_from(before, facts.meters, since)
        changed += [] if first is None else [first]
    used_until = min(changed, default=None)
    for count in range(len(found), 0, -1):
        end = found[count - 1].interval.end
        if (used_until is None or seconds(end) <= used_until) and alike(then.deal, now.deal, end):
            return count
    return 0


def _basis(state: Account, slot: Slot) -> tuple[BasisEntry, ...]:
    return state.reached[slot.interval.start].basis


def _cuts(deal: Deal, found: Sequence[Slot], facts: LineFacts, settled: int) -> set[int]:
    """Where the use of a line is cut, from the end of what is settled on."""
    cuts = usage_cuts(deal, [slot.scope(deal) for slot in found[settled:]])
    cuts |= {t for use in facts.meters for t in (use.since, use.until) if t is not None}
    if not settled:
        return cuts
    since = seconds(found[settled - 1].interval.end)
    return {t for t in cuts if t >= since}


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
