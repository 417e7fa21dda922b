"""What is measured, part by part, and how much of it in a full and in a quick run."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import msgspec

from infra.local.stack import LocalStack
from tests.bench.bus import bus_measures
from tests.bench.capacity import capacity_measures
from tests.bench.ground import Ground
from tests.bench.growth import growth_measures
from tests.bench.http import http_measures
from tests.bench.log import append_measures
from tests.bench.measure import Measure
from tests.bench.path import path_measures
from tests.bench.postings import posting_measures
from tests.bench.projection import projection_measures
from tests.bench.replay import replay_measures
from tests.bench.settlement import statement_measures
from tests.bench.sourcing import sourcing_measures


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much is done for one figure.

    Attributes:
        appended: events for one figure of the append path.
        replayed: events in the log that is read, folded and verified.
        grown: the sizes of the log at which an append is timed.
        posted: events for one figure of HTTP.
        facts: facts of use under one statement.
    """

    appended: int
    replayed: int
    grown: tuple[int, ...]
    posted: int
    facts: int


FULL = Sizes(appended=40_000, replayed=1_000_000, grown=(100_000, 1_000_000), posted=30_000, facts=1_000_000)
LARGE = msgspec.structs.replace(FULL, grown=(1_000_000, 10_000_000))
QUICK = Sizes(appended=8_000, replayed=40_000, grown=(10_000, 40_000), posted=5_000, facts=50_000)


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What the parts stand on: servers and where to start more, a folder for files, how much to do."""

    ground: Ground
    stack: LocalStack
    folder: Path
    sizes: Sizes

    @property
    def dsn(self) -> str:
        """Where an administrator of PostgreSQL connects."""
        return self.stack.postgres_dsn


async def _log(site: Site) -> AsyncIterator[Measure]:
    async for one in append_measures(site.dsn, site.sizes.appended):
        yield one
    async for one in sourcing_measures(site.dsn, site.sizes.appended):
        yield one


async def _settlement(site: Site) -> AsyncIterator[Measure]:
    async for one in statement_measures(site.dsn, site.sizes.facts):
        yield one
    async for one in posting_measures(site.dsn):
        yield one


SECTIONS: Mapping[str, Callable[[Site], AsyncIterator[Measure]]] = {
    "log": _log,
    "replay": lambda site: replay_measures(site.ground, site.dsn, site.sizes.replayed),
    "growth": lambda site: growth_measures(site.dsn, site.sizes.grown),
    "relay": lambda site: bus_measures(site.dsn, site.stack.kafka_bootstrap),
    "http": lambda site: http_measures(site.ground, site.stack, site.folder, site.sizes.posted),
    "projection": lambda site: projection_measures(site.dsn),
    "capacity": lambda _: capacity_measures(),
    "settlement": _settlement,
    "path": lambda site: path_measures(site.ground, site.stack, site.folder, site.sizes.posted),
}
