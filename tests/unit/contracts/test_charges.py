"""C(x) against a naive model that counts day by day."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contracts import (
    AmendContract,
    BlockCharge,
    CapacityCharge,
    Changes,
    Charge,
    FeeStep,
    FixedCharge,
    MinimumCharge,
    Terms,
)
from schemas.kernel.agreement import Agreement
from schemas.kernel.calendar import Unit, interval_of
from schemas.kernel.charges import counted
from schemas.kernel.interval import Interval, Span
from schemas.kernel.money import minor
from schemas.kernel.rates import rate
from tests.unit.contracts.book import Book, line, terms

FIRST = datetime.fromisoformat("2027-01-20T00:00:00+00:00")
DAYS = 130
DAY = timedelta(days=1)
DAY_SECONDS, DAY_HOURS = 86_400, 24


def on(number: int) -> datetime:
    return FIRST + number * DAY


def per_day(amount: int, unit: Unit, t: datetime) -> Fraction:
    whole = interval_of("UTC", unit, t)
    return Fraction(amount * DAY_SECONDS, whole.seconds)


def charge_on(charge: Charge, agreed: Terms, t: datetime) -> Fraction:
    """What a charge counts on one day, minimums left out."""
    gpus = {found.line: found.quantity.at(t) for found in agreed.lines}
    match charge:
        case FixedCharge(steps=steps):
            amount = sum(
                minor(step.amount, "USD") for step in steps if step.amount and step.start <= t < step.end
            )
            return per_day(amount, "month", t)
        case CapacityCharge(per="gpu_hour"):
            return gpus[charge.line] * rate(charge.rate) * DAY_HOURS * 100
        case CapacityCharge():
            return gpus[charge.line] * rate(charge.rate) * per_day(100, "month", t)
        case BlockCharge():
            return gpus[charge.line] * rate(charge.committed_rate) * DAY_HOURS * 100
        case _:
            return Fraction(0)


def naive(agreement: Agreement, until: int) -> Fraction:
    """The counted amounts of the first `until` days."""
    total = Fraction(0)
    periods: dict[tuple[str, Unit, Interval], list[tuple[int, Fraction]]] = {}
    for number in range(DAYS):
        agreed = agreement.terms_at(on(number))
        assert agreed is not None
        counts = {c.charge: charge_on(c, agreed, on(number)) for c in agreed.charges}
        total += sum(counts.values()) if number < until else 0
        for charge in agreed.charges:
            if isinstance(charge, MinimumCharge):
                period = interval_of("UTC", charge.per, on(number))
                floor = per_day(minor(charge.amount, "USD"), charge.per, on(number))
                excess = floor - sum(counts[c] for c in charge.covers)
                periods.setdefault((charge.charge, charge.per, period), []).append((number, excess))
    for days in periods.values():
        excess = max(Fraction(0), sum((e for _, e in days), Fraction(0)))
        total += excess * sum(1 for number, _ in days if number < until) / len(days)
    return total


amounts = st.integers(0, 10**9).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")


@st.composite
def charges(draw: st.DrawFn) -> tuple[Charge, ...]:
    cuts = sorted({draw(st.integers(0, DAYS)) for _ in range(3)})
    steps = tuple(
        FeeStep(start=on(a), end=on(b), amount=draw(st.none() | amounts)) for a, b in itertools.pairwise(cuts)
    )
    made: list[Charge] = [
        FixedCharge(charge="fee", lines=("main",), steps=steps),
        CapacityCharge(
            charge="cap", line="main", rate="2.135", per=draw(st.sampled_from(["gpu_hour", "gpu_interval"]))
        ),
        BlockCharge(charge="blk", line="main", committed_rate="1.9", overage_rate="3"),
        MinimumCharge(
            charge="floor",
            covers=("fee", "cap"),
            amount=draw(amounts),
            per=draw(st.sampled_from(["month", "quarter", "year"])),
        ),
    ]
    return tuple(draw(st.permutations(made)))


@settings(max_examples=40, deadline=None)
@given(charges(), st.lists(st.tuples(st.integers(0, DAYS - 1), st.integers(1, DAYS), charges()), max_size=2))
def test_the_running_total_is_the_sum_of_its_days(
    first: tuple[Charge, ...], amendments: Sequence[tuple[int, int, tuple[Charge, ...]]]
) -> None:
    book = Book()
    book.signed(terms(term=Span(FIRST, on(DAYS)), lines=(line(start=FIRST, end=on(DAYS)),), charges=first))
    for start, length, section in amendments:
        amend = AmendContract(
            contract="prime",
            effective_at=on(start),
            until=on(start + length),
            changes=Changes(charges=section),
            overrides=True,
            reason="x",
        )
        assert isinstance(book.do(amend, "acme"), list)
    agreement = book.agreement()
    total = counted(agreement.term_segments, "USD")
    for until in (0, 11, 12, 41, 77, DAYS):
        assert total.to(on(until)) == naive(agreement, until)
