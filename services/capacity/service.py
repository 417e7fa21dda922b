"""The capacity service as a value."""

from services.capacity.aggregates import METER, POOL, REQUEST
from services.capacity.reactions import CONTRACTS
from services.capacity.reads import ASKS
from services.capacity.rules import RULES
from services.capacity.timers import DATES
from infra.service import Service

SERVICE = Service(
    name="capacity",
    logs=("capacity", "usage"),
    aggregates={"pool": POOL, "request": REQUEST, "meter": METER},
    rules=RULES,
    asks=ASKS,
    reactions=(CONTRACTS,),
    timers=(DATES,),
)
