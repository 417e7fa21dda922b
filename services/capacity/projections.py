"""Capacity's read models. Answers fold the pools concerned; a read model only finds them."""

from collections.abc import Sequence
from typing import Final

from infra.event_store import Recorded
from infra.service import Column, Projection, Row, Table
from schemas.capacity import PoolRegistered

LISTED_POOLS: Final = "capacity_pools"


def project(recorded: Recorded) -> Sequence[Row]:
    """Return the rows that one event adds: a pool, with what it may be found by."""
    event = recorded.event
    if not isinstance(event, PoolRegistered):
        return []
    values = {
        "pool": event.pool,
        "operator": recorded.tenant,
        "gpu": event.sku.gpu,
        "listed": 1 if event.listed else 0,
    }
    return [Row(LISTED_POOLS, values)]


POOLS = Projection(
    name="capacity.pools",
    follows=("capacity",),
    project=project,
    tables=(
        Table(
            name=LISTED_POOLS,
            columns=(
                Column("pool", "text"),
                Column("operator", "text"),
                Column("gpu", "text"),
                Column("listed", "bigint"),
            ),
            index=(("gpu",),),
        ),
    ),
)
