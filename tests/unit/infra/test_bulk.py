"""Commands in bulk: each decided on what those before it brought about, in whatever log that lies."""

from datetime import UTC, datetime

from infra.event_store import Recorded
from infra.event_store.memory import MemoryEventStore
from infra.node import Ledger, Node
from infra.outcomes import Accepted, Asked
from infra.read_store.memory import MemoryReadStore
from schemas.capacity import CorrectUsage, UsageCorrected
from schemas.message import Command
from services.capacity.service import SERVICE
from tests.bench.usage import before, reports

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Counting(MemoryEventStore):
    """A store in memory that counts how often the stream of a pool is read."""

    reads = 0

    async def stream(
        self, log: str, tenant: str, stream: str, after: int = 0, up_to: int | None = None
    ) -> list[Recorded]:
        self.reads += stream.startswith("pool-")
        return list(await super().stream(log, tenant, stream, after, up_to))


def node() -> tuple[Node, Counting]:
    store = Counting(lambda: NOW, shards=2)
    ledger = Ledger(name="test", mode="sandbox", shards=2)
    return Node(SERVICE, ledger, store, MemoryReadStore(), lambda: NOW), store


def asked(*commands: Command) -> list[Asked]:
    return [Asked(command=one, id=f"c-{number}", actor="ada") for number, one in enumerate(commands)]


async def test_a_report_rests_on_the_reservation_before_it_in_the_same_bulk() -> None:
    made, _ = node()
    _, report = next(reports())
    results = await made.commands.submit_each(asked(*before(), report))
    assert all(isinstance(result, Accepted) for result in results), results


async def test_a_correction_rests_on_the_report_before_it_in_the_same_bulk() -> None:
    made, _ = node()
    await made.commands.submit_each(asked(*before()))
    _, report = next(reports())
    correction = CorrectUsage(
        pool=report.pool,
        reservation=report.reservation,
        corrects="r",
        interval=report.interval,
        gpu_seconds=1,
        peak_gpus=1,
    )
    group = [
        Asked(command=report, id="r", actor="ada"),
        Asked(command=correction, id="c", actor="ada"),
        Asked(command=report, id="again", actor="ada"),
    ]
    results = await made.commands.submit_each(group)
    assert all(isinstance(result, Accepted) for result in results), results
    events = await made.store.shard("usage", results[0].shard, 0)  # type: ignore[union-attr]
    assert isinstance(events[1].event, UsageCorrected)


async def test_reports_in_bulk_read_their_pool_once() -> None:
    made, store = node()
    await made.commands.submit_each(asked(*before()))
    store.reads = 0
    numbered = reports()
    group = [
        Asked(command=report, id=id_, actor="ada") for id_, report in (next(numbered) for _ in range(200))
    ]
    results = await made.commands.submit_each(group)
    assert all(isinstance(result, Accepted) for result in results)
    assert store.reads == 1
