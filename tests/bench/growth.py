"""What an append costs in a log of growing size, with ids that grow with time and with random ones."""

from collections.abc import AsyncIterator, Sequence

from tests.bench.log import bench_ledger, filled
from tests.bench.log_rows import Rows
from tests.bench.measure import Measure, stopwatch

STREAMS = 10_000
COMMITS, COMMANDS = 200, 64


async def growth_measures(admin_dsn: str, sizes: Sequence[int]) -> AsyncIterator[Measure]:
    """Yield the cost of an append of one event, 64 a commit, at each size, beside that at the smallest."""
    for kind, random_ids, aim in (("ids in order of time", False, 1.15), ("random ids", True, 1.6)):
        async with bench_ledger(admin_dsn) as (_, store):
            rows, held, first = Rows(STREAMS, random_ids=random_ids), 0, 0.0
            for size in sizes:
                await filled(store, rows.batches((size - held) // 500, 500, 1))
                batches = list(rows.batches(COMMITS, COMMANDS, 1))
                with stopwatch() as watch:
                    await filled(store, batches)
                held = size + COMMITS * COMMANDS
                cost = watch.seconds / (COMMITS * COMMANDS) * 1_000_000
                what = f"one append in a log of {size:,} events, {kind}"
                if not first:
                    first = cost
                    yield Measure(what=what, ours=cost, unit="µs")
                else:
                    beside = f"the same at {sizes[0]:,}"
                    yield Measure(
                        what=what, ours=cost, unit="µs", limit=first, beside=beside, aim=f"at most {aim}"
                    )
