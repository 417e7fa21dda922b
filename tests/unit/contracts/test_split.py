"""Splits lose nothing: a cent, a GPU, or an instant."""

from datetime import timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contracts import (
    CapacityCharge,
    ExitFee,
    FeeStep,
    FixedCharge,
    MinimumCharge,
    NovateContract,
    PrepaymentCharge,
    TerminationRight,
    Terms,
    UsageCharge,
    UsageTier,
)
from schemas.kernel.agreement import Agreement
from schemas.kernel.money import minor
from services.contracts.domain.exposure import running_total
from services.contracts.domain.split import ByLines, ByShare, Measure, split
from tests.unit.contracts.book import END, START, Book, day, fee, line, terms

CUT = day("2027-05-10T07")
MID = day("2027-07-01")

gpus = st.integers(0, 1000)
cents = st.integers(0, 10**11)


def money(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02d}"


@st.composite
def agreed(draw: st.DrawFn) -> Terms:
    steps = (
        FeeStep(start=START, end=MID, amount=money(draw(cents))),
        FeeStep(start=MID, end=END, amount=money(draw(cents))),
    )
    lines = (line("a", draw(gpus)), line("b", draw(gpus)), line("c", draw(gpus), MID))
    return terms(
        lines=lines,
        charges=(
            FixedCharge(charge="fee", lines=("a", "b", "c"), steps=steps),
            CapacityCharge(charge="cap", line="b", rate="2.5"),
            UsageCharge(charge="use", lines=("a", "c"), tiers=(UsageTier(up_to=None, rate="1"),)),
            MinimumCharge(charge="floor", covers=("fee", "cap"), amount=money(draw(cents))),
            PrepaymentCharge(charge="pre", amount=money(draw(cents)), due=MID, expires=END),
        ),
        termination=(
            TerminationRight(
                right="leave",
                party="customer",
                cause="convenience",
                notice_not_before_months=3,
                fee=ExitFee(amount=money(draw(cents))),
            ),
        ),
    )


shares = st.integers(1, 10**14 - 1).map(lambda n: ByShare(Fraction(n, 10**14)))
measures = shares | st.sampled_from([ByLines(("b",)), ByLines(("c", "a")), ByLines(("a",))])


def amounts(side: Terms, charge: str) -> list[int]:
    """The amounts of a charge from the middle of the term on."""
    for found in side.charges:
        match found:
            case FixedCharge() if found.charge == charge:
                return [minor(s.amount or "0", "USD") for s in found.steps if s.end > MID]
            case MinimumCharge() | PrepaymentCharge() if found.charge == charge:
                return [minor(found.amount, "USD")]
            case _:
                pass
    return [0]


@settings(max_examples=150, deadline=None)
@given(agreed(), measures)
def test_both_sides_add_up_to_the_whole(whole: Terms, measure: Measure) -> None:
    sides = split(whole, CUT, measure)
    for name in ("fee", "pre"):
        parts = amounts(sides.kept, name) + amounts(sides.moved, name)
        assert sum(parts) == sum(amounts(whole, name))
    for found in whole.lines:
        pieces = [
            side.quantity.clip(CUT, None)
            for half in (sides.kept, sides.moved)
            for side in half.lines
            if side.line == found.line
        ]
        assert sum(piece.total() for piece in pieces) == found.quantity.clip(CUT, None).total()


@settings(max_examples=100, deadline=None)
@given(agreed(), shares)
def test_what_is_moved_begins_at_the_cut(whole: Terms, measure: ByShare) -> None:
    moved = split(whole, CUT, measure).moved
    assert moved.term.start == CUT
    assert all(found.quantity.clip(None, CUT).is_empty for found in moved.lines)
    assert all(s.start >= CUT for c in moved.charges if isinstance(c, FixedCharge) for s in c.steps)


def test_a_lock_in_months_becomes_an_instant_on_the_moved_side() -> None:
    right = TerminationRight(right="x", party="either", cause="convenience", notice_not_before_months=2)
    sides = split(terms(termination=(right,)), CUT, ByShare(Fraction(1, 2)))
    assert sides.kept.termination == (right,)
    assert sides.moved.termination[0].notice_not_before == day("2027-03-01")
    assert sides.moved.termination[0].notice_not_before_months is None


def test_what_was_due_before_stays() -> None:
    paid = PrepaymentCharge(charge="pre", amount="10.00", due=START, expires=END)
    sides = split(terms(charges=(paid,)), CUT, ByShare(Fraction(1, 2)))
    assert sides.kept.charges == (paid,)
    assert sides.moved.charges == ()


def total(agreement: Agreement, text: str) -> int:
    return running_total(agreement, CUT).to(day(text))


@settings(max_examples=60, deadline=None)
@given(
    agreed(),
    st.lists(st.integers(1, 99), min_size=1, max_size=3),
    st.lists(st.integers(0, 400 * 86_400), min_size=1, max_size=8),
)
def test_at_every_instant_the_running_totals_after_novations_add_up_to_the_undivided(
    whole: Terms, percents: list[int], seconds: list[int]
) -> None:
    book = Book()
    undivided = running_total(book.signed(whole), CUT)
    for number, percent in enumerate(percents):
        command = NovateContract(
            contract="prime",
            to=f"calm{number}",
            new_contract=f"new{number}",
            effective_at=CUT,
            share_percent=str(percent),
        )
        assert isinstance(book.do(command, "acme"), list)
    names = ["prime", *(f"new{number}" for number in range(len(percents)))]
    running = [running_total(book.agreement(name), CUT) for name in names]
    for second in seconds:
        t = START + timedelta(seconds=second)
        floors = sum(part.to(t) for part in running) - undivided.to(t)
        assert floors == 0


def test_a_novation_inside_a_month_loses_no_cent() -> None:
    book = Book()
    undivided = running_total(book.signed(terms(charges=(fee("1000000.01"),))), CUT)
    command = NovateContract(
        contract="prime", to="calm", new_contract="part", effective_at=CUT, share_percent="33.333333333333"
    )
    book.do(command, "acme")
    both = [running_total(book.agreement(name), CUT) for name in ("prime", "part")]
    for text in ("2027-05-10T08", "2027-05-20", "2027-06-01", "2027-12-31", "2028-01-01"):
        assert sum(part.to(day(text)) for part in both) == undivided.to(day(text))
    assert total(book.agreement("part"), "2027-05-10T07") == 0


@settings(max_examples=60, deadline=None)
@given(
    agreed(),
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 100), st.integers(0, 30)), min_size=2, max_size=4),
    st.lists(st.integers(0, 400 * 86_400), min_size=1, max_size=8),
)
def test_at_every_instant_shares_of_shares_add_up_to_the_undivided(
    whole: Terms, shares: list[tuple[int, int, int]], seconds: list[int]
) -> None:
    book = Book()
    undivided = running_total(book.signed(whole), CUT)
    names, at = ["prime"], CUT
    for number, (chosen, percent, days) in enumerate(shares):
        at += timedelta(days=days)
        command = NovateContract(
            contract=names[chosen % len(names)],
            to=f"calm{number}",
            new_contract=f"new{number}",
            effective_at=at,
            share_percent=str(percent),
        )
        if isinstance(book.do(command, "acme"), list):
            names.append(command.new_contract)
    running = [running_total(book.agreement(name), CUT) for name in names]
    for second in seconds:
        t = START + timedelta(seconds=second)
        assert sum(part.to(t) for part in running) == undivided.to(t)
