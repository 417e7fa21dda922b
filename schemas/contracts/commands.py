"""What contracts can be told to do. A contract in the supplier's own mouth may have its short name."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from schemas.capacity.values import Cause as CutCause
from schemas.contracts.values import Cause, Changes, ConsentKind, Terms
from schemas.kernel.schedule import Schedule
from schemas.kernel.wire import Amount, Id, Instant, Name, Percent, Text
from schemas.message import Command, Value


class ProposeContract(Command, tag="contracts.ProposeContract.v1"):
    """Offer terms to the customer."""

    contract: Name
    terms: Terms


class SignContract(Command, tag="contracts.SignContract.v1"):
    """Record a contract that was executed elsewhere; `succeeds` names one that it follows."""

    contract: Name
    terms: Terms
    source: Text | None = None
    succeeds: Name | None = None


class AcceptContract(Command, tag="contracts.AcceptContract.v1"):
    """Accept a proposal, or acknowledge what the supplier recorded alone."""

    contract: Name


class AmendContract(Command, tag="contracts.AmendContract.v1"):
    """Replace whole sections of the terms over `[effective_at, until)`, which may be past."""

    contract: Name
    effective_at: Instant
    changes: Changes
    reason: Text
    until: Instant | None = None
    overrides: bool = False
    source: Text | None = None

    def __post_init__(self) -> None:
        """Refuse an empty stretch.

        Raises:
            ValueError: `until` is not after `effective_at`.
        """
        if self.until is not None and self.until <= self.effective_at:
            raise ValueError("an amendment ends (until) after its effective_at")


class SetFee(Command, tag="contracts.SetFee.v1"):
    """Make known what a step of a fixed charge costs per billing interval."""

    contract: Name
    charge: Id
    start: Instant
    amount: Amount


class GiveNotice(Command, tag="contracts.GiveNotice.v1"):
    """Use a right to leave for convenience; `on_behalf` records a notice that the other party gave."""

    contract: Name
    right: Id
    given_at: Instant | None = None
    on_behalf: bool = False


class WithdrawNotice(Command, tag="contracts.WithdrawNotice.v1"):
    """Take one's own notice back."""

    contract: Name


class TerminateContract(Command, tag="contracts.TerminateContract.v1"):
    """End a contract for breach or delivery failure."""

    contract: Name
    ends_at: Instant
    cause: Cause


class ElectRemedy(Command, tag="contracts.ElectRemedy.v1"):
    """Choose what follows from a line that was not delivered in time."""

    contract: Name
    line: Id
    remedy: Text


class ExerciseOption(Command, tag="contracts.ExerciseOption.v1"):
    """Use an option."""

    contract: Name
    option: Id


class GiveConsent(Command, tag="contracts.GiveConsent.v1"):
    """Agree to a sublease or novation to one taker; it stays."""

    contract: Name
    kind: ConsentKind
    to: Id


class NovateContract(Command, tag="contracts.NovateContract.v1"):
    """Move a share of a contract, or some of its lines, to another customer under a new contract."""

    contract: Name
    to: Id
    new_contract: Name
    effective_at: Instant
    share_percent: Percent | None = None
    lines: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        """Refuse a novation of nothing, or by two measures.

        Raises:
            ValueError: not exactly one of share and lines, or a line named twice.
        """
        if (self.share_percent is None) == (self.lines is None):
            raise ValueError("a novation is of share_percent or of lines: one of both")
        if self.lines is not None and len(set(self.lines)) < len(self.lines):
            raise ValueError("a line is named twice")


class RequestLine(Command, tag="contracts.RequestLine.v1"):
    """Ask capacity for a line again, after a refusal or for the rest of what was available."""

    contract: Name
    line: Id


class LineCut(Value):
    """How much of a line is cut by a cause."""

    cause: CutCause
    quantity: Schedule


class LineRefusal(Value):
    """Why capacity refused a line."""

    code: Text
    details: Mapping[str, Any] = {}


class RecordLine(Command, tag="contracts.RecordLine.v1"):
    """By reaction to capacity: how a line stands now; None did not change. `recalled` comes on top."""

    contract: Name
    line: Id
    reserved: Schedule | None = None
    recalled: Schedule | None = None
    cut: LineCut | None = None
    refused: LineRefusal | None = None


class AnnounceDate(Command, tag="contracts.AnnounceDate.v1"):
    """By timer: a date of the contract has come; it is announced if it still is one."""

    contract: Name
    date: Literal["start", "end", "delivery", "option", "notice"]
    at: Instant
    subject: Id | None = None
