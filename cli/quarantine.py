"""`capledger quarantine list | show | retry | discard`: events that a consumer could not apply."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from cli.composition import SERVICES
from cli.operations import HERE, Json, Where, service_of, tell
from infra.config import ConfigError
from infra.event_store import Recorded
from infra.operating import as_service
from infra.quarantine import Quarantine
from infra.read_store import Parked
from infra.service import Service
from schemas.decision import Origin

GROUP = App(name="quarantine", help="Events that a consumer could not apply, and what waits behind them.")

Consumer = Annotated[str, Parameter(help="The consumer, such as settlement.facts.")]
Place = Annotated[str, Parameter(name="PLACE", help="log/shard/position, as the list shows it.")]


@GROUP.command(name="list")
def list_(*, consumer: str | None = None, as_json: Json = False, where: Where = HERE) -> int:
    """List what is in quarantine; exits with 1 if there is something.

    Args:
        consumer: Only of this consumer.
        as_json: Print JSON for programs: one line an event.
        where: The ledger.
    """
    services = SERVICES if consumer is None else (service_of(consumer),)
    found = [one for service in services for one in asyncio.run(_parked(service, consumer, where))]
    if as_json:
        for one in found:
            tell(one)
        return int(bool(found))
    out = Console(highlight=False, soft_wrap=True)
    if not found:
        out.print("nothing is in quarantine")
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("consumer", "place", "stream", "since", "reason"):
        table.add_column(name, overflow="fold")
    for one in found:
        since = f"{one.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(one.consumer, _place(one), f"{one.tenant} {one.stream}", since, one.reason)
    out.print(table)
    return 1


@GROUP.command
def show(consumer: Consumer, place: Place, *, as_json: Json = False, where: Where = HERE) -> int:
    """Show an event in quarantine, with what it holds and why it is there."""
    parked, recorded = asyncio.run(_one(consumer, place, where))
    told = {
        **msgspec.to_builtins(parked),
        "type": recorded.type,
        "effective_at": recorded.effective_at,
        "recorded_at": recorded.recorded_at,
        "meta": msgspec.json.decode(recorded.meta_bytes),
        "payload": msgspec.json.decode(recorded.payload),
    }
    if as_json:
        tell(told)
    else:
        print(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
    return 0


@GROUP.command
def retry(
    consumer: Consumer,
    place: Annotated[str | None, Parameter(name="PLACE", help="log/shard/position; all otherwise.")] = None,
    *,
    where: Where = HERE,
) -> int:
    """Apply events in quarantine again, with this release; what waits behind one follows it.

    Exits with 1 if something stays.
    """
    done, left = asyncio.run(_retry(consumer, place, where))
    print(f"{done} applied, {left} left in quarantine")
    return int(bool(left))


@GROUP.command
def discard(
    consumer: Consumer,
    place: Place,
    *,
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
    where: Where = HERE,
) -> int:
    """Take an event out of quarantine for good, without its effect; what waits behind it follows."""
    question = f"{consumer} will never apply {place}. Type 'discard' to agree: "
    if not yes and input(question).strip() != "discard":
        return 1
    done = asyncio.run(_discard(consumer, place, where))
    print(f"discarded; {done} that waited behind it applied")
    return 0


async def _parked(service: Service, consumer: str | None, where: Where) -> Sequence[Parked]:
    async with _quarantine(service, where) as quarantine:
        return await quarantine.list(consumer)


async def _one(consumer: str, place: str, where: Where) -> tuple[Parked, Recorded]:
    async with _quarantine(service_of(consumer), where) as quarantine:
        return await quarantine.find(consumer, _origin(place))


async def _retry(consumer: str, place: str | None, where: Where) -> tuple[int, int]:
    async with _quarantine(service_of(consumer), where) as quarantine:
        return await quarantine.retry(consumer, None if place is None else _origin(place))


async def _discard(consumer: str, place: str, where: Where) -> int:
    async with _quarantine(service_of(consumer), where) as quarantine:
        return await quarantine.discard(consumer, _origin(place))


@asynccontextmanager
async def _quarantine(service: Service, where: Where) -> AsyncGenerator[Quarantine]:
    config = where.settings(service.name)
    async with as_service(config, where.name(config), service) as stage:
        node = await stage.node(service)
        yield Quarantine(node)
        await node.commands.close()


def _origin(text: str) -> Origin:
    """Return a place written as log/shard/position.

    Raises:
        ConfigError: it is none.
    """
    log, _, rest = text.partition("/")
    shard, _, position = rest.partition("/")
    if not (shard.isdecimal() and position.isdecimal()):
        raise ConfigError(f"{text!r} is no place; expected log/shard/position, as the list shows it")
    return Origin(log, int(shard), int(position))


def _place(parked: Parked) -> str:
    return f"{parked.log}/{parked.shard}/{parked.position}"
