"""`python -m tests.bench [section…]`: measurements on real servers, each beside a limit of the same run.

Starts PostgreSQL and Kafka in a folder of its own and removes it at the end. A part that fails is told and
the others go on; then, and only then, the exit code is 1. An aim that was missed is no failure.
"""

import argparse
import asyncio
import sys
import tempfile
import time
import traceback
from pathlib import Path

import uvloop

from infra import logging
from infra.local.stack import LocalStack
from infra.process import spare_the_collector
from tests.bench.ground import Ground, ground
from tests.bench.measure import Measure
from tests.bench.sections import FULL, LARGE, QUICK, SECTIONS, Site, Sizes
from tests.bench.table import console, line, table, write_json
from tests.ledgers import prepare_cluster

Row = tuple[str, Measure]


def main() -> int:
    """Measure what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="measure, beside limits")
    parser.add_argument("sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; all")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="sizes", action="store_const", const=QUICK, help="small; rough figures")
    size.add_argument("--large", dest="sizes", action="store_const", const=LARGE, help="growth to 10 million")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    logging.configure("error", service="bench")
    spare_the_collector()  # as services do
    names = [name for name in SECTIONS if not arguments.sections or name in arguments.sections]
    with ground() as servers, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows, failed = runner.run(measured(servers, names, arguments.sizes or FULL))
    out = console()
    out.print(table(rows, plain=not out.is_terminal))
    if arguments.json is not None:
        write_json(arguments.json, rows)
    if failed:
        out.print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


async def measured(servers: Ground, names: list[str], sizes: Sizes) -> tuple[list[Row], list[str]]:
    """Return the rows of some sections, and the names of those that failed."""
    rows: list[Row] = []
    failed: list[str] = []
    since = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="capledger-bench-") as name:
        folder = Path(name)
        stack = LocalStack(folder / "stack")
        await servers.do(stack.start())
        try:
            await prepare_cluster(stack.postgres_dsn)
            site = Site(ground=servers, stack=stack, folder=folder, sizes=sizes)
            for section in names:
                try:
                    async for one in SECTIONS[section](site):
                        _told(since, f"{section}: {line(one)}")
                        rows.append((section, one))
                except Exception:  # noqa: BLE001 the other parts are still worth their figures
                    failed.append(section)
                    traceback.print_exc()
        finally:
            await servers.do(stack.stop())
    return rows, failed


def _told(since: float, text: str) -> None:
    console(stderr=True).print(f"{time.monotonic() - since:6.1f} s  {text}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
