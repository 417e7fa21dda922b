"""What the exports read, found at a cut: the same cut gives the same files, byte for byte."""

from collections.abc import Mapping
from datetime import datetime

from infra.config import ConfigError
from infra.past import Past
from schemas.kernel.money import digits
from schemas.kernel.names import owner
from schemas.settlement import CreditNoteIssued, IntervalClosed, StatementIssued
from services.settlement.domain.computing import rated
from services.settlement.domain.intervals import slots
from services.settlement.domain.rating.prepayment import run_out
from services.settlement.domain.valuing import RateMissingError
from services.settlement.exports import beancount, html, ubl
from services.settlement.exports.documents import Document, of_credit_note, of_statement, turned
from services.settlement.exports.focus import ContractBooks, datasets
from services.settlement.exports.focus.books import PrepaidLeft
from services.settlement.exports.parties import PartyDetails
from services.settlement.exports.tables import as_csv, as_parquet
from services.settlement.gathering import account_at
from services.settlement.knowledge import closed_cut, known_whole
from services.settlement.reads.journal import groups_of
from services.settlement.recomputing import stream_of_account


class UnwritableError(ConfigError):
    """What is asked for cannot be written in the format asked for."""


async def focus(past: Past, tenant: str, at: datetime) -> Mapping[str, bytes]:
    """Return the FOCUS datasets of a supplier as CSV and Parquet, by file name.

    One without rows, such as the commitments of contracts that commit to nothing, is left out.
    """
    books: list[ContractBooks] = []
    for name in await past.streams("contracts", tenant, "contract"):
        if name.tenant == tenant:
            found = await _books(past, f"{tenant}/{name.stream.removeprefix('contract-')}", at)
            books += [] if found is None else [found]
    files: dict[str, bytes] = {}
    for dataset in datasets(books):
        if not dataset.rows:
            continue
        files[f"{dataset.name}.csv"] = as_csv(dataset.columns, dataset.rows).encode()
        files[f"{dataset.name}.parquet"] = as_parquet(dataset.columns, dataset.rows, dataset.decimals)
    return files


async def journal(past: Past, tenant: str) -> str:
    """Return a tenant's books as Beancount.

    Raises:
        UnwritableError: something cannot be booked for want of a rate.
    """
    try:
        groups = await groups_of(past, tenant)
    except RateMissingError as error:
        raise UnwritableError(f"the books of {tenant} cannot be closed: {error}") from error
    return beancount.journal(groups, f"Books of {tenant}")


async def document(past: Past, contract: str, number: str) -> tuple[Document, ubl.Kind] | None:
    """Return a statement or credit note of a contract as a document, None if there is none of that name."""
    for recorded in await stream_of_account(past, contract):
        match recorded.event:
            case StatementIssued(statement=found) as event if found == number:
                made = of_statement(event)
                return (turned(made), "CreditNote") if made.total < 0 else (made, "Invoice")
            case CreditNoteIssued(credit_note=found) as event if number in (found, f"{contract}/{found}"):
                return of_credit_note(event), "CreditNote"
            case _:
                pass
    return None


async def invoice(
    past: Past, contract: str, number: str, supplier: PartyDetails, customer: PartyDetails
) -> tuple[bytes, str] | None:
    """Return a statement or credit note as UBL and as HTML, None if there is none of that name.

    Raises:
        UnwritableError: EN 16931 has no amounts as fine as its currency's.
    """
    found = await document(past, contract, number)
    if found is None:
        return None
    made, kind = found
    if digits(made.currency) > ubl.DIGITS_MAX:
        raise UnwritableError(f"{number} is in {made.currency}: EN 16931 knows two digits, no more")
    title = "Invoice" if kind == "Invoice" else "Credit note"
    return ubl.written(made, kind, supplier, customer), html.page(made, title, supplier, customer)


async def _books(past: Past, contract: str, at: datetime) -> ContractBooks | None:
    cut = await closed_cut(past)
    state = await account_at(past, contract)
    found = await known_whole(past.at(cut), contract, state, at)
    if found is None:
        return None
    all_slots = slots(found.agreement, found.agreement.end, state.issued)
    until = max((kept.interval.end for kept in state.issued.values()), default=found.agreement.term_start)
    rating = rated(found.deal, all_slots, state, until)
    if rating.intervals:
        run_out(rating.purses, at, rating.intervals[-1].scope)
    events = [recorded.event for recorded in await stream_of_account(past, contract)]
    assert owner(contract) == found.agreement.supplier, "a contract is named by its supplier"
    return ContractBooks(
        agreement=found.agreement,
        statements=tuple(event for event in events if isinstance(event, StatementIssued)),
        closed=frozenset(event.interval.start for event in events if isinstance(event, IntervalClosed)),
        prepaid=tuple(PrepaidLeft(charge=p.charge.charge, left=p.left) for p in rating.purses),
        at=at,
    )
