"""What contracts can be asked; as of when travels beside the question."""

from typing import Literal

import msgspec

from schemas.contracts.values import Party
from schemas.kernel.wire import Id, Instant, Name
from schemas.message import Question


class TermsQuestion(Question):
    """The terms of a contract."""

    contract: Name


class StatusQuestion(Question):
    """The status of a contract, its notice, remedies and lines."""

    contract: Name


class HistoryQuestion(Question):
    """Every event of a contract, and what it did to the terms."""

    contract: Name


class ExposureQuestion(Question):
    """The exposure of one contract, or of all of a tenant's, as one party sees it."""

    seen_by: Party
    contract: Name | None = None
    tenant: Id | None = None

    def __post_init__(self) -> None:
        """Refuse a question about nothing, or about two things.

        Raises:
            ValueError: not exactly one of contract and tenant.
        """
        if (self.contract is None) == (self.tenant is None):
            raise ValueError("ask for a contract or for a tenant: one of both")


class CommitmentsQuestion(Question):
    """GPU-hours and money sold and bought, month by month (UTC)."""

    tenant: Id
    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")
    step: Literal["month"] = "month"


class ObligationsQuestion(Question):
    """The dates to act on in `[from, to)`."""

    tenant: Id
    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")


class RemainingQuestion(Question):
    """What remains to be earned, by bands of time; n instants make n + 1 bands."""

    tenant: Id
    bands: tuple[Instant, ...] = ()


class ConcentrationQuestion(Question):
    """The share of firm value by counterparty."""

    tenant: Id
