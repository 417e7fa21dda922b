"""What `capledger export` writes of a ledger that is running, judged by somebody else's checkers."""

import asyncio
import json
from collections.abc import AsyncIterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cli.connection import Connection
from cli.playing import player
from infra.scenario.live import LivePlayer
from infra.scenario.model import load
from infra.scenario.play import play
from tests.e2e.conftest import capledger
from tests.unit.settlement.test_exports_of_stories import FAULT, SCENARIOS, schematron
from tests.unit.settlement.test_focus import DATASETS, toolkit

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

STORY = SCENARIOS / "golden" / "settlement" / "17-credit-notes-cumulative-tax.yaml"
VALID_AT = "2026-12-01T00:00:00Z"
PARTIES = {
    "nimbus": {"name": "Nimbus Compute GmbH", "country": "DE", "vat_id": "DE123456789"},
    "acme": {"name": "Acme Research SA", "country": "FR", "vat_id": "FR12345678901"},
}


class Sold:
    """A story that was played on a sandbox of the running stack, and what exports are made of it."""

    def __init__(self, ledger: LivePlayer, stack: Path, folder: Path) -> None:
        self.ledger, self._stack, self._folder = ledger, stack, folder
        self.parties = folder / "parties.json"
        self.parties.write_text(json.dumps(PARTIES))

    async def issued(self, type_: str) -> list[dict[str, Any]]:
        """What was told of one type of event, oldest first."""
        page = await self.ledger._admin.get("settlement", "/v1/history?limit=1000")
        return [event["data"] for event in page["events"] if event["type"] == type_]

    async def export(self, into: str, *words: str) -> dict[str, bytes]:
        """The files of an export, by name."""
        folder = self._folder / into
        where = ("--dir", str(self._stack), "--ledger", self.ledger.ledger)
        ended = await asyncio.to_thread(capledger, "export", *words, "--to", str(folder), *where)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}

    def path(self, *names: str) -> Path:
        return self._folder.joinpath(*names)

    async def mark(self) -> str:
        """The basis of everything known now."""
        await self.ledger.mark("now")
        return self.ledger._marks["now"]


@pytest_asyncio.fixture
async def sold(stack: Path, tmp_path: Path) -> AsyncIterator[Sold]:
    loaded = load(STORY)
    async with player(loaded.scenario.clock, Connection(directory=stack)) as ledger:
        assert isinstance(ledger, LivePlayer)
        async for step in play(loaded, ledger):
            assert not step.wrong, step.wrong
        yield Sold(ledger, stack, tmp_path)


@pytest.mark.skipif(find_spec("focus_data_toolkit") is None, reason="needs focus-data-toolkit")
async def test_the_toolkit_passes_the_focus_datasets_of_a_running_ledger(sold: Sold) -> None:
    files = await sold.export("focus", "focus", "nimbus", "--valid-at", VALID_AT)

    bundle: list[str] = []
    for name, dataset in DATASETS.items():
        if f"{name}.csv" in files:
            file = str(sold.path("focus", f"{name}.csv"))
            toolkit("validate", "--dataset", dataset, file)
            bundle += [f"--{dataset}", file]
    assert bundle
    assert json.loads(toolkit("validate-bundle", *bundle, "--format", "json"))["ok"]


async def test_the_schematron_finds_nothing_in_the_documents_of_a_running_ledger(sold: Sold) -> None:
    statements = await sold.issued("settlement.StatementIssued.v1")
    notes = await sold.issued("settlement.CreditNoteIssued.v1")
    names = [(one["contract"], one["statement"]) for one in statements]
    names += [(one["contract"], one["credit_note"]) for one in notes]
    assert statements
    assert notes

    with schematron() as rules:
        for contract, number in names:
            files = await sold.export(
                number.replace("/", "-"), "invoice", contract, number, "--parties", str(sold.parties)
            )
            (written,) = [name for name in files if name.endswith(".xml")]
            file = str(sold.path(number.replace("/", "-"), written))
            assert FAULT.findall(rules.transform_to_string(source_file=file)) == [], number
            assert any(name.endswith(".html") for name in files)


async def test_bean_check_passes_the_books_of_a_running_ledger(sold: Sold) -> None:
    loader = pytest.importorskip("beancount.loader")

    files = await sold.export("books", "journal", "nimbus")
    entries, errors, _ = loader.load_file(str(sold.path("books", "nimbus.beancount")))

    assert list(files) == ["nimbus.beancount"]
    assert errors == []
    assert {type(entry).__name__ for entry in entries} == {"Open", "Transaction", "Balance"}


async def test_parquet_holds_answers_with_decimals_as_decimals(sold: Sold) -> None:
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    (one, *_) = await sold.issued("settlement.StatementIssued.v1")
    asked = {
        "settlement.statement": (f"statement={one['statement']}",),
        "settlement.explain": (f"statement={one['statement']}", "line=1"),
        "settlement.balance": (f"contract={one['contract']}",),
        "settlement.commitments": (f"contract={one['contract']}",),
        "settlement.journal": ("tenant=nimbus", "from=2026-01-01T00:00:00Z", "to=2027-01-01T00:00:00Z"),
        "settlement.revenue": (
            f"contract={one['contract']}",
            "from=2026-01-01T00:00:00Z",
            "to=2027-01-01T00:00:00Z",
        ),
        "contracts.terms": (f"contract={one['contract']}",),
        "capacity.pool": ("pool=nimbus/pool-1",),
    }
    for ask, fields in asked.items():
        files = await sold.export(ask, "parquet", ask, *fields, "--as", "nimbus", "--valid-at", VALID_AT)
        tables = {name: parquet.read_table(sold.path(ask, name)) for name in files}
        assert tables, ask
        kinds = {field.type for table in tables.values() for field in table.schema}
        assert not any(arrow.types.is_floating(kind) for kind in kinds), ask
    amounts = parquet.read_table(sold.path("settlement.statement", "settlement.statement.lines.parquet"))
    assert arrow.types.is_decimal(amounts.schema.field("amount").type)


async def test_the_same_basis_gives_the_same_files_whatever_came_after(sold: Sold) -> None:
    basis = await sold.mark()
    as_known = ("--known-at", basis, "--valid-at", VALID_AT)
    before = [
        await sold.export("books-before", "journal", "nimbus", *as_known),
        await sold.export("focus-before", "focus", "nimbus", *as_known),
    ]
    nimbus = await sold.ledger._as("nimbus")
    (one, *_) = await sold.issued("settlement.StatementIssued.v1")
    paid = {"contract": one["contract"], "payment": "late", "amount": "1", "received_at": VALID_AT}
    await nimbus.command("settlement.RecordPayment.v1", paid, id_="late", effective_at=None)
    await sold.ledger._rest()

    assert [
        await sold.export("books-after", "journal", "nimbus", *as_known),
        await sold.export("focus-after", "focus", "nimbus", *as_known),
    ] == before
    assert await sold.export("books-now", "journal", "nimbus") != before[0]


async def test_what_is_no_basis_of_the_ledger_is_said_so(sold: Sold, stack: Path) -> None:
    basis = await sold.mark()
    where = ("--dir", str(stack), "--ledger", sold.ledger.ledger, "--to", str(sold.path("x")))
    spoilt = basis[:-6] + ("AAAAAA" if basis[-6:] != "AAAAAA" else "BBBBBB")

    ended = await asyncio.to_thread(capledger, "export", "journal", "nimbus", "--known-at", spoilt, *where)

    assert ended.returncode != 0
    assert "no basis of this ledger" in ended.stdout + ended.stderr
