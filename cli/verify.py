"""`capledger verify`: proves a whole ledger, and names the first thing that is wrong."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console

from cli.operations import HERE, Json, Where, progress_bar, tell
from infra.backup import MANIFEST, manifest_of
from infra.bus import Place
from infra.config import ConfigError
from infra.operating import as_administrator
from infra.proving import ShardVerdict
from infra.verify import GivenHead
from schemas.catalog import LOGS

HEAD = re.compile(r"(?P<log>[a-z]+)/(?P<shard>[0-9]+)/(?P<position>[0-9]+)/(?P<chain>[0-9a-f]{64})")


def verify(
    *,
    log: tuple[str, ...] = (),
    topics: Annotated[bool, Parameter(help="Compare the topics too.")] = True,
    head: tuple[str, ...] = (),
    heads: Path | None = None,
    as_json: Json = False,
    where: Where = HERE,
) -> int:
    """Prove a ledger: positions, versions, times, the chain, what is kept beside the events, the topics.

    Exits with 1 if something is wrong; the first break of every shard is named.

    Args:
        log: Only this log; several times for more.
        topics: Compare what the topics hold with the logs.
        head: A head that was kept, as log/shard/position/chain (hexadecimal); several times for more.
        heads: A backup's folder, or a file with the JSON lines of an earlier verification.
        as_json: Print JSON for programs: one line a shard.
        where: The ledger.
    """
    given = {**(_heads_in(heads) if heads else {}), **dict(map(_head, head))}
    logs = _logs(log)
    verdicts = asyncio.run(verdicts_of(logs, given, where, topics=topics))
    out = Console(highlight=False, soft_wrap=True)
    for verdict in verdicts:
        if as_json:
            tell(_told(verdict))
        elif verdict.first_break is not None:
            out.print(f"[bold red]broken[/]  {verdict.first_break}")
        elif verdict.position:
            out.print(f"[green]whole[/]   {line_of(verdict)}")
    wrong = [verdict for verdict in verdicts if verdict.first_break is not None]
    if not as_json:
        out.print(summed(verdicts))
    return int(bool(wrong))


def summed(verdicts: Sequence[ShardVerdict]) -> str:
    """Return what was found of all shards in one line."""
    events = sum(verdict.position for verdict in verdicts)
    broken = sum(verdict.first_break is not None for verdict in verdicts)
    return f"{len(verdicts)} shards, {events:,} events, {broken} broken"


async def verdicts_of(
    logs: tuple[str, ...], given: Mapping[Place, GivenHead], where: Where, *, topics: bool
) -> list[ShardVerdict]:
    """Return what was found of each shard of some logs.

    Raises:
        StoreError, BusError: something cannot be reached.
        ConfigError: the configuration names no administrator.
    """
    config = where.settings()
    async with as_administrator(config, where.name(config)) as stage:
        heads = {log: await stage.store.heads(log) for log in logs}
        total = sum(one.position for found in heads.values() for one in found.values())
        reached: dict[Place, int] = {}
        with progress_bar("verifying") as bar:

            def told(place: Place, position: int) -> None:
                reached[place] = position
                bar.say(f"{place[0]} shard {place[1]}")
                bar(sum(reached.values()), total)

            found = stage.verdicts(logs, told, topics=topics, books=True, given=given)
            return [verdict async for verdict in found]


def _logs(names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in names if name not in LOGS]
    if unknown:
        raise ConfigError(f"no log {unknown[0]!r}; there are {', '.join(LOGS)}")
    return names or LOGS


def _head(text: str) -> tuple[Place, GivenHead]:
    """Return a head given as log/shard/position/chain.

    Raises:
        ConfigError: it is none.
    """
    found = HEAD.fullmatch(text)
    if found is None or found["log"] not in LOGS:
        raise ConfigError(f"{text!r} is no head; expected log/shard/position/chain")
    place = (found["log"], int(found["shard"]))
    return place, GivenHead(int(found["position"]), bytes.fromhex(found["chain"]))


def _heads_in(path: Path) -> dict[Place, GivenHead]:
    """Return the heads of a backup, or of the JSON lines that `verify --json` once printed."""
    if (path / MANIFEST).exists():
        return manifest_of(path).given
    try:
        lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines() if line.strip()]
        return dict(_head(line["head"]) for line in lines if line["head"] is not None)
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: neither a backup nor lines of an earlier verification") from error


def _told(verdict: ShardVerdict) -> dict[str, object]:
    topic, broken = verdict.topic, verdict.first_break
    place = f"{verdict.log}/{verdict.shard}/{verdict.position}"
    known = broken is None and verdict.chain is not None and verdict.position
    return {
        "log": verdict.log,
        "shard": verdict.shard,
        "position": verdict.position,
        "head": f"{place}/{verdict.chain.hex()}" if known and verdict.chain is not None else None,
        "topic": None
        if topic is None
        else {"first": topic.first, "last": topic.last, "repeats": topic.repeats},
        "broken": None if broken is None else {"position": broken.position, "found": broken.found},
    }


def line_of(verdict: ShardVerdict) -> str:
    """Return what was found of one whole shard."""
    told = f"{verdict.log} shard {verdict.shard}: {verdict.position:,} events"
    topic = verdict.topic
    if topic is None:
        return told
    if not topic.last:
        return f"{told}, nothing on the topic"
    repeats = f", {topic.repeats} repeats" if topic.repeats else ""
    return f"{told}, topic {topic.first:,} to {topic.last:,}{repeats}"
