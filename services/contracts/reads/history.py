"""The ask for a contract's history: every event, and the difference that it made to the terms."""

from datetime import datetime
from typing import Any

from infra.service import View
from schemas.contracts import HistoryQuestion, Terms
from schemas.decision import Refused
from schemas.kernel.agreement import INITIAL, Agreement, State, evolve
from schemas.kernel.names import owner, qualify
from schemas.message import short
from services.contracts.domain.standing import stream_of
from services.contracts.reads.finding import LOG, contract_of


async def history(question: HistoryQuestion, view: View) -> Any:  # noqa: ANN401 JSON-ready
    """Every event of a contract, in the order in which it was learnt."""
    found = await contract_of(question.contract, view)
    if isinstance(found, Refused):
        return found
    name = qualify(question.contract, view.actor)
    state: State = INITIAL
    events: list[dict[str, Any]] = []
    for recorded in await view.past.stream(LOG, owner(name), stream_of(name)):
        after = evolve(state, recorded.event)
        events.append(
            {
                "version": recorded.version,
                "type": short(type(recorded.event)),
                "effective_at": recorded.effective_at,
                "recorded_at": recorded.recorded_at,
                "actor": recorded.meta.actor,
                **_difference(state, after),
            }
        )
        state = after
    return {"events": events}


def _difference(before: State, after: State) -> dict[str, Any]:
    """`changes`: the sections that changed, as they are where they first did; `periods`: where and how."""
    periods: list[dict[str, Any]] = []
    changes: dict[str, Any] = {}
    for start, end in _stretches(before, after):
        changed = _changed(_terms(before, start), _terms(after, start))
        if changed:
            periods.append({"start": start, "end": end, "changes": changed})
            changes = {**changed, **changes}
    return {"changes": changes, "periods": periods}


def _stretches(before: State, after: State) -> list[tuple[datetime, datetime | None]]:
    starts = sorted(
        {
            segment.start
            for state in (before, after)
            if isinstance(state, Agreement)
            for segment in state.segments
        }
    )
    return list(zip(starts, [*starts[1:], None], strict=True)) if starts else []


def _terms(state: State, t: datetime) -> Terms | None:
    return state.terms_at(t) if isinstance(state, Agreement) else None


def _changed(before: Terms | None, after: Terms | None) -> dict[str, Any]:
    return {
        name: getattr(after, name)
        for name in Terms.__struct_fields__
        if after is not None and (before is None or getattr(before, name) != getattr(after, name))
    }
