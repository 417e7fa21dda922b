"""`capledger export focus | journal | invoice | parquet`: files for other systems, the same at the same cut.

An export reads the ledger from behind the services, under the settlement service's role: it is for whoever
runs the ledger, and takes any tenant.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from cyclopts import App, Parameter

from cli.asking import moment
from cli.composition import SERVICES
from cli.export_tables import files_of
from cli.history import Field, find, question_of
from cli.operations import HERE, Where, instant
from infra.codec import InvalidMessageError, convert, plain
from infra.config import ConfigError
from infra.event_store import Cut
from infra.node import Node
from infra.operating import as_service
from infra.past import Past
from infra.service import Service
from infra.tokens import Basis, TokenError
from schemas.decision import Refused
from services.settlement import exporting
from services.settlement.exports.parties import PartyDetails
from services.settlement.knowledge import agreement_of
from services.settlement.service import SERVICE as SETTLEMENT

GROUP = App(name="export", help="Files for other systems: FOCUS, Beancount, UBL and HTML invoices, Parquet.")
T = TypeVar("T")

To = Annotated[Path, Parameter(name="--to", help="The folder to write into; made if it is not there.")]


class NotTakenInError(ConfigError):
    """What is asked for as known at some time is not in every read model yet: it will be in a moment."""


class NothingThereError(ConfigError):
    """There is nothing of that name to export."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """As of when.

    Attributes:
        known_at: as known at a past instant or day, or as an earlier reply rests on it; now otherwise.
        valid_at: asked about this instant or day; otherwise the one of the basis given, or now.
    """

    known_at: Annotated[
        str | None, Parameter(help="As known at a past instant or day, or the basis of a reply.")
    ] = None
    valid_at: Annotated[str | None, Parameter(help="The instant or day asked about.")] = None


NOW = When()


@GROUP.command
def focus(tenant: str, *, to: To, when: When = NOW, where: Where = HERE) -> int:
    """Write the FOCUS 1.4 datasets of a supplier, each as CSV and as Parquet.

    Args:
        tenant: The supplier.
        to: The folder.
        when: As of when.
        where: The ledger.
    """
    found = _read(SETTLEMENT, when, where, lambda _, past, at: exporting.focus(past, tenant, at))
    return _written(to, found)


@GROUP.command
def journal(tenant: str, *, to: To, when: When = NOW, where: Where = HERE) -> int:
    """Write a tenant's books as a Beancount ledger.

    Args:
        tenant: Whose books.
        to: The folder.
        when: As of when.
        where: The ledger.
    """
    found = _read(SETTLEMENT, when, where, lambda _, past, _at: exporting.journal(past, tenant))
    return _written(to, {f"{tenant}.beancount": found.encode()})


@GROUP.command
def invoice(
    contract: Annotated[str, Parameter(help="supplier/contract.")],
    number: Annotated[str, Parameter(help="A statement, or a credit note.")],
    *,
    parties: Annotated[Path, Parameter(help="Names, addresses and tax ids: YAML or JSON, by tenant.")],
    to: To,
    when: When = NOW,
    where: Where = HERE,
) -> int:
    """Write a statement or credit note as UBL 2.1 (EN 16931) and as a page to print.

    Args:
        contract: Whose contract it is of.
        number: Which.
        parties: What the ledger does not know of supplier and customer: `{tenant: {name, country, ...}}`.
        to: The folder.
        when: As of when.
        where: The ledger.
    """
    details = _details(parties)

    async def read(_: Node, past: Past, _at: datetime) -> Mapping[str, bytes]:
        agreement, _events = await agreement_of(past, contract)
        made = None
        if agreement is not None:
            supplier, customer = (_chosen(details, one) for one in (agreement.supplier, agreement.customer))
            made = await exporting.invoice(past, contract, number, supplier, customer)
        if made is None:
            raise NothingThereError(f"{contract} has no statement or credit note {number}")
        stem = number.replace("/", "-")
        return {f"{stem}.xml": made[0], f"{stem}.html": made[1].encode()}

    return _written(to, _read(SETTLEMENT, when, where, read))


@GROUP.command
def parquet(
    ask: str,
    *fields: Field,
    as_: Annotated[str, Parameter(name="--as", help="The tenant who asks.")],
    to: To,
    when: When = NOW,
    where: Where = HERE,
) -> int:
    """Write the answer to any question as Parquet: one file for each list in it, decimals as decimals.

    Args:
        ask: The question, such as settlement.journal.
        fields: Its fields, such as tenant=orion.
        as_: The tenant who asks.
        to: The folder.
        when: As of when.
        where: The ledger.
    """
    asked = find(ask)
    service = next(one for one in SERVICES if asked in one.asks)
    try:
        question = convert(asked.question, question_of(asked, fields))
    except InvalidMessageError as error:
        raise ConfigError(f"{ask}: {error}") from error

    async def read(node: Node, past: Past, at: datetime) -> Mapping[str, bytes]:
        answer = await node.ask(ask, as_, question, valid_at=at, known=past.cut)
        if isinstance(answer, Refused):
            raise NothingThereError(f"{ask}: {answer.code.value}")
        return files_of(ask, plain(answer))

    return _written(to, _read(service, when, where, read))


def _read(
    service: Service, when: When, where: Where, read: Callable[[Node, Past, datetime], Awaitable[T]]
) -> T:
    """Return what is read of a ledger, at one cut and valid at one instant."""
    valid_at = moment(when.valid_at)

    async def run() -> T:
        config = where.settings(service.name)
        async with as_service(config, where.name(config), service) as stage:
            node = await stage.node(service)
            now = await stage.store.now()
            cut, of_basis = await _known(node, moment(when.known_at))
            at = (of_basis or now.replace(microsecond=0)) if valid_at is None else instant(valid_at)
            return await read(node, node.past.at(cut), at)

    return asyncio.run(run())


async def _known(node: Node, known_at: str | None) -> tuple[Cut, datetime | None]:
    """Return what is known at an instant or a basis, else all that is taken in; of a basis its instant too.

    Raises:
        ConfigError: a basis that does not hold here, or no instant.
        NotTakenInError: it is not in every read model yet.
    """
    if known_at is None:
        return await _taken_in(node), None
    if node.sealer.kind(known_at) is None:
        cut, valid_at = await node.past.resolve(instant(known_at)), None
    else:
        try:
            basis: Basis = node.sealer.open("basis", node.ledger.name, known_at).mark
        except TokenError as error:
            raise ConfigError(f"--known-at: {error}") from error
        cut, valid_at = basis.cut, basis.valid_at
    for projection in node.service.projections:
        consumed = await node.past.consumed(projection.name)
        if any(consumed.position(*at) < cut.position(*at) for at in consumed.positions):
            raise NotTakenInError(f"{projection.name} has not taken in all that is asked for: try again")
    return cut, valid_at


async def _taken_in(node: Node) -> Cut:
    """Return the newest cut that every read model has taken in: it gives the same files later too."""
    cuts = [await node.past.closed(projection.name) for projection in node.service.projections]
    if not cuts:
        return await node.past.heads()
    places = {at for cut in cuts for at in cut.positions}
    return Cut({at: min(cut.position(*at) for cut in cuts) for at in places})


def _details(file: Path) -> Mapping[str, PartyDetails]:
    """Return the details of a file by tenant.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        given = msgspec.yaml.decode(file.read_bytes(), type=dict[str, dict[str, str | None]])
        return {name: msgspec.convert({**one, "tenant": name}, PartyDetails) for name, one in given.items()}
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{file}: {error}") from error


def _chosen(details: Mapping[str, PartyDetails], tenant: str) -> PartyDetails:
    if tenant not in details:
        raise ConfigError(
            f"nothing about {tenant} is in the file of parties; its name and country are needed"
        )
    return details[tenant]


def _written(folder: Path, files: Mapping[str, bytes]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        print(f"{folder / name}\t{len(content)} bytes")
    return 0
