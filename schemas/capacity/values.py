"""Values that capacity's messages are made of."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from schemas.kernel.rates import RATE_PATTERN, rate
from schemas.kernel.schedule import Schedule, Step
from schemas.kernel.wire import Id, Instant, Name, Percent, ReservationName, Text
from schemas.message import Value

Count = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
Hours = Annotated[int, msgspec.Meta(ge=0, le=10**6)]
Megawatts = Annotated[
    str, msgspec.Meta(pattern=RATE_PATTERN, description="Megawatts as an exact decimal string.")
]
Share = Annotated[
    str,
    msgspec.Meta(pattern=RATE_PATTERN, description="A share of one as an exact decimal string, as 0.999."),
]


class Tier(StrEnum):
    """How safe a reservation is, the safest first; a loss takes from the last first."""

    FIRM = "firm"
    RECALLABLE = "recallable"
    INTERRUPTIBLE = "interruptible"


class Cause(StrEnum):
    """Why capacity is short, in the order in which causes are charged with a shortfall."""

    DELIVERY = "delivery"
    MAINTENANCE = "maintenance"
    OUTAGE = "outage"


class Fill(StrEnum):
    """Whether a request wants all that it asks for, or what there is."""

    ALL = "all"
    AS_AVAILABLE = "as_available"


Sell = Literal["accepted", "forecast", "planned"]
"""Which phases may be sold: accepted ones, those with a forecast too, planned ones too."""

CutRule = Literal["pro_rata", "first_come"]
"""How a loss is shared within a tier."""


class Sku(Value):
    """What one unit of a pool is."""

    gpu: Text
    memory_gb: Count
    interconnect: Text
    unit: Text = "gpu"


class SpareByConfidence(Value):
    """Spare as a confidence (a share, as "0.999"): firm is sold what is up together with it."""

    node_availability: Share
    confidence: Share

    def __post_init__(self) -> None:
        """Refuse what is no probability.

        Raises:
            ValueError: one of both is above 1.
        """
        if rate(self.node_availability) > 1 or rate(self.confidence) > 1:
            raise ValueError("node_availability and confidence are shares of 1")


Spare = Annotated[int, msgspec.Meta(ge=0, le=10**12)] | SpareByConfidence


class ByCause(Value):
    """GPUs short or cut over time, by cause."""

    delivery: Schedule
    maintenance: Schedule
    outage: Schedule


class RecallRight(Value):
    """An operator's right to take GPUs back: at most `max_percent` of the quantity at any instant."""

    notice_hours: Hours
    max_percent: Percent


class Part(Value):
    """One reservation of a gang."""

    pool: Name
    reservation: ReservationName
    holder: Id
    tier: Tier
    quantity: Schedule
    contract: Name | None = None
    line: Id | None = None
    fill: Fill = Fill.ALL
    hold_until: Instant | None = None


class Window(Value):
    """A rectangle: `gpus` for `hours`, from `not_before` on."""

    gpus: Count
    hours: Count
    not_before: Instant


Shape = tuple[Step, ...] | Window


class LineRecall(Value):
    """A recall right that holds while some terms do; `until` None = without end."""

    start: Instant
    until: Instant | None
    right: RecallRight


class WantedLine(Value):
    """What a contract's terms want of one line, as capacity reads them.

    Attributes:
        line: the line; its reservation is named `supplier/contract/line`.
        quantity: the committed GPUs along the whole terms timeline.
        asked: the event asks for this line: it is added, or requested again. It may be refused.
        pool: the pool, qualified; None where the sublease's head does not lead to one.
        source: the giver's reservation or holding, for a sublease.
        refused: what the head's terms say against a sublease, None if nothing.
        since: where it is requested again, from when on it is wanted at all.
        recall: the supplier's rights to take back, as they follow in time.
    """

    line: Id
    holder: Id
    tier: Tier
    quantity: Schedule
    fill: Fill = Fill.ALL
    asked: bool = False
    pool: Name | None = None
    source: ReservationName | None = None
    refused: Literal["transfer_forbidden", "consent_missing"] | None = None
    since: Instant | None = None
    recall: tuple[LineRecall, ...] = ()


class MovedLine(Value):
    """A line, or its share, that a novation moves to another contract.

    `quantity` None = all that is left from the instant on, with what was passed on.
    """

    line: Id
    to: Id
    contract: Name
    quantity: Schedule | None = None
