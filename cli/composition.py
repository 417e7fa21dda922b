"""The services of this house: the one place where they are listed."""

from infra.service import Service
from services.capacity.service import SERVICE as CAPACITY
from services.contracts.service import SERVICE as CONTRACTS
from services.settlement.service import SERVICE as SETTLEMENT

SERVICES: tuple[Service, ...] = (CONTRACTS, CAPACITY, SETTLEMENT)
