from typing import Any

import pytest

from schemas.contracts import ContractAmended
from schemas.contracts.values import Changes
from schemas.kernel.schedule import Schedule
from services.settlement.domain.rating.facts import Holding
from tests.unit.settlement.deals import agreement, at, month, rating, report, signed, terms, told

FEE: dict[str, Any] = {
    "charge": "fee",
    "kind": "fixed",
    "lines": ["train"],
    "steps": [{"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z", "amount": "3000000.00"}],
}
HOURS: dict[str, Any] = {
    "charge": "hours",
    "kind": "usage",
    "lines": ["train"],
    "tiers": [{"up_to": None, "rate": "2.00"}],
}
ALL_YEAR = Schedule.constant(at("2026-06-01"), at("2027-06-01"), 100)


def test_a_fee_that_nobody_knows_makes_no_line_but_is_told() -> None:
    step = {"start": "2026-06-01T00:00:00Z", "end": "2026-06-16T00:00:00Z", "amount": None}
    rest = {"start": "2026-06-16T00:00:00Z", "end": "2027-06-01T00:00:00Z", "amount": "300.00"}
    agreed = agreement(signed(terms([{**FEE, "steps": [step, rest]}])))

    made = rating(agreed, month(6).end)

    assert told(made) == [("fixed", "fee", 15000)]
    assert [(f.charge, f.start, f.end) for f in made.intervals[0].undetermined] == [
        ("fee", at("2026-06-01"), at("2026-06-16"))
    ]


@pytest.mark.parametrize(
    ("quantity", "amounts"),
    [(36_000, [2000]), (36_001, [2000, 0]), (72_000, [2000, 1500]), (75_600, [2000, 1500, 100])],
)
def test_a_tier_reaches_up_to_and_including_its_bound(quantity: int, amounts: list[int]) -> None:
    tiers = [
        {"up_to": "10", "rate": "2"},
        {"up_to": "20", "rate": "1.5"},
        {"up_to": None, "rate": "1"},
    ]
    agreed = agreement(signed(terms([{**HOURS, "tiers": tiers}])))

    made = rating(agreed, month(6).end, reports={"train": [report("2026-06-02", "2026-06-03", quantity)]})

    assert [line.amount for line in made.intervals[0].lines] == amounts


@pytest.mark.parametrize(("quantity", "amount"), [(36_000, 2000), (36_001, 1500), (72_001, 2000)])
def test_by_volume_the_reached_tier_rates_everything(quantity: int, amount: int) -> None:
    tiers = [{"up_to": "10", "rate": "2"}, {"up_to": "20", "rate": "1.5"}, {"up_to": None, "rate": "1"}]
    agreed = agreement(signed(terms([{**HOURS, "tiers": tiers, "mode": "volume"}])))

    made = rating(agreed, month(6).end, reports={"train": [report("2026-06-02", "2026-06-03", quantity)]})

    assert [line.amount for line in made.intervals[0].lines] == [amount]


def test_another_meter_counts_whole_units_of_its_own() -> None:
    egress = {**HOURS, "charge": "egress", "meter": "egress", "tiers": [{"up_to": None, "rate": "0.05"}]}
    agreed = agreement(signed(terms([egress])))
    seen = report("2026-06-02", "2026-06-03", 1001)

    made = rating(
        agreed,
        month(6).end,
        reports={"train": [type(seen)(seen.start, seen.end, seen.quantity, "egress"), seen]},
    )

    assert [(line.quantity, line.unit, line.amount) for line in made.intervals[0].lines] == [
        (1001, "egress", 5005)
    ]


def test_nothing_delivered_gives_the_whole_fee_back() -> None:
    lines = [
        {
            "line": "train",
            "pool": "pool-1",
            "quantity": [{"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z", "quantity": 100}],
            "delivery": {"date_certain": "2026-05-01T00:00:00Z", "remedies": ["reduce_fee"]},
        }
    ]
    agreed = agreement(signed(terms([FEE], lines=lines)))

    made = rating(agreed, month(6).end, holdings={})

    assert told(made) == [("fixed", "fee", 300_000_000), ("delivery", "fee", -300_000_000)]


def test_where_the_customer_has_a_choice_the_fee_stays_until_it_chooses() -> None:
    lines = [
        {
            "line": "train",
            "pool": "pool-1",
            "quantity": [{"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z", "quantity": 100}],
            "delivery": {
                "date_certain": "2026-05-01T00:00:00Z",
                "remedies": ["terminate_line", "reduce_fee"],
            },
        }
    ]
    agreed = agreement(signed(terms([FEE], lines=lines)))

    made = rating(agreed, month(6).end, holdings={})

    assert told(made) == [("fixed", "fee", 300_000_000)]


def test_a_recall_reduces_the_fee_and_the_floor_from_its_instant_on() -> None:
    floor = {"charge": "floor", "kind": "minimum", "covers": ["hours"], "amount": "1000.00"}
    agreed = agreement(signed(terms([FEE, HOURS, floor])))
    taken = Schedule.constant(at("2026-06-16"), at("2027-06-01"), 20)

    made = rating(
        agreed, month(6).end, holdings={"train": Holding(reserved=ALL_YEAR - taken, recalled=taken)}
    )

    assert told(made) == [
        ("fixed", "fee", 300_000_000),
        ("recall", "fee", -30_000_000),
        ("minimum", "floor", 90_000),
    ]


def test_planned_work_is_no_outage_and_the_credit_is_capped() -> None:
    sla = {"target": "99", "tiers": [{"below": "99", "credit_percent": "50"}], "cap_percent": "30"}
    agreed = agreement(signed(terms([FEE], sla=sla)))
    cut = Schedule.constant(at("2026-06-10"), at("2026-06-20"), 100)

    planned = rating(
        agreed, month(6).end, holdings={"train": Holding(reserved=ALL_YEAR, maintenance_cut=cut)}
    )
    failed = rating(agreed, month(6).end, holdings={"train": Holding(reserved=ALL_YEAR, outage_cut=cut)})

    assert told(planned) == [("fixed", "fee", 300_000_000)]
    assert told(failed) == [("fixed", "fee", 300_000_000), ("sla", None, -90_000_000)]


def test_a_quarterly_bill_trues_up_three_monthly_minimums() -> None:
    floor = {"charge": "floor", "kind": "minimum", "covers": ["hours"], "amount": "1000.00"}
    billing = {"interval": "quarter"}
    agreed = agreement(signed(terms([HOURS, floor], term={**TERM_Q}, billing=billing)))

    made = rating(agreed, at("2026-10-01"), reports={"train": [report("2026-08-02", "2026-08-03", 360_000)]})

    assert told(made) == [
        ("usage", "hours", 20_000),
        ("minimum", "floor", 100_000),
        ("minimum", "floor", 80_000),
        ("minimum", "floor", 100_000),
    ]


TERM_Q = {"start": "2026-07-01T00:00:00Z", "end": "2027-07-01T00:00:00Z"}


def test_what_is_made_up_goes_to_the_oldest_true_up_within_reach() -> None:
    floor = {
        "charge": "floor",
        "kind": "minimum",
        "covers": ["hours"],
        "amount": "1000.00",
        "make_up_intervals": 1,
    }
    agreed = agreement(signed(terms([HOURS, floor])))
    used = [report("2026-08-02", "2026-08-03", 3_600_000)]  # 2,000.00: 1,000.00 above the floor

    made = rating(agreed, at("2026-09-01"), reports={"train": used})

    # June's true-up is out of reach in August, July's is not
    assert [told(made, i) for i in range(3)] == [
        [("minimum", "floor", 100_000)],
        [("minimum", "floor", 100_000)],
        [("usage", "hours", 200_000), ("minimum", "floor", -100_000)],
    ]


def test_a_minimum_that_ends_with_the_contract_is_trued_up_by_the_second() -> None:
    floor = {"charge": "floor", "kind": "minimum", "covers": ["hours"], "amount": "3650.00", "per": "year"}
    term = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-11T00:00:00Z"}
    agreed = agreement(signed(terms([HOURS, floor], term=term)))

    made = rating(agreed, at("2026-02-01"))

    assert told(made) == [("minimum", "floor", 10_000)]


def test_prepaid_money_is_billed_then_drawn_in_one_interval_and_the_rest_is_lost_at_expiry() -> None:
    prepaid = {
        "charge": "credit",
        "kind": "prepayment",
        "amount": "5000000.00",
        "due": "2026-06-01T00:00:00Z",
        "expires": "2026-07-01T00:00:00Z",
    }
    agreed = agreement(signed(terms([FEE, prepaid])))

    made = rating(agreed, month(7).end)

    assert told(made, 0) == [
        ("fixed", "fee", 300_000_000),
        ("prepayment", "credit", 500_000_000),
        ("prepayment", "credit", -300_000_000),
    ]
    assert told(made, 1) == [("fixed", "fee", 300_000_000)]
    assert made.purses[0].breakage == [(at("2026-07-01"), 200_000_000)]


def test_of_two_prepayments_the_lower_priority_number_is_drawn_first() -> None:
    def prepaid(name: str, priority: int, expires: str) -> dict[str, Any]:
        due = "2026-05-01T00:00:00Z"
        kind = {"charge": name, "kind": "prepayment", "amount": "1000.00", "due": due}
        return {**kind, "expires": expires, "priority": priority}

    late, early = "2027-06-01T00:00:00Z", "2026-12-01T00:00:00Z"
    charges = [prepaid("b", 2, early), prepaid("a", 1, late), HOURS]
    agreed = agreement(signed(terms(charges)))

    made = rating(agreed, month(7).end, reports={"train": [report("2026-07-02", "2026-07-03", 2_700_000)]})

    assert told(made, 1) == [
        ("usage", "hours", 150_000),
        ("prepayment", "b", -50_000),
        ("prepayment", "a", -100_000),
    ]


def test_an_amendment_that_leaves_the_fee_alone_leaves_one_line() -> None:
    first = terms([FEE, HOURS])
    dearer = terms([FEE, {**HOURS, "tiers": [{"up_to": None, "rate": "3.00"}]}])
    amended = ContractAmended(
        contract="nimbus/deal",
        effective_at=at("2026-06-16"),
        changes=Changes(charges=dearer.charges),
        reason="renegotiated",
    )
    agreed = agreement(signed(first), amended)

    made = rating(agreed, month(6).end, reports={"train": [report("2026-06-20", "2026-06-21", 3600)]})

    assert told(made) == [("fixed", "fee", 300_000_000), ("usage", "hours", 200)]


def test_a_line_tells_its_formula_in_exact_numbers() -> None:
    agreed = agreement(signed(terms([FEE], term={"start": "2026-06-11T00:00:00Z", "end": TERM_Q["end"]})))

    made = rating(agreed, month(6).end)

    assert made.intervals[0].lines[0].formula == "3000000.00 x 2/3 of the interval"


def test_a_prepayment_due_before_the_term_is_drawn_from_the_first_interval_on() -> None:
    term = {"start": "2026-06-16T00:00:00Z", "end": "2027-06-01T00:00:00Z"}
    fee = {**FEE, "steps": [{**term, "amount": "3000.00"}]}
    credit = {
        "charge": "credit",
        "kind": "prepayment",
        "amount": "5000.00",
        "due": "2026-05-20T00:00:00Z",
        "expires": "2027-06-01T00:00:00Z",
        "priority": 1,
    }

    made = rating(agreement(signed(terms([fee, credit], term=term))), month(6).end)

    assert told(made) == [
        ("fixed", "fee", 150_000),
        ("prepayment", "credit", 500_000),
        ("prepayment", "credit", -150_000),
    ]
