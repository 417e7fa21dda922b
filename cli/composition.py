"""The services of this house: the one place where they are listed."""

from services.capacity.__main__ import SERVICE as CAPACITY
from services.contracts.__main__ import SERVICE as CONTRACTS
from services.settlement.__main__ import SERVICE as SETTLEMENT

from infra.service import Service

SERVICES: tuple[Service, ...] = (CONTRACTS, CAPACITY, SETTLEMENT)
