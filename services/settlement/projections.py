"""The facts that f reads, as insert-only rows: capacity's events, meters, own statements."""

from collections.abc import Sequence

from infra.event_store import Recorded
from infra.service import Column, Projection, Row, Table
from schemas.capacity import (
    OutageDeclared,
    OutageEnded,
    PhaseAccepted,
    PhaseCancelled,
    PhaseForecast,
    PhaseOverdue,
    PhasePlanned,
    PoolRegistered,
    RequestRefused,
    TermsTaken,
    UsageCorrected,
    UsagePassedThrough,
    UsageReported,
)
from schemas.kernel.instants import seconds
from schemas.settlement import StatementIssued

CAPACITY_FACTS = "capacity_facts"
USAGE_FACTS = "usage_facts"
ANSWERS = "capacity_answers"
STATEMENTS = "statements"
FACTS = "settlement.facts"

OF_POOLS = (
    PoolRegistered,
    PhasePlanned,
    PhaseForecast,
    PhaseAccepted,
    PhaseCancelled,
    PhaseOverdue,
    OutageDeclared,
    OutageEnded,
)


def project(recorded: Recorded) -> Sequence[Row]:
    """Return the rows that one event adds."""
    event = recorded.event
    match event:
        case UsageReported() | UsageCorrected() | UsagePassedThrough():
            return [_usage(recorded, event)]
        case TermsTaken():
            return [Row(ANSWERS, {"contract": event.contract, "terms_version": event.terms_version})]
        case StatementIssued():
            return [_statement(recorded, event)]
        case RequestRefused():
            return []
        case _:
            return _capacity(recorded) if recorded.log == "capacity" else []


def _capacity(recorded: Recorded) -> Sequence[Row]:
    event = recorded.event
    reservation: str | None = getattr(event, "reservation", None)
    if reservation is None and not isinstance(event, OF_POOLS):
        return []
    values = {
        "pool": getattr(event, "pool", None),
        "reservation": reservation,
        "type": recorded.type,
        "payload": recorded.payload,
        **_from(recorded),
    }
    return [Row(CAPACITY_FACTS, values)]


def _usage(recorded: Recorded, event: UsageReported | UsageCorrected | UsagePassedThrough) -> Row:
    through = isinstance(event, UsagePassedThrough)
    quantity = event.gpu_seconds if event.gpu_seconds is not None else event.quantity
    return Row(
        USAGE_FACTS,
        {
            "reservation": event.reservation,
            "report": event.report,
            "through": event.of if isinstance(event, UsagePassedThrough) else "",
            "part": event.part if isinstance(event, UsagePassedThrough) else 0,
            "passed_on": 1 if through else 0,
            "revises": 1 if _revises(recorded, event) else 0,
            "meter": event.meter,
            "starts": seconds(event.interval.start),
            "ends": seconds(event.interval.end),
            "quantity": quantity or 0,
            **_from(recorded),
        },
    )


def _revises(recorded: Recorded, event: UsageReported | UsageCorrected | UsagePassedThrough) -> bool:
    """Whether it may replace what was known of its report: it came by another command than the report did."""
    return not isinstance(event, UsageReported) and recorded.meta.command != event.report


def _from(recorded: Recorded) -> dict[str, str]:
    """Who said so, and who may see it."""
    return {
        "event_id": str(recorded.event_id),
        "sender": recorded.meta.actor,
        "tenant": recorded.tenant,
        "counterparty": recorded.counterparty or "",
    }


def _statement(recorded: Recorded, event: StatementIssued) -> Row:
    values = {
        "statement": event.statement,
        "contract": event.contract,
        "supplier": recorded.tenant,
        "customer": recorded.counterparty or "",
        "version": recorded.version,
    }
    return Row(STATEMENTS, values)


SENDER = (
    Column("event_id", "text"),
    Column("sender", "text"),
    Column("tenant", "text"),
    Column("counterparty", "text"),
)

SUMMED = ("reservation", "revises", "ends", "starts", "meter", "passed_on", "quantity")
"""An index that holds all that a sum of use takes."""

PROJECTIONS = (
    Projection(
        name=FACTS,
        follows=("capacity", "usage", "settlement"),
        project=project,
        tables=(
            Table(
                name=CAPACITY_FACTS,
                columns=(
                    Column("reservation", "text", optional=True),
                    Column("pool", "text", optional=True),
                    Column("type", "text"),
                    Column("payload", "bytea"),
                    *SENDER,
                ),
                index=(("reservation",), ("pool",)),
            ),
            Table(
                name=USAGE_FACTS,
                columns=(
                    Column("reservation", "text"),
                    Column("report", "text"),
                    Column("through", "text"),
                    Column("part", "bigint"),
                    Column("passed_on", "bigint"),
                    Column("revises", "bigint"),
                    Column("meter", "text"),
                    Column("starts", "bigint"),
                    Column("ends", "bigint"),
                    Column("quantity", "bigint"),
                    *SENDER,
                ),
                index=(("reservation",), ("reservation", "report"), SUMMED),
            ),
            Table(
                name=ANSWERS,
                columns=(Column("contract", "text"), Column("terms_version", "bigint")),
                index=(("contract",),),
            ),
            Table(
                name=STATEMENTS,
                columns=(
                    Column("statement", "text"),
                    Column("contract", "text"),
                    Column("supplier", "text"),
                    Column("customer", "text"),
                    Column("version", "bigint"),
                ),
                index=(("statement",), ("contract",)),
            ),
        ),
    ),
)
