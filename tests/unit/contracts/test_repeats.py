"""A command repeated in meaning brings nothing."""

import pytest

from schemas.contracts import (
    AcceptContract,
    AmendContract,
    Changes,
    ExerciseOption,
    GiveConsent,
    NovateContract,
    Option,
    OptionTerms,
    ProposeContract,
    RequestLine,
    SetFee,
    SignContract,
    TerminateContract,
    TerminationRight,
)
from schemas.kernel.interval import Span
from schemas.message import Command
from tests.unit.contracts.book import START, Book, day, fee, line, terms

FULL = terms(
    lines=(line("a"), line("b", 40)),
    charges=(fee("70.00", lines=("a", "b")), fee(None, name="open", lines=())),
    termination=(TerminationRight(right="breach", party="either", cause="breach"),),
    options=(
        Option(
            option="more",
            kind="extend",
            party="customer",
            exercise_by=day("2027-09-30"),
            terms=OptionTerms(term=Span(START, day("2028-07-01"))),
        ),
    ),
)

COMMANDS: list[tuple[str, Command]] = [
    ("acme", SignContract(contract="prime", terms=FULL)),
    ("acme", ProposeContract(contract="fresh", terms=FULL)),
    ("bolt", AcceptContract(contract="acme/prime")),
    (
        "acme",
        AmendContract(
            contract="prime",
            effective_at=day("2027-03-01"),
            until=day("2027-05-01"),
            changes=Changes(charges=(fee("1.00", lines=("a",)),)),
            reason="x",
        ),
    ),
    ("acme", SetFee(contract="prime", charge="open", start=START, amount="5")),
    ("bolt", ExerciseOption(contract="acme/prime", option="more")),
    ("acme", GiveConsent(contract="prime", kind="novation", to="calm")),
    (
        "acme",
        NovateContract(
            contract="prime",
            to="calm",
            new_contract="prime-b",
            effective_at=day("2027-03-01"),
            lines=("b",),
        ),
    ),
    (
        "acme",
        NovateContract(
            contract="prime",
            to="calm",
            new_contract="prime-all",
            effective_at=day("2027-03-01"),
            share_percent="100",
        ),
    ),
    ("bolt", TerminateContract(contract="acme/prime", ends_at=day("2027-03-01"), cause="breach")),
    ("acme", RequestLine(contract="prime", line="a")),
]


@pytest.mark.parametrize(("actor", "command"), COMMANDS, ids=lambda value: str(value)[:40])
def test_a_repeat_in_meaning_brings_nothing(actor: str, command: Command) -> None:
    book = Book()
    book.signed(FULL)
    book.do(command, actor)
    assert book.do(command, actor) == []
