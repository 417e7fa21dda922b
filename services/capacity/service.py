"""The capacity service as a value."""

from infra.service import Service
from services.capacity.aggregates import METER, POOL, REQUEST
from services.capacity.checks import pools_are_sound
from services.capacity.projections import POOLS
from services.capacity.reactions import CONTRACTS
from services.capacity.reads import ASKS
from services.capacity.rules import RULES
from services.capacity.timers import DATES

SERVICE = Service(
    name="capacity",
    logs=("capacity", "usage"),
    aggregates={"pool": POOL, "request": REQUEST, "meter": METER},
    rules=RULES,
    asks=ASKS,
    reactions=(CONTRACTS,),
    projections=(POOLS,),
    timers=(DATES,),
    checks=(pools_are_sound,),
)
