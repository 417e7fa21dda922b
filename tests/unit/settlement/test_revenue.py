"""What fees earn, against what they are billed."""

from collections.abc import Sequence
from typing import Any

from schemas.contracts import ContractAmended
from schemas.contracts.values import Changes
from schemas.message import Event
from tests.unit.settlement.deals import found, month, signed, terms

TERM = {"start": "2026-06-01T00:00:00Z", "end": "2026-08-01T00:00:00Z"}


def fee(*steps: tuple[str, str, str]) -> dict[str, Any]:
    made = [{"start": f"{a}T00:00:00Z", "end": f"{b}T00:00:00Z", "amount": m} for a, b, m in steps]
    return {"charge": "fee", "kind": "fixed", "lines": [], "steps": made}


ODD = fee(
    ("2026-06-01", "2026-06-11", "10.01"),
    ("2026-06-11", "2026-06-21", "10.04"),
    ("2026-06-21", "2026-07-11", "10.01"),
    ("2026-07-11", "2026-08-01", "10.07"),
)


def billed_and_earned(events: Sequence[Event]) -> tuple[int, int]:
    made = found(events, month(7))
    billed = sum(line.amount for interval in made.rating.intervals for line in interval.lines)
    return billed, sum(made.earned[-1].recognised.values())


def test_at_the_end_all_that_was_billed_is_earned_to_the_cent() -> None:
    billed, earned = billed_and_earned([signed(terms([ODD], term=TERM, lines=[]))])

    assert billed == earned == 2008


def test_after_an_amendment_too_nothing_is_left_between_billing_and_earning() -> None:
    first = terms([fee(("2026-06-01", "2026-08-01", "10.01"))], term=TERM, lines=[])
    amended = ContractAmended(
        contract="nimbus/deal",
        effective_at=month(7).start,
        changes=Changes(charges=terms([ODD], term=TERM, lines=[]).charges),
        reason="renegotiated",
    )

    billed, earned = billed_and_earned([signed(first), amended])

    assert billed == earned
