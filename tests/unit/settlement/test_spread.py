from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.settlement.domain.rating.tax import assess, shared
from services.settlement.domain.rating.usage_spread import Meters, Report

HOUR = 3600


def lasting(start: int, length: int, quantity: int) -> Report:
    return Report(start, start + length, quantity)


reports = st.lists(
    st.builds(lasting, st.integers(0, 5 * HOUR), st.integers(1, 5 * HOUR), st.integers(0, 10**9)),
    max_size=8,
)


@given(reports, st.lists(st.integers(0, 10 * HOUR), max_size=6))
def test_spread_over_any_bounds_nothing_is_lost(found: list[Report], bounds: list[int]) -> None:
    cuts = sorted({0, 10 * HOUR, *bounds})
    meters = Meters({"train": found}, cuts)

    parts = [meters.total("train", "gpu", a, b) for a, b in pairwise(cuts)]

    assert sum(parts) == sum(report.quantity for report in found)


@given(reports, st.randoms(use_true_random=False))
def test_the_order_in_which_reports_come_does_not_matter(found: list[Report], chance: object) -> None:
    cuts = [0, 3 * HOUR, 10 * HOUR]
    shuffled = sorted(found, key=lambda report: hash((report, repr(chance))))

    assert Meters({"a": found}, cuts).parts("a", "gpu", cuts) == Meters({"a": shuffled}, cuts).parts(
        "a", "gpu", cuts
    )


@given(reports, st.integers(1, 10 * HOUR - 1))
def test_after_a_whole_transfer_both_names_share_all_of_it(found: list[Report], at: int) -> None:
    old = [Report(r.start, r.end, r.quantity, until=at) for r in found]
    new = [Report(r.start, r.end, r.quantity, since=at) for r in found]

    sums = [Meters({"a": side}, ()).total("a", "gpu", 0, 10 * HOUR) for side in (old, new)]

    assert sum(sums) == sum(report.quantity for report in found)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8), st.integers(0, 10**5))
def test_tax_is_rounded_once_and_shared_out_whole(amounts: list[int], per_mille: int) -> None:
    rate = f"{per_mille // 1000}.{per_mille % 1000:03d}"

    taxes, entries = assess([(amount, "S", rate) for amount in amounts], "half_up")

    assert sum(taxes) == sum(entry.amount for entry in entries)
    assert all(tax == 0 or (tax > 0) == (amount > 0) for tax, amount in zip(taxes, amounts, strict=True))


def test_lines_of_mixed_sign_keep_their_own_signs() -> None:
    taxes, (entry,) = assess([(1005, "S", "19"), (-505, "S", "19")], "half_up")

    assert (taxes, entry.base, entry.amount) == ([190, -95], 500, 95)
    assert shared(0, [0, 0], 1) == [0, 0]  # type: ignore[arg-type]
