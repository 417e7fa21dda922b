"""What the FOCUS export reads of one contract."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from schemas.kernel.agreement import Agreement
from schemas.kernel.instants import iso
from schemas.settlement import StatementIssued

Row: TypeAlias = Mapping[str, str | None]
Lifecycle: TypeAlias = Literal[
    "Proposed", "Pending", "Active", "Exhausted", "Expired", "Canceled", "Superseded"
]


class PrepaidLeft(msgspec.Struct, frozen=True, kw_only=True):
    """A prepayment as it stands: what can still be drawn, in minor units."""

    charge: str
    left: int


class ContractBooks(msgspec.Struct, frozen=True, kw_only=True):
    """One contract, its statements in the order issued, and what was closed, as at an instant."""

    agreement: Agreement
    statements: tuple[StatementIssued, ...]
    closed: frozenset[datetime]
    prepaid: tuple[PrepaidLeft, ...]
    at: datetime

    @property
    def lifecycle(self) -> Lifecycle:
        """The state of the contract's commitments at the instant, but for what is exhausted."""
        ends_at, why = self.agreement.ending
        if self.at < self.agreement.term_start:
            return "Pending"
        if self.at < ends_at:
            return "Active"
        match why:
            case "novation":
                return "Superseded"
            case "term":
                return "Expired"
            case "notice" | "termination" | "remedy":
                return "Canceled"


def commitment_id(contract: str, charge: str) -> str:
    """The id of a commitment: stable over amendments."""
    return f"{contract}/{charge}"


def money(value: Decimal) -> str:
    """A decimal as FOCUS writes it, never in scientific notation."""
    return f"{value:f}"


def time(t: datetime) -> str:
    """An instant as FOCUS writes it."""
    return iso(t)
