from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from rich.console import RenderableType

from cli import boards
from cli.boards import BOARDS, contracts, waterfall
from cli.boards.printing import text_of
from cli.boards.waterfall import levels
from cli.composition import SERVICES
from tests.unit.cli.deals import answers

KEPT = Path(__file__).with_name("boards")


def lines(board: RenderableType) -> list[str]:
    return text_of(board).splitlines()


def test_every_question_has_a_board() -> None:
    assert set(BOARDS) == {ask.name for service in SERVICES for ask in service.asks}


DRAWN: Mapping[str, Callable[[], RenderableType]] = {
    "exposures": lambda: boards.exposures(answers()["exposures"]),
    "obligations": lambda: BOARDS["contracts.obligations"]({}, answers()["obligations"]),
    "status": lambda: BOARDS["contracts.status"]({"contract": "anthropic"}, answers()["status"]),
    "terms-over-time": lambda: contracts.timeline(answers()["history"]),
    "timeline": lambda: boards.timeline("spacex/colossus-2-gb300", answers()["timeline"]),
    "pool": lambda: BOARDS["capacity.pool"]({"pool": "colossus-2-gb300"}, answers()["pool"]),
    "statement": lambda: boards.statement(answers()["statement"]),
    "waterfall": lambda: waterfall(answers()["statement"], answers()["balance"]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_board_of_the_deals_looks_as_it_is_kept(name: str) -> None:
    assert text_of(DRAWN[name]()) == (KEPT / f"{name}.txt").read_text()


def test_a_fee_that_is_not_known_is_said_and_not_drawn_as_nothing() -> None:
    assert lines(contracts.exposure(answers()["exposure"]))[-2:] == [
        "not known yet: fee, 2026-05-06 to 2026-06-01",
        "not known yet: fee, 2026-06-01 to 2026-07-01",
    ]


def test_the_fuller_disclosure_shows_as_what_it_changed() -> None:
    found = lines(contracts.difference("Terms", answers()["terms in May"], answers()["terms"]))
    assert found[0] == "Terms  6 differences"
    told = [line.split("   ")[0] for line in found[3:]]
    assert told == [
        "lines[colossus-1]",
        "lines[colossus-1].quantity",
        "lines[colossus-2]",
        "lines[colossus-2].quantity",
        "charges[fee].lines",
        "termination[leave].notice_not_before_months",
    ]
    assert found[-1].split()[1:] == ["nothing", "3"]


def test_the_same_terms_twice_differ_in_nothing() -> None:
    assert lines(contracts.difference("Terms", answers()["terms"], answers()["terms"])) == [
        "Terms  no difference"
    ]


def test_corrections_tax_and_prepayment_are_steps_of_a_waterfall() -> None:
    line = {"charge": "c", "corrects": None}
    statement = {
        "statement": "a/b-2026-02",
        "currency": "JPY",
        "interval": {"start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"},
        "lines": [
            {**line, "kind": "fixed", "amount": "1000"},
            {**line, "kind": "usage", "amount": "30"},
            {**line, "kind": "sla", "amount": "-100"},
            {**line, "kind": "prepayment", "amount": "-200"},
            {**line, "kind": "usage", "amount": "-5", "corrects": "a/b-2026-01"},
        ],
        "taxes": [{"amount": "73"}],
        "total": "798",
        "undetermined": [],
    }
    assert [(level.name, level.amount) for level in levels(statement)] == [
        ("commitment", 1000),
        ("usage", 30),
        ("reductions", 0),
        ("credits", -100),
        ("prepayment", -200),
        ("corrections", -5),
        ("tax", 73),
        ("due", 798),
    ]
    assert [line.split() for line in lines(waterfall(statement)) if " of " in line] == [
        ["of", "a/b-2026-01", "-5"]
    ]


def test_an_explanation_leads_to_who_said_so() -> None:
    found = lines(boards.explanation(answers()["explanation"]))
    assert found[0] == "Why line 2 of spacex/google-2026-11 is -125,454,545.45"
    assert found[2].startswith("= -92000000000 minor units x 38880000000 GPU-seconds not delivered")
    assert [line.split()[:3] for line in found[5:8]] == [
        ["clause", "ContractSigned", "v1"],
        ["fact", "CapacityReserved", "2026-06-08"],
        ["fact", "CapacityCut", "2026-09-12"],
    ]


def test_a_token_of_an_explanation_stands_whole_below_it_and_operations_see_the_id() -> None:
    answer = answers()["explanation"]
    first = answer["facts"][0]
    whole = "evt_k1_" + "a" * 150
    party = {
        **answer,
        "clauses": [],
        "facts": [{**one, "event": None, "token": whole} for one in (first, first)],
    }
    found = lines(boards.explanation(party))
    assert [line.split()[-1] for line in found if line.lstrip().startswith("fact")] == ["[1]", "[1]"]
    assert [line for line in found if whole in line] == [f"[1] {whole}"]
    narrow = text_of(boards.explanation(party), 60)
    assert whole in "".join(narrow.split()), "folded, but nothing is cut off"
    operations = {**answer, "clauses": [], "facts": [{**first, "event": "0199-id", "token": None}]}
    assert lines(boards.explanation(operations))[-1].split()[-1] == "0199-id"


def test_what_a_partner_wrote_is_never_read_as_markup() -> None:
    terms = {**answers()["terms"], "references": [{"system": "[red]crm[/red]", "id": "[bold]7"}]}
    assert any(
        "references[[red]crm[/red]]   id [bold]7" in line for line in lines(contracts.terms("a", terms))
    )
