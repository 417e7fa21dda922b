"""What capacity can be asked; valid_at and known_at travel beside the question."""

from typing import Literal

import msgspec

from schemas.capacity.values import Count, Hours, Shape, Tier, Window
from schemas.kernel.schedule import Schedule
from schemas.kernel.wire import Id, Instant, Name, Quantity, Text
from schemas.message import Question

StepLength = Literal["hour", "day", "week", "month"]


class PoolQuestion(Question):
    """`capacity.pool`: phases and open shortfalls of a pool."""

    pool: Name


class TimelineQuestion(Question):
    """`capacity.timeline`: capacity, committed, free, short and unsold over a window."""

    pool: Name
    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")


class AvailabilityQuestion(Question):
    """`capacity.availability`: where a shape fits, and from when; one of `pools` and `sku`."""

    quantity: Shape
    tier: Tier
    pools: tuple[Name, ...] | None = None
    sku: Text | None = None

    def __post_init__(self) -> None:
        """Refuse steps that make no shape, and a question for no pools or twice.

        Raises:
            ValueError: says which.
        """
        if not isinstance(self.quantity, Window):
            Schedule.of(self.quantity)
        if (self.pools is None) == (self.sku is None):
            raise ValueError("name pools or a sku: one of both")


class AllocationsQuestion(Question):
    """`capacity.allocations`: what a tenant holds in a window."""

    tenant: Id
    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")


class UtilisationQuestion(Question):
    """`capacity.utilisation`: capacity, sold and used per step; one of `pool` and `tenant`."""

    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")
    step: StepLength
    pool: Name | None = None
    tenant: Id | None = None

    def __post_init__(self) -> None:
        """Refuse a question about nobody, or about two.

        Raises:
            ValueError: not exactly one of pool and tenant.
        """
        if (self.pool is None) == (self.tenant is None):
            raise ValueError("name a pool or a tenant: one of both")


class IdleQuestion(Question):
    """`capacity.idle`: windows in which enough of what is held is not used; one of `pool` and `tenant`."""

    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")
    min_gpus: Count
    min_hours: Hours
    reserve: Quantity = 0
    pool: Name | None = None
    tenant: Id | None = None

    def __post_init__(self) -> None:
        """Refuse a question about nobody, or about two.

        Raises:
            ValueError: not exactly one of pool and tenant.
        """
        if (self.pool is None) == (self.tenant is None):
            raise ValueError("name a pool or a tenant: one of both")


class UnsoldQuestion(Question):
    """`capacity.unsold`: GPU-hours unsold, idle and recalled per step."""

    pool: Name
    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")
    step: StepLength
