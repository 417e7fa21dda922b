"""`capledger backup | restore | recover`: copies of a ledger, and the tail that came after them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from cli.composition import SERVICES
from cli.operations import HERE, Bar, Json, Where, progress_bar, tell
from infra.backup import Manifest, Restored, back_up, is_closed, manifest_of, open_ledger
from infra.backup import restore as restore_ledger
from infra.bus import Place
from infra.config import Config
from infra.local.services import plan_of
from infra.node import Ledger
from infra.operating import admin_dsn, as_administrator, require_whole
from infra.recovery import Recovered
from infra.recovery import recover as recover_tail
from infra.verify import GivenHead
from schemas.catalog import LOGS

MIB = 1 << 20


def backup(folder: Path, *, as_json: Json = False, where: Where = HERE) -> int:
    """Write a backup of a ledger into a new folder, while it is in use.

    Args:
        folder: Where; it must not be there yet.
        as_json: Print the manifest.
        where: The ledger.
    """
    manifest = asyncio.run(_back_up(folder.resolve(), where))
    if as_json:
        tell(manifest)
        return 0
    events = sum(head.position for head in manifest.heads)
    size = manifest.dump_bytes / MIB
    _say(f"{manifest.ledger}: {events:,} events and all that is kept with them, {size:.1f} MiB in {folder}")
    return 0


def restore(
    folder: Path,
    *,
    as_: Annotated[str | None, Parameter(name="--as", help="Under this name.")] = None,
    replace: Annotated[bool, Parameter(negative="", help="Replace the ledger of that name.")] = False,
    as_json: Json = False,
    where: Where = HERE,
) -> int:
    """Make a ledger from a backup; prove it and put it in place. It stays closed until `capledger recover`.

    The services must be stopped. A ledger that is replaced is kept as a database of another name.

    Args:
        folder: The backup.
        as_: The name of the ledger; otherwise the one it had.
        replace: There may be a ledger of that name; it is kept aside.
        as_json: Print JSON for programs.
        where: The servers.
    """
    made = asyncio.run(_restore(folder.resolve(), where, as_, replace=replace))
    if as_json:
        tell({"ledger": made.ledger, "kept": made.kept, "made_at": made.manifest.made_at, "closed": True})
        return 0
    _say(f"{made.ledger} is as it was at {made.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, proved, and closed")
    if made.kept is not None:
        _say(f"what it replaced is the database {made.kept}")
    _say("next: capledger recover, which brings back what came later and opens it")
    return 0


def recover(
    *,
    keep_closed: Annotated[bool, Parameter(negative="", help="Do not open it after.")] = False,
    without_topics: Annotated[bool, Parameter(negative="", help="Open it as it is.")] = False,
    as_json: Json = False,
    where: Where = HERE,
) -> int:
    """Compare a restored ledger with its topics, bring back the tail they hold, and open it.

    Exits with 1, and leaves it closed, where log and topic cannot be brought together.

    Args:
        keep_closed: Do not open it after.
        without_topics: The topics are lost too, or of another ledger: open it without looking at them.
        as_json: Print JSON for programs: one line a shard.
        where: The ledger.
    """
    config = where.settings()
    name = where.name(config)
    found = [] if without_topics else asyncio.run(_recover(config, name))
    for one in found:
        _tell_recovered(one, as_json=as_json)
    wrong = any(one.broken is not None for one in found)
    if not wrong and not keep_closed:
        opened = asyncio.run(_open(config, name))
        if not as_json:
            _say(f"{name} is open" if opened else f"{name} was open already")
    return int(wrong)


async def _back_up(folder: Path, where: Where) -> Manifest:
    config = where.settings()
    with progress_bar(f"backing up to {folder.name}"):
        return await back_up(admin_dsn(config), where.name(config), plan_of(SERVICES), folder)


async def _restore(folder: Path, where: Where, name: str | None, *, replace: bool) -> Restored:
    config = where.settings()
    manifest = manifest_of(folder)
    with progress_bar("restoring") as bar:

        async def verify(dsn: str, heads: Mapping[Place, GivenHead]) -> None:
            ledger = Ledger(name=manifest.ledger, mode="sandbox", shards=manifest.shards)
            await require_whole(dsn, ledger, heads, _counting(bar, manifest))

        plan = plan_of(SERVICES)
        return await restore_ledger(admin_dsn(config), folder, plan, verify, name=name, replace=replace)


def _counting(bar: Bar, manifest: Manifest) -> "_Count":
    return _Count(bar, sum(head.position for head in manifest.heads))


class _Count:
    """Sums the progress of all shards."""

    def __init__(self, bar: Bar, total: int) -> None:
        self._bar, self._total = bar, total
        self._reached: dict[Place, int] = {}

    def __call__(self, place: Place, position: int) -> None:
        self._reached[place] = position
        self._bar.say("proving")
        self._bar(sum(self._reached.values()), self._total)


async def _recover(config: Config, name: str) -> list[Recovered]:
    with progress_bar("recovering") as bar:

        def told(place: Place, position: int, last: int) -> None:
            bar.say(f"{place[0]} shard {place[1]}")
            bar(position, last)

        async with as_administrator(config, name) as stage, stage.bus() as bus:
            return await recover_tail(stage.store, stage.tail, bus, LOGS, told)


async def _open(config: Config, name: str) -> bool:
    closed = await is_closed(admin_dsn(config), name)
    if closed:
        await open_ledger(admin_dsn(config), name)
    return closed


def _tell_recovered(one: Recovered, *, as_json: bool) -> None:
    where = f"{one.log} shard {one.shard}"
    if as_json:
        tell(
            {
                "log": one.log,
                "shard": one.shard,
                "before": one.before,
                "after": one.after,
                "broken": None if one.broken is None else str(one.broken),
                "dangling": [f"{cause.log}/{cause.shard}/{cause.position}" for cause in one.dangling],
            }
        )
        return
    if one.recovered:
        _say(f"{where}: {one.recovered:,} events came back, up to position {one.after:,}")
    if one.broken is not None:
        _say(f"[bold red]broken[/]  {one.broken}")
    for cause in one.dangling:
        lost = f"{cause.log} shard {cause.shard} position {cause.position}"
        _say(f"[yellow]warning[/] {where}: the cause of an event that came back is lost: {lost}")


def _say(text: str) -> None:
    Console(highlight=False, soft_wrap=True).print(text)
