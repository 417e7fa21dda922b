"""Whatever happens to a contract: no rule ever raises, repeats bring nothing, and the figures add up."""

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.capacity.values import Cause as CutCause
from schemas.contracts import (
    AcceptContract,
    AmendContract,
    AnnounceDate,
    Changes,
    ElectRemedy,
    ExerciseOption,
    ExitFee,
    GiveConsent,
    GiveNotice,
    LineCut,
    LineRefusal,
    MinimumCharge,
    NovateContract,
    Option,
    OptionTerms,
    ProposeContract,
    RecordLine,
    RequestLine,
    SetFee,
    SignContract,
    TerminateContract,
    TerminationRight,
    Terms,
    WithdrawNotice,
)
from schemas.contracts.values import Delivery
from schemas.kernel.agreement import Agreement
from schemas.kernel.interval import Span
from schemas.kernel.schedule import Schedule
from schemas.message import Command
from services.contracts.domain.dates import dates_of
from services.contracts.domain.exposure import exposure
from services.contracts.domain.obligations import obligations_of
from services.contracts.reads.single import status_at
from tests.unit.contracts.book import END, START, Book, day, fee, line, terms

MIDDLE = (day("2027-02-01"), day("2027-04-15T12"), day("2027-07-01"), day("2027-10-31"))
instants = st.sampled_from((day("2026-06-01"), START, *MIDDLE, END, day("2028-03-01")))
names = st.sampled_from(("prime", "second", "third"))
lines_of = st.sampled_from(("a", "b", "ghost"))
REPEATED = (GiveNotice, WithdrawNotice, RequestLine)


def with_delivery(name: str, gpus: int) -> object:
    promised = Delivery(
        date_certain=MIDDLE[0], grace_days=10, remedies=("terminate_contract", "terminate_line", "reduce_fee")
    )
    base = line(name, gpus)
    return type(base)(line=name, pool="north", quantity=base.quantity, delivery=promised)


def agreed(amount: str | None = "70000.01", gpus: int = 101, end: datetime = END) -> Terms:
    return terms(
        term=Span(START, end),
        lines=(with_delivery("a", gpus), with_delivery("b", 40)),
        charges=(
            fee(amount, lines=("a", "b")),
            fee(None, name="open", lines=("b",)),
            MinimumCharge(charge="floor", covers=("fee",), amount="90000.00", per="quarter"),
        ),
        termination=(
            TerminationRight(
                right="leave",
                party="either",
                cause="convenience",
                notice_days=30,
                notice_not_before_months=2,
                fee=ExitFee(percent_of_remaining_fixed="12.5"),
            ),
            TerminationRight(right="breach", party="customer", cause="breach", notice_days=1),
        ),
        options=(
            Option(
                option="more",
                kind="extend",
                party="customer",
                exercise_by=MIDDLE[2],
                terms=OptionTerms(
                    term=Span(START, day("2028-07-01")),
                    charges=(fee("5.55", name="longer", lines=("a",), start=END, end=day("2028-07-01")),),
                ),
            ),
        ),
    )


@st.composite
def changes(draw: st.DrawFn) -> Changes:
    other = agreed(draw(st.sampled_from(("1.10", None))), draw(st.integers(1, 50)))
    return draw(
        st.sampled_from(
            (
                Changes(charges=other.charges),
                Changes(lines=other.lines),
                Changes(lines=other.lines, charges=other.charges, options=()),
                Changes(termination=()),
                Changes(term=Span(START, MIDDLE[3])),
                Changes(currency="JPY"),
                Changes(customer="calm"),
            )
        )
    )


@st.composite
def commands(draw: st.DrawFn) -> Command:
    contract = f"acme/{draw(names)}"
    at = draw(instants)
    until = draw(st.none() | st.just(at + timedelta(days=45)))
    share = draw(st.sampled_from(("0", "12.5", "50", "100", "101")))
    return draw(
        st.sampled_from(
            (
                ProposeContract(contract=contract, terms=agreed()),
                SignContract(contract=contract, terms=agreed()),
                AcceptContract(contract=contract),
                AmendContract(
                    contract=contract,
                    effective_at=at,
                    until=until,
                    changes=draw(changes()),
                    overrides=draw(st.booleans()),
                    reason="x",
                ),
                SetFee(contract=contract, charge="open", start=START, amount="7.70"),
                SetFee(contract=contract, charge="open", start=START, amount=draw(st.just("8.80"))),
                GiveNotice(contract=contract, right="leave", on_behalf=draw(st.booleans())),
                WithdrawNotice(contract=contract),
                TerminateContract(contract=contract, ends_at=at, cause="breach"),
                ElectRemedy(
                    contract=contract,
                    line=draw(lines_of),
                    remedy=draw(st.sampled_from(("reduce_fee", "terminate_line", "terminate_contract"))),
                ),
                ExerciseOption(contract=contract, option="more"),
                GiveConsent(contract=contract, kind="novation", to="calm"),
                NovateContract(
                    contract=contract, to="calm", new_contract="third", effective_at=at, share_percent=share
                ),
                NovateContract(
                    contract=contract, to="dune", new_contract="fourth", effective_at=at, lines=("b",)
                ),
                RequestLine(contract=contract, line=draw(lines_of)),
                RecordLine(
                    contract=contract,
                    line=draw(lines_of),
                    reserved=draw(st.none() | st.just(Schedule.constant(START, END, 60))),
                    cut=draw(
                        st.none()
                        | st.just(LineCut(cause=CutCause.DELIVERY, quantity=Schedule.constant(START, at, 5)))
                        if at > START
                        else st.none()
                    ),
                    refused=draw(st.none() | st.just(LineRefusal(code="capacity_short"))),
                ),
                AnnounceDate(contract=contract, date="start", at=START),
                AnnounceDate(contract=contract, date="end", at=END),
            )
        )
    )


def check(agreement: Agreement) -> None:
    """What holds of every agreement at every instant."""
    assert agreement.segments[-1].end is None
    assert all(a.end == b.start for a, b in pairwise(agreement.segments))
    for seen_by in ("supplier", "customer"):
        for t in (*MIDDLE, agreement.known_from, agreement.end):
            found = exposure(agreement, seen_by, t)
            total = found.elapsed + found.firm - found.termination_fee + found.cancellable
            assert total == found.headline
            assert status_at(agreement, t)[0] in {"pending", "active", "ended", "superseded"}
    for name in agreement.lines:
        assert agreement.committed(name).clip(agreement.end, None).is_empty
    assert all(at <= agreement.end for _, _, at in dates_of(agreement))
    assert all(at.tzinfo is not None for at, _ in obligations_of(agreement))


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(commands(), st.sampled_from(("acme", "bolt", "calm", "zeta")), instants), max_size=14)
)
def test_no_rule_ever_raises_and_a_repeat_brings_nothing(
    steps: list[tuple[Command, str, datetime]],
) -> None:
    book = Book()
    book.signed(agreed())
    for command, actor, at in steps:
        came = book.do(command, actor, at=at)
        if isinstance(came, list) and came and not isinstance(command, REPEATED):
            assert book.do(command, actor, at=at) == []
    for state in book.states.values():
        if isinstance(state, Agreement):
            check(state)
