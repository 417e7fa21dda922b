"""`capledger replay export | run`: bundles of events, written, proved, folded and asked without a server."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from cli.composition import SERVICES
from cli.operations import HERE, Json, UnknownNameError, Where, instant, progress_bar, tell
from cli.showing import show
from infra.bundle import BundleStore, Folding, Header, Proof, Selection, export, fold_all, prove, read
from infra.bundle.folding import nodes
from infra.codec import InvalidMessageError, convert, plain
from infra.config import ConfigError
from infra.operating import as_service
from schemas.decision import Refused


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A question to a bundle; what is not in the bundle is not known to it.

    Attributes:
        ask: its name, such as contracts.exposure.
        with_: its fields, JSON.
        as_: as which tenant; the one that the bundle was made for otherwise.
        valid_at: the instant asked about.
        known_at: a past instant.
    """

    ask: Annotated[str | None, Parameter(help="A question, such as contracts.exposure.")] = None
    with_: Annotated[str, Parameter(name="--with", help="Its fields, JSON.")] = "{}"
    as_: Annotated[str | None, Parameter(name="--as", help="As which tenant.")] = None
    valid_at: Annotated[str | None, Parameter(help="The instant asked about.")] = None
    known_at: Annotated[str | None, Parameter(help="A past instant.")] = None


NOTHING = Asking()


def export_bundle(
    file: Path,
    *,
    tenant: str,
    stream: str | None = None,
    log: str | None = None,
    known_at: str | None = None,
    leaves: Annotated[bool, Parameter(negative="", help="Let the chain hold without a gap.")] = False,
    where: Where = HERE,
) -> int:
    """Write what a tenant may see, or one stream of its book, into one file that needs no server.

    Args:
        file: Where.
        tenant: Whose events, or whose book.
        stream: Only this stream, such as contract-google; with --log.
        log: The log of the stream.
        known_at: As known at a past instant.
        leaves: Put in the hashes of all other events, so that the chain can be followed to any later head.
        where: The ledger.
    """
    if (stream is None) != (log is None):
        raise ConfigError("a stream is named with its log: --stream contract-google --log contracts")
    selection = Selection(tenant=tenant, log=log, stream=stream, leaves=leaves)
    header = asyncio.run(_export(file, selection, known_at, where))
    print(f"{file}: {len(header.types)} types of events, as known at {header.made_at:%Y-%m-%d %H:%M:%S} UTC")
    return 0


def run_bundle(
    file: Path,
    *,
    stream: str | None = None,
    asking: Asking = NOTHING,
    as_json: Json = False,
) -> int:
    """Prove a bundle, fold its streams with this release's rules, and answer a question of it. No server.

    Exits with 1 if the bundle does not hold together.

    Args:
        file: The bundle.
        stream: Print the state of this stream.
        asking: A question to answer.
        as_json: Print JSON for programs.
    """
    bundle = read(file)
    proofs = prove(bundle)
    broken = [proof.broken for proof in proofs if proof.broken is not None]
    if broken:
        Console(highlight=False, soft_wrap=True).print(f"[bold red]broken[/]  {broken[0]}")
        return 1
    store = BundleStore(bundle)
    if asking.ask is not None:
        answer = asyncio.run(_asked(store, bundle.header, asking.ask, asking))
        show(answer, as_json=as_json)
        return 0
    foldings = fold_all(store, SERVICES)
    if stream is not None:
        chosen = [one for one in foldings if one.stream == stream]
        if not chosen:
            raise UnknownNameError(f"no stream {stream} in the bundle; it has the streams listed without it")
        show([plain(one) for one in chosen] if as_json else chosen[0].state, as_json=as_json)
        return 0
    _tell_bundle(bundle.header, proofs, foldings, as_json=as_json)
    return 0


async def _export(file: Path, selection: Selection, known_at: str | None, where: Where) -> Header:
    service = SERVICES[0]
    config = where.settings(service.name)
    async with as_service(config, where.name(config), service) as stage:
        past = (await stage.node(service)).past
        cut = await past.heads() if known_at is None else await past.resolve(instant(known_at))
        with progress_bar(f"writing {file.name}") as bar:
            return await export(stage.store, stage.ledger, SERVICES, selection, cut, file, bar)


async def _asked(store: BundleStore, header: Header, ask: str, asking: Asking) -> object:
    found = {name: node for node in (await nodes(store, header, SERVICES)).values() for name in node.asks}
    if ask not in found:
        raise UnknownNameError(f"no question {ask!r}; there are {', '.join(sorted(found))}")
    try:
        values = msgspec.json.decode(asking.with_)
    except msgspec.DecodeError as error:
        raise ConfigError(f"--with: {error}") from error
    try:
        question = convert(found[ask].asks[ask].question, values)
    except InvalidMessageError as error:
        raise ConfigError(f"--with: {error}") from error
    valid_at, known_at = (
        None if text is None else instant(text) for text in (asking.valid_at, asking.known_at)
    )
    known = None if known_at is None else await store.resolve(known_at)
    answer = await found[ask].ask(ask, asking.as_ or header.tenant, question, valid_at=valid_at, known=known)
    if isinstance(answer, Refused):
        return {"refused": answer.code.value, **plain(answer.details)}
    return plain(answer)


def _tell_bundle(
    header: Header, proofs: Sequence[Proof], foldings: Sequence[Folding], *, as_json: bool
) -> None:
    if as_json:
        tell({"header": header, "proofs": proofs, "streams": foldings})
        return
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"{header.tenant} in {header.ledger}, as known at {header.made_at:%Y-%m-%d %H:%M:%S} UTC")
    for proof in proofs:
        held = "the chain holds from the first event" if proof.whole else "each event holds in its link"
        out.print(f"  {proof.log} shard {proof.shard}: {proof.events} events, {held}")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("log", "stream", "events", "state"):
        table.add_column(name, overflow="fold")
    for one in foldings:
        table.add_row(one.log, f"{one.tenant} {one.stream}", str(one.events), one.digest or one.why_not)
    out.print(table)
