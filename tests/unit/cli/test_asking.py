import pytest

from cli.asking import UnreadableSpanError, moment, span
from cli.contracts import side_of


def test_a_day_is_its_first_second() -> None:
    assert moment("2026-06-01") == "2026-06-01T00:00:00Z"


def test_an_instant_and_a_basis_stay_as_they_are() -> None:
    kept = ["2026-06-01T12:00:00+02:00", "bas_a1b2c3_AAAA", None]
    assert [moment(one) for one in kept] == kept


def test_two_times_are_written_with_two_dots_between() -> None:
    assert span("2026-06-01..bas_a1b2c3_AAAA") == ("2026-06-01T00:00:00Z", "bas_a1b2c3_AAAA")


@pytest.mark.parametrize("text", ["2026-06-01", "..2026-06-01", "2026-06-01..", ""])
def test_one_time_is_no_span(text: str) -> None:
    with pytest.raises(UnreadableSpanError):
        span(text)


def test_whoever_owns_a_contract_is_its_supplier() -> None:
    names = [("vega", "orion"), ("orion/vega", "orion"), ("orion/vega", "vega")]
    assert [side_of(contract, tenant) for contract, tenant in names] == ["supplier", "supplier", "customer"]
