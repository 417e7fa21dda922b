"""`settlement.explain`: how a line of an issued statement came about, down to who said so."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from infra.event_store import Cut
from infra.service import View
from infra.sums import Between
from schemas.decision import Origin, Refused
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.stepwise import FOREVER
from schemas.settlement import ExplainQuestion, InterestClaimed, StatementIssued
from services.settlement.domain.account import LATE_INTEREST, Account
from services.settlement.domain.rating import RULEBOOKS
from services.settlement.domain.statement import Drafted, drafted
from services.settlement.gathering import compute
from services.settlement.knowledge import Known, cut_of, known_whole
from services.settlement.projections import CAPACITY_FACTS, USAGE_FACTS
from services.settlement.reads.access import NO_STATEMENT, FoundStatement, statement_of
from services.settlement.reads.statement import line_json
from services.settlement.recomputing import account_before, stream_of_account


async def explain(question: ExplainQuestion, view: View) -> Any | Refused:  # noqa: ANN401 JSON
    """Answer with the formula in exact numbers, the clauses, and the facts that entered.

    A fact is told by a token, and only to those who may see the event itself; to operations all are, by event
    id and place, and what the statement was computed from.
    """
    found = await statement_of(question.statement, view)
    if isinstance(found, Refused):
        return found
    event = found.event
    line = next((line for line in event.lines if line.line == question.line), None)
    if line is None:
        return NO_STATEMENT
    cut = cut_of(event.basis)
    state = await account_before(view.past, found.recorded)
    all_known = await known_whole(view.past.at(cut), event.contract, state, event.interval.end)
    assert all_known is not None, "what was billed was signed"
    draft = _draft(all_known, state, event, cut, question.line)
    basis = {} if not view.of_operations else {"basis": [structs.asdict(entry) for entry in event.basis]}
    return {
        "statement": event.statement,
        **line_json(line),
        "interval": {"start": line.interval.start, "end": line.interval.end},
        "formula": draft.line.formula,
        "clauses": _clauses(all_known, draft, view),
        "facts": await _facts(view, found, cut, draft),
        "rulebook": event.rulebook,
        "tzdata": RULEBOOKS[event.rulebook].tzdata,
        **basis,
    }


def _draft(all_known: Known, state: Account, event: StatementIssued, cut: Cut, number: int) -> Drafted:
    made = compute(all_known, state, event.interval, cut)
    assert made.slot is not None, "the statement's own interval"
    return drafted(made.rating, state, made.slot)[number - 1]


def _clauses(all_known: Known, draft: Drafted, view: View) -> list[dict[str, Any]]:
    """The events of the contract that brought the terms which the line rests on."""
    return [
        {
            "version": recorded.version,
            "type": recorded.type,
            "effective_at": recorded.effective_at,
            "sender": recorded.meta.actor,
            **_place(view, recorded.origin, str(recorded.event_id)),
        }
        for recorded in all_known.events
        if recorded.version in draft.line.versions
    ]


async def _facts(view: View, found: FoundStatement, cut: Cut, draft: Drafted) -> list[dict[str, Any]]:
    if draft.line.kind == LATE_INTEREST:
        return await _claims(view, found)
    past = view.past.at(cut)
    rows: list[Mapping[str, Any]] = []
    within = _within(draft.line.service if draft.line.kind == "minimum" else draft.interval)
    for line in draft.line.holdings:
        name = f"{found.event.contract}/{line}"
        rows += await past.rows(CAPACITY_FACTS, {"reservation": name})
        rows += await past.rows(USAGE_FACTS, {"reservation": name}, *within)
    for pool in draft.line.pools:
        rows += await past.rows(CAPACITY_FACTS, {"pool": pool})
    return [
        {**_fact(row), **_place(view, Origin(row["log"], row["shard"], row["position"]), row["event_id"])}
        for row in rows
        if view.of_operations or _visible(row, view.actor, found)
    ]


async def _claims(view: View, found: FoundStatement) -> list[dict[str, Any]]:
    """The claims of late interest up to a statement."""
    return [
        {
            "type": recorded.type,
            "sender": recorded.meta.actor,
            "recorded_at": recorded.recorded_at,
            **_place(view, recorded.origin, str(recorded.event_id)),
        }
        for recorded in await stream_of_account(view.past, found.event.contract)
        if isinstance(recorded.event, InterestClaimed) and recorded.version < found.recorded.version
    ]


def _place(view: View, at: Origin, event: str) -> dict[str, Any]:
    """Which event it is: for a party a token that opens it, for operations its id and where it lies."""
    if not view.of_operations:
        return {"token": view.token(at)}
    return {"event": event, "log": at.log, "shard": at.shard, "position": at.position}


def _within(interval: Interval) -> tuple[Between, Between]:
    """What touches an interval: it starts before its end, and ends after its start."""
    start, end = seconds(interval.start), seconds(interval.end)
    return Between("starts", 0, end), Between("ends", start + 1, FOREVER)


def _visible(row: Mapping[str, Any], actor: str, found: FoundStatement) -> bool:
    """An event on a line's own reservation may be seen by the line's supplier too."""
    own = (row["reservation"] or "").startswith(f"{found.event.contract}/")
    return actor in (row["tenant"], row["counterparty"]) or (own and actor == found.agreement.supplier)


def _fact(row: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "sender": row["sender"],
        "recorded_at": row["recorded_at"],
    }
    if "report" in row:
        told.update(report=row["report"], quantity=str(row["quantity"]), meter=row["meter"])
    else:
        told["type"] = row["type"]
    return told
