"""A month of a real cluster played through the service: 16 tenants, hourly quota, use and queue.

The trace (SenseTime's Earth cluster, May 2020, CC-BY-4.0) lies beside the project, not in it.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.outcomes import Accepted
from infra.system import System
from schemas.capacity import (
    AcceptPhase,
    IdleQuestion,
    PlanPhase,
    RegisterPool,
    ReportUsage,
    ReserveCapacity,
    Sku,
    Tier,
)
from schemas.kernel.instants import seconds
from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule, sum_of
from schemas.message import Command
from services.capacity.service import SERVICE

TRACE = Path(__file__).parents[2].parent / "shared" / "data" / "helios_earth_vc_hourly_2020-05.csv"
START, END = datetime(2020, 5, 1, tzinfo=UTC), datetime(2020, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = [
    pytest.mark.skipif(not TRACE.exists(), reason="needs the Helios trace beside the project"),
    pytest.mark.timeout(300),
]


class Hour(msgspec.Struct, frozen=True):
    """One row: a tenant's hour."""

    tenant: str
    at: datetime
    quota: int
    busy_minutes: int
    idle: int
    waiting: int


def _trace() -> Sequence[Hour]:
    with TRACE.open(newline="") as file:
        return [
            Hour(
                row["vc"].lower(),
                datetime.fromisoformat(row["hour"]),
                int(row["mean_total_gpus"].removesuffix(".0")),
                int(row["busy_gpu_minutes"]),
                int(row["min_idle_gpus"]),
                int(row["max_pending_gpus"]),
            )
            for row in csv.DictReader(file)
        ]


@pytest.fixture
async def earth() -> tuple[System, Sequence[Hour]]:
    """The cluster as one pool, each tenant's quota a reservation, each hour a report."""
    trace = _trace()
    by_tenant: dict[str, list[Hour]] = defaultdict(list)
    for hour in trace:
        by_tenant[hour.tenant].append(hour)
    quotas = {tenant: _quota(hours) for tenant, hours in by_tenant.items()}
    system = await System.open([SERVICE], START)
    sku = Sku(gpu="V100", memory_gb=32, interconnect="infiniband")
    whole = sum_of(quotas.values()).peak()
    await _done(system, RegisterPool(pool="earth", site="earth", sku=sku))
    await _done(system, PlanPhase(pool="earth", phase="all", quantity=whole, megawatts="1", planned_at=START))
    await _done(system, AcceptPhase(pool="earth", phase="all", quantity=whole, accepted_at=START))
    for tenant, quota in quotas.items():
        await _done(
            system,
            ReserveCapacity(pool="earth", reservation=tenant, holder=tenant, tier=Tier.FIRM, quantity=quota),
        )
    await system.advance(END)
    for hour in trace:
        await _done(system, _report(hour))
    await system.rest()
    return system, trace


def _quota(hours: Sequence[Hour]) -> Schedule:
    return Schedule.from_raw((seconds(hour.at), seconds(hour.at + HOUR), hour.quota) for hour in hours)


def _report(hour: Hour) -> ReportUsage:
    return ReportUsage(
        pool="earth",
        reservation=hour.tenant,
        interval=Interval(hour.at, hour.at + HOUR),
        gpu_seconds=hour.busy_minutes * 60,
        peak_gpus=hour.quota - hour.idle,
    )


async def _done(system: System, command: Command) -> None:
    assert isinstance(await system.submit("helios", command), Accepted)


async def _idle(system: System, gpus: int, hours: int) -> Sequence[Mapping[str, Any]]:
    question = IdleQuestion(pool="earth", start=START, end=END, min_gpus=gpus, min_hours=hours)
    answer = await system.ask("capacity.idle", "helios", question)
    windows: Sequence[Mapping[str, Any]] = answer["windows"]
    return windows


async def test_a_real_month_has_the_idle_windows_that_were_counted_by_hand(
    earth: tuple[System, Sequence[Hour]],
) -> None:
    system, _ = earth
    found = {gpus: await _idle(system, gpus, 24) for gpus in (8, 16, 32)}
    assert {gpus: len(windows) for gpus, windows in found.items()} == {8: 63, 16: 48, 32: 27}
    assert sum(int(window["gpu_hours"]) for window in found[16]) == 79_399
    assert await system.check() == []


async def test_three_tenths_of_a_real_month_are_idle_and_mostly_while_others_wait(
    earth: tuple[System, Sequence[Hour]],
) -> None:
    system, trace = earth
    # a GPU-hour is idle once for each number of GPUs at which its hour still counts as idle
    gpu_hours, gpus = 0, 1
    while windows := await _idle(system, gpus, 1):
        gpu_hours += sum((window["end"] - window["start"]) // HOUR for window in windows)
        gpus += 1
    assert (gpu_hours, sum(hour.quota for hour in trace)) == (192_585, 636_864)

    idle = {
        (window["start"] + HOUR * number, window["reservation"])
        for window in await _idle(system, 1, 1)
        for number in range((window["end"] - window["start"]) // HOUR)
    }
    waiting: dict[datetime, set[str]] = defaultdict(set)
    for hour in trace:
        if hour.waiting:
            waiting[hour.at].add(hour.tenant)
    both = {at for at, one in idle if waiting[at] - {one}}
    assert len(both) == 682
