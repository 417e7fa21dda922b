"""The kinds of charges: what is paid for, and how it is reckoned."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, TypeAlias

import msgspec

from schemas.kernel.calendar import Unit
from schemas.kernel.wire import Amount, Id, Instant, Name, Percent, Quantity, Rate
from schemas.message import Value

Category = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{1,3}$(?!\n)")]
CapacityPer = Literal["gpu_hour", "gpu_interval"]


class FeeStep(Value):
    """An amount per billing interval over `[start, end)`; None = not known yet, which is never zero."""

    start: Instant
    end: Instant
    amount: Amount | None

    def __post_init__(self) -> None:
        """Refuse an empty step.

        Raises:
            ValueError: it does not end after it starts.
        """
        if not self.start < self.end:
            raise ValueError("a step ends after it starts")


class FixedCharge(Value, tag_field="kind", tag="fixed"):
    """An amount per billing interval while its step holds."""

    charge: Id
    lines: tuple[Id, ...] = ()
    steps: tuple[FeeStep, ...] = ()
    tax_category: Category | None = None


class CapacityCharge(Value, tag_field="kind", tag="capacity"):
    """Committed quantity x rate, used or not."""

    charge: Id
    line: Id
    rate: Rate
    per: CapacityPer = "gpu_hour"
    tax_category: Category | None = None


class UsageTier(Value):
    """A rate up to and including `up_to` GPU-hours (or units of the meter); None = without limit."""

    up_to: Rate | None
    rate: Rate


class UsageCharge(Value, tag_field="kind", tag="usage"):
    """Metered GPU-hours per billing interval; another `meter` counts whole units of its own."""

    charge: Id
    tiers: tuple[UsageTier, ...]
    lines: tuple[Id, ...] = ()
    mode: Literal["graduated", "volume"] = "graduated"
    meter: Id = "gpu"
    tax_category: Category | None = None


class MinimumCharge(Value, tag_field="kind", tag="minimum"):
    """Take or pay: a floor under other charges, with true-up; what was unused may be made up later."""

    charge: Id
    covers: tuple[Id, ...]
    amount: Amount
    per: Unit = "month"
    make_up_intervals: Annotated[int, msgspec.Meta(ge=0, le=1_200)] = 0
    tax_category: Category | None = None


class BlockCharge(Value, tag_field="kind", tag="block"):
    """Committed GPUs hour by hour, no carry between hours; what exceeds is overage."""

    charge: Id
    line: Id
    committed_rate: Rate
    overage_rate: Rate
    tax_category: Category | None = None


class Rollover(Value):
    """What of a prepayment that is left at its expiry can still be drawn, until `expires`."""

    percent: Percent
    expires: Instant


class PrepaymentCharge(Value, tag_field="kind", tag="prepayment"):
    """Paid before and drawn down by the other charges; lower priority first, then the earliest expiry."""

    charge: Id
    amount: Amount
    due: Instant
    expires: Instant
    rollover: Rollover | None = None
    priority: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 1
    tax_category: Category | None = None


class ResidualCharge(Value, tag_field="kind", tag="residual"):
    """A backstop: the customer takes whatever of the pool is unsold, hour by hour, up to `limit` GPUs."""

    charge: Id
    pool: Name
    limit: Quantity
    rate: Rate
    until: Instant | None = None
    tax_category: Category | None = None


Charge: TypeAlias = (
    FixedCharge
    | CapacityCharge
    | UsageCharge
    | MinimumCharge
    | BlockCharge
    | PrepaymentCharge
    | ResidualCharge
)


def lines_of(charge: Charge) -> tuple[str, ...]:
    """The lines that a charge is for; none where it stands for itself."""
    match charge:
        case FixedCharge() | UsageCharge():
            return charge.lines
        case CapacityCharge() | BlockCharge():
            return (charge.line,)
        case MinimumCharge() | PrepaymentCharge() | ResidualCharge():
            return ()


def amounts_of(charges: Iterable[Charge]) -> Iterator[str]:
    """Every amount stated in charges."""
    for charge in charges:
        match charge:
            case FixedCharge():
                yield from (step.amount for step in charge.steps if step.amount is not None)
            case MinimumCharge() | PrepaymentCharge():
                yield charge.amount
            case CapacityCharge() | UsageCharge() | BlockCharge() | ResidualCharge():
                pass
