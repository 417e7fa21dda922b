"""Contracts and their facts, made quickly for tests: terms as they are written in scenario files."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from infra.codec import convert
from schemas.contracts import ContractSigned, Terms
from schemas.kernel import agreement as agreements
from schemas.kernel.agreement import Agreement
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule
from schemas.message import Event
from services.settlement.domain.account import Account, initial
from services.settlement.domain.computing import computed, rated
from services.settlement.domain.deal import deal_of, version_of
from services.settlement.domain.intervals import slots
from services.settlement.domain.rating import Rating
from services.settlement.domain.rating.facts import Holding
from services.settlement.domain.rating.usage_spread import Meters, Report
from services.settlement.domain.standing import Computed

CONTRACT = "nimbus/deal"
TERM = {"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def month(number: int, year: int = 2026) -> Interval:
    return Interval(
        datetime(year, number, 1, tzinfo=UTC),
        datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC),
    )


def terms(charges: Sequence[Mapping[str, Any]], **sections: Any) -> Terms:
    term = sections.get("term", TERM)
    made = {
        "supplier": "nimbus",
        "customer": "acme",
        "term": term,
        "currency": "USD",
        "lines": [{"line": "train", "pool": "pool-1", "quantity": [{**term, "quantity": 100}]}],
        "charges": list(charges),
    }
    written: Terms = convert(Terms, {**made, **sections})
    return written


def signed(written: Terms) -> ContractSigned:
    return ContractSigned(contract=CONTRACT, terms=written, effective_at=written.term.start)


def agreement(*events: Event) -> Agreement:
    state: agreements.State = agreements.INITIAL
    for event in events:
        state = agreements.evolve(state, event)
    assert isinstance(state, Agreement)
    return state


def report(start: str, end: str, gpu_seconds: int) -> Report:
    return Report(seconds(at(start)), seconds(at(end)), gpu_seconds)


def full(agreed: Agreement) -> dict[str, Holding]:
    return {line: Holding(reserved=agreed.committed(line)) for line in agreed.lines}


def rating(
    agreed: Agreement,
    until: datetime,
    *,
    reports: Mapping[str, Sequence[Report]] | None = None,
    holdings: Mapping[str, Holding] | None = None,
    unsold: Mapping[str, Schedule] | None = None,
    state: Account | None = None,
) -> Rating:
    held = full(agreed) if holdings is None else holdings
    deal = deal_of(agreed, held, Meters(reports or {}), unsold or {})
    account = initial() if state is None else state
    found = slots(agreed, max(until, agreed.end), account.issued)
    return rated(deal, found, account, until)


def found(
    events: Sequence[Event],
    interval: Interval,
    *,
    reports: Mapping[str, Sequence[Report]] | None = None,
    holdings: Mapping[str, Holding] | None = None,
    state: Account | None = None,
) -> Computed:
    agreed = agreement(*events)
    held = full(agreed) if holdings is None else holdings
    versions = [version_of(agreement(*events[: i + 1]), event) for i, event in enumerate(events)]
    return computed(
        agreed,
        deal_of(agreed, held, Meters(reports or {}), {}),
        versions,
        initial() if state is None else state,
        interval,
        basis=(),
        provisional=False,
    )


def told(made: Rating, index: int = -1) -> list[tuple[str, str | None, int]]:
    return [(line.kind, line.charge, line.amount) for line in made.intervals[index].lines]
