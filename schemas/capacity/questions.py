"""What capacity can be asked; valid_at and known_at travel beside the question."""

from typing import Literal

import msgspec

from schemas.capacity.values import Count, Hours, Shape, Tier
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


class IdleQuestion(Question):
    """`capacity.idle`: windows in which enough of what is held is not used; one of `pool` and `tenant`."""

    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")
    min_gpus: Count
    min_hours: Hours
    reserve: Quantity = 0
    pool: Name | None = None
    tenant: Id | None = None


class UnsoldQuestion(Question):
    """`capacity.unsold`: GPU-hours unsold, idle and recalled per step."""

    pool: Name
    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")
    step: StepLength
