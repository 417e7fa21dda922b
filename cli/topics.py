"""`capledger relay status` and `capledger topics status`: how the topics stand to the logs."""

import asyncio
from collections.abc import Sequence

import msgspec
from cyclopts import App
from rich.console import Console
from rich.table import Table

from cli.operations import HERE, Json, Where, tell
from infra.bus import Place, TopicEnd, TopicMismatchError
from infra.event_store import EventStore, Head
from infra.operating import as_administrator
from schemas.catalog import LOGS

RELAY = App(name="relay", help="How far the topics are behind the logs.")
TOPICS = App(name="topics", help="Whether the topics are as they must be.")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One shard: how far its log and its topic reach, and whether the topic is the log's."""

    log: str
    shard: int
    head: int
    relayed: int
    offsets: int
    agrees: bool

    @property
    def backlog(self) -> int:
        """How many events are not yet on the topic."""
        return self.head - self.relayed


@RELAY.command(name="status")
def relay_status(*, as_json: Json = False, where: Where = HERE) -> int:
    """Show the backlog of every shard; exits with 1 if a topic does not agree with its log.

    Args:
        as_json: Print JSON for programs: one line a shard.
        where: The ledger.
    """
    standings = asyncio.run(_standings(where))
    table = Table("log", "shard", "log at", "topic at", "backlog", "", box=None)
    for one in standings:
        if as_json:
            tell({**msgspec.structs.asdict(one), "backlog": one.backlog})
        elif one.head or one.relayed:
            verdict = "[green]agrees[/]" if one.agrees else "[bold red]differs from the log[/]"
            numbers = (str(one.shard), f"{one.head:,}", f"{one.relayed:,}", f"{one.backlog:,}")
            table.add_row(one.log, *numbers, verdict)
    if not as_json:
        Console(highlight=False).print(table)
    return int(not all(one.agrees for one in standings))


@TOPICS.command(name="status")
def topics_status(*, as_json: Json = False, where: Where = HERE) -> int:
    """Show whether the topics have the partitions and settings that they must; exits with 1 if not.

    Args:
        as_json: Print JSON for programs: one line, the topics and everything that is wrong.
        where: The ledger.
    """
    names, faults = asyncio.run(_faults(where))
    if as_json:
        tell({"topics": names, "faults": faults})
        return int(bool(faults))
    out = Console(highlight=False, soft_wrap=True)
    for name in names:
        wrong = [fault for fault in faults if fault.startswith(f"{name}:")]
        out.print(f"[bold red]wrong[/]  {'; '.join(wrong)}" if wrong else f"[green]as it must be[/]  {name}")
    return int(bool(faults))


async def _standings(where: Where) -> Sequence[Standing]:
    config = where.settings()
    async with as_administrator(config, where.name(config)) as ledger, ledger.bus() as bus:
        heads = {log: await ledger.store.heads(log) for log in LOGS}
        ends = await bus.ends([(log, shard) for log in LOGS for shard in heads[log]])
        return [
            await _standing(ledger.store, place, heads[place[0]][place[1]], ends[place]) for place in ends
        ]


async def _standing(store: EventStore, place: Place, head: Head, end: TopicEnd) -> Standing:
    last = end.last
    agrees = True
    if last is not None:
        kept = await store.shard(*place, last.position - 1, 1)
        agrees = bool(kept) and kept[0].chain == last.chain
    relayed = 0 if last is None else last.position
    return Standing(
        log=place[0], shard=place[1], head=head.position, relayed=relayed, offsets=end.end, agrees=agrees
    )


async def _faults(where: Where) -> tuple[list[str], list[str]]:
    config = where.settings()
    async with as_administrator(config, where.name(config)) as ledger, ledger.bus() as bus:
        names = [ledger.ledger.topic(log) for log in LOGS]
        try:
            await bus.prepare(LOGS, create=False)
        except TopicMismatchError as error:
            return names, list(error.faults)
        return names, []
