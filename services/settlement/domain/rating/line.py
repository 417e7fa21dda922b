"""What a rule makes: lines, exact up to their one rounding, each able to explain itself."""

from collections.abc import Iterable
from typing import Final

import msgspec

from schemas.kernel.interval import Interval
from schemas.settlement import Kind

KINDS: Final[tuple[Kind, ...]] = (
    "fixed",
    "capacity",
    "block",
    "usage",
    "residual",
    "delivery",
    "recall",
    "minimum",
    "termination_fee",
    "late_interest",
    "sla",
    "prepayment",
)
"""The order of lines in a statement."""

BASE: Final = frozenset({"fixed", "capacity", "block", "usage", "residual"})
"""What a minimum may cover: charges as they are before anything is taken off."""

SECURED: Final = frozenset({"fixed", "capacity", "block"})
"""What is paid for being there: what short delivery, recall and availability take from."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of one interval, in minor units of the interval's currency.

    Attributes:
        service: the part of the interval that it is for.
        quantity: whole, in `unit`; None where the line has none.
        rate: the rate as the terms write it.
        order: place of the charge in the terms, then epoch seconds of the start, then tier.
        category, rate_percent: the tax entry that it counts in, None for none.
        formula: how the amount came about, with exact numbers.
        versions: the versions of the contract's stream whose terms it rests on.
        holdings: the lines whose reservations or meters it rests on; `pools` likewise.
    """

    kind: Kind
    charge: str | None
    service: Interval
    amount: int
    formula: str
    quantity: int | None = None
    unit: str | None = None
    rate: str | None = None
    order: tuple[int, int, int] = (0, 0, 0)
    category: str | None = None
    rate_percent: str | None = None
    versions: tuple[int, ...] = ()
    holdings: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()

    @property
    def says_nothing(self) -> bool:
        """Whether it has neither a quantity nor an amount: such a line is left out."""
        return not self.amount and not self.quantity


def in_order(lines: list[Line]) -> list[Line]:
    """Lines by kind, then by the charge's place in the terms, start and tier; empty ones left out."""
    return sorted(
        (line for line in lines if not line.says_nothing),
        key=lambda line: (KINDS.index(line.kind), line.order),
    )


def holdings_of(lines: Iterable[Line]) -> tuple[str, ...]:
    """The lines of the contract that some lines rest on, each once."""
    return tuple(dict.fromkeys(name for line in lines for name in line.holdings))


def pools_of(lines: Iterable[Line]) -> tuple[str, ...]:
    """The pools that some lines rest on, each once."""
    return tuple(dict.fromkeys(name for line in lines for name in line.pools))


def total(lines: list[Line], kinds: frozenset[str], charge: str | None = None) -> int:
    """The sum of the lines of some kinds, of one charge if it is given."""
    return sum(line.amount for line in lines if line.kind in kinds and charge in (None, line.charge))
