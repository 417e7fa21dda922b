import io
from decimal import Decimal
from importlib import import_module
from typing import Any

from cli.export_tables import files_of
from tests.unit.cli.deals import answers

parquet: Any = import_module("pyarrow.parquet")


def tables(ask: str, answer: Any) -> dict[str, list[dict[str, Any]]]:
    return {
        name.removesuffix(".parquet"): parquet.read_table(io.BytesIO(content)).to_pylist()
        for name, content in files_of(ask, answer).items()
    }


def test_a_statement_is_one_row_and_its_lines_are_a_table() -> None:
    found = tables("settlement.statement", answers()["statement"])
    assert set(found) == {"settlement.statement", "settlement.statement.lines"}
    (head,) = found["settlement.statement"]
    assert (head["statement"], head["total"]) == ("spacex/google-2026-11", Decimal("794545454.55"))
    assert head["interval.start"] == "2026-11-01T00:00:00Z"
    lines = found["settlement.statement.lines"]
    assert [line["amount"] for line in lines] == [Decimal(920000000), Decimal("-125454545.45")]
    assert [line["of"] for line in lines] == [Decimal(0), Decimal(0)]


def test_lists_within_lists_name_the_row_that_they_belong_to() -> None:
    found = tables("capacity.pool", answers()["pool"])
    phases, short = found["capacity.pool.phases"], found["capacity.pool.shortfalls.delivery"]
    assert [phase["slip_days"] for phase in phases] == [-4, 139, 0]
    assert [(step["of"], step["quantity"]) for step in short] == [(0, 15000)]


def test_what_names_something_is_no_number_though_it_has_only_digits() -> None:
    answer = {"rows": [{"contract": "2025", "amount": "1.50"}, {"contract": "2026", "amount": None}]}
    (rows,) = tables("a.b", answer).values()
    assert rows == [
        {"of": 0, "contract": "2025", "amount": Decimal("1.5")},
        {"of": 0, "contract": "2026", "amount": None},
    ]
