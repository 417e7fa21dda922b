"""What capacity records of metered use, in the log `usage`."""

from schemas.kernel.interval import Interval
from schemas.kernel.wire import Id, Name, Quantity, ReservationName, Text
from schemas.message import Event


class UsageReported(Event, tag="capacity.UsageReported.v1"):
    """What a holder, the counterparty, used; `report` is the sender's id of it."""

    pool: Name
    reservation: ReservationName
    holder: Id
    report: Text
    interval: Interval
    gpu_seconds: Quantity | None = None
    peak_gpus: Quantity | None = None
    meter: Id = "gpu"
    quantity: Quantity | None = None


class UsageCorrected(Event, tag="capacity.UsageCorrected.v1"):
    """All values of `report` anew: the last correction known is what counts."""

    pool: Name
    reservation: ReservationName
    holder: Id
    report: Text
    interval: Interval
    gpu_seconds: Quantity | None = None
    peak_gpus: Quantity | None = None
    meter: Id = "gpu"
    quantity: Quantity | None = None


class UsagePassedThrough(Event, tag="capacity.UsagePassedThrough.v1"):
    """Usage below a giver, the counterparty, as its meter sees it; replaces what came through of `report`.

    `of` is the giver's own holding through which it came: never who used it below.
    """

    pool: Name
    reservation: ReservationName
    holder: Id
    of: ReservationName
    report: Text
    interval: Interval
    gpu_seconds: Quantity | None = None
    peak_gpus: Quantity | None = None
    meter: Id = "gpu"
    quantity: Quantity | None = None
    part: int = 0
