"""How capacity's streams fold to states."""

from typing import Any, Final

from schemas.decision import Aggregate
from services.capacity.domain import pool, request, snapshot, usage
from services.capacity.domain.evolve import evolve
from services.capacity.domain.pool import Pool
from services.capacity.domain.request import Request
from services.capacity.domain.usage import Meter

POOL: Final[Aggregate[Pool, Any]] = Aggregate(
    category="pool",
    initial=pool.initial,
    evolve=evolve,
    version=2,
    state=snapshot.PackedPool,
    pack=snapshot.pack,
    unpack=snapshot.unpack,
)
REQUEST: Final[Aggregate[Request, Any]] = Aggregate(
    category="request", initial=request.initial, evolve=request.evolve, version=1, state=Request
)
METER: Final[Aggregate[Meter, Any]] = Aggregate(
    category="meter", initial=usage.initial, evolve=usage.evolve, version=1, state=Meter
)
