"""FOCUS 1.4, judged by the toolkit of its own community; skipped where that is not installed."""

import io
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from schemas.settlement import CloseInterval, IntervalClosed, IssueStatement, StatementIssued
from services.settlement.exports.focus import ContractBooks, Dataset, datasets
from services.settlement.exports.focus.books import PrepaidLeft
from services.settlement.exports.tables import as_csv, as_parquet, pq
from tests.unit.settlement.deals import agreement, at, month, rating, report, signed, terms
from tests.unit.settlement.desk import Desk

STEP = {"start": "2026-06-01T00:00:00Z", "end": "2027-06-01T00:00:00Z"}
CHARGES: list[dict[str, Any]] = [
    {"charge": "fee", "kind": "fixed", "lines": ["train"], "steps": [{**STEP, "amount": "1000.05"}]},
    {"charge": "hours", "kind": "usage", "lines": ["train"], "tiers": [{"up_to": None, "rate": "2.135"}]},
    {"charge": "floor", "kind": "minimum", "covers": ["hours"], "amount": "3000.00", "per": "month"},
    {
        "charge": "credit",
        "kind": "prepayment",
        "amount": "4000.00",
        "due": "2026-06-01T00:00:00Z",
        "expires": "2026-12-01T00:00:00Z",
    },
]
DATASETS = {
    "CostAndUsage": "cost-and-usage",
    "ContractCommitment": "contract-commitment",
    "BillingPeriod": "billing-period",
    "InvoiceDetail": "invoice-detail",
}


def books() -> ContractBooks:
    desk = Desk(
        [signed(terms(CHARGES, tax=[{"category": "S", "rate_percent": "19"}]))],
        reports={"train": [report("2026-06-03", "2026-06-04", 7_200_000)]},
    )
    desk.do(CloseInterval(contract="deal", interval=month(6)), at("2026-07-02"))
    desk.reports["train"] = [report("2026-06-03", "2026-06-04", 3_600_000)]
    desk.do(IssueStatement(contract="deal", interval=month(7)), at("2026-08-01"))
    agreed = agreement(*desk.contract)
    made = rating(agreed, month(7).end, reports=desk.reports, state=desk.state)
    return ContractBooks(
        agreement=agreed,
        statements=tuple(event for event in desk.events if isinstance(event, StatementIssued)),
        closed=frozenset(e.interval.start for e in desk.events if isinstance(e, IntervalClosed)),
        prepaid=tuple(PrepaidLeft(charge=p.charge.charge, left=p.left) for p in made.purses),
        at=at("2026-08-02"),
    )


def toolkit(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "focus_data_toolkit", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def file_of(folder: Path, dataset: Dataset) -> Path:
    file = folder / f"{DATASETS[dataset.name]}.csv"
    file.write_text(as_csv(dataset.columns, dataset.rows))
    return file


@pytest.mark.skipif(find_spec("focus_data_toolkit") is None, reason="needs focus-data-toolkit")
@pytest.mark.timeout(240)
def test_the_toolkit_finds_each_dataset_and_all_of_them_together_valid(tmp_path: Path) -> None:
    bundle: list[str] = []
    for dataset in datasets([books()]):
        file = file_of(tmp_path, dataset)
        toolkit("validate", "--dataset", DATASETS[dataset.name], str(file))
        bundle += [f"--{DATASETS[dataset.name]}", str(file)]

    told = json.loads(toolkit("validate-bundle", *bundle, "--format", "json"))

    assert told["ok"]
    assert {"contract_applied_fk", "correction_references", "billing_period_coverage"} <= set(
        told["checks_run"]
    )
    assert {kind for kind, count in told["counts"].items() if count} <= {"NOT_APPLICABLE"}


def test_a_fee_is_purchased_once_and_its_effective_cost_is_that_of_its_use() -> None:
    cost, *_ = datasets([books()])
    june = [row for row in cost.rows if row["InvoiceId"] == "nimbus/deal-2026-06"]

    fee = [row for row in june if "fixed fee" in str(row["ChargeDescription"])]

    assert [(row["ChargeCategory"], row["CommitmentDiscountStatus"]) for row in fee] == [
        ("Purchase", None),
        ("Usage", "Used"),
        ("Usage", "Unused"),
    ]
    assert sum(float(str(row["EffectiveCost"])) for row in fee) == pytest.approx(1000.05)
    assert fee[0]["EffectiveCost"] == "0"


def test_what_is_billed_sums_to_the_statements() -> None:
    found = books()
    cost, _, _, invoices = datasets([found])

    total = sum(round(float(statement.total) * 100) for statement in found.statements)
    for dataset in (cost, invoices):
        assert sum(round(float(str(row["BilledCost"])) * 100) for row in dataset.rows) == total


def test_parquet_keeps_decimals_as_decimals() -> None:
    cost, *_ = datasets([books()])

    table = pq.read_table(io.BytesIO(as_parquet(cost.columns, cost.rows, cost.decimals)))

    assert str(table.schema.field("BilledCost").type) == "decimal128(38, 10)"
    assert table.num_rows == len(cost.rows)
