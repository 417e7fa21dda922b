"""Reports of use as partners send them: what must be there before, the commands, and their CloudEvents."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec

from infra.codec import encode
from infra.outcomes import Asked
from schemas.capacity import (
    AcceptPhase,
    PlanPhase,
    RegisterPool,
    ReportUsage,
    ReserveCapacity,
    Sku,
    Tier,
    UsageReported,
)
from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule
from schemas.message import Command, tag

BOOKS = ("ada", "bo", "cy", "di")
HOLDER = "buyer"
POOL, RESERVATIONS = "hall-1", 50
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
REPORTED = datetime(2026, 2, 1, tzinfo=UTC)
SKU = Sku(gpu="GB300", memory_gb=288, interconnect="infiniband")
HOURS = 1000


def before() -> Sequence[Command]:
    """Return what makes a pool with reservations of one holder in the book of whoever sends it."""
    quantity = 8 * RESERVATIONS
    return (
        RegisterPool(pool=POOL, site="memphis", sku=SKU),
        PlanPhase(pool=POOL, phase="a", quantity=quantity, megawatts="1", planned_at=START),
        AcceptPhase(pool=POOL, phase="a", accepted_at=START, quantity=quantity),
        *(
            ReserveCapacity(
                pool=POOL,
                reservation=f"train-{number}",
                holder=HOLDER,
                tier=Tier.FIRM,
                quantity=Schedule.constant(START, END, 8),
            )
            for number in range(RESERVATIONS)
        ),
    )


def reports(first: int = 0) -> Iterator[tuple[str, ReportUsage]]:
    """Yield `(id, report)` without end, from one number on: every reservation, hour by hour."""
    for number in count(first):
        hour = (number // RESERVATIONS) % HOURS
        start = REPORTED + timedelta(hours=hour)
        report = ReportUsage(
            pool=POOL,
            reservation=f"train-{number % RESERVATIONS}",
            interval=Interval(start, start + timedelta(hours=1)),
            gpu_seconds=28_800 - number % 3600,
            peak_gpus=8,
        )
        yield f"report-{number:012}", report


def asked(book: str, id_: str, report: ReportUsage) -> Asked:
    """Return a report as the shard's task takes it, without HTTP."""
    source = _source(book)
    return Asked(command=report, id=f"{source} {id_}", actor=book, source=source, effective_at=REPORTED)


def cloud_event(book: str, id_: str, report: ReportUsage) -> bytes:
    """Return a report as the CloudEvent that a partner posts."""
    data = {name: value for name, value in msgspec.to_builtins(report).items() if name != "type"}
    return encode(
        {
            "specversion": "1.0",
            "id": id_,
            "source": _source(book),
            "type": tag(UsageReported),
            "time": REPORTED,
            "data": data,
        }
    )


def _source(book: str) -> str:
    return f"//meters.{book}.example/{POOL}"
