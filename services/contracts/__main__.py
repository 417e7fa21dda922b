"""`python -m services.contracts`: the contracts service as a process."""

from services.contracts.service import SERVICE

__all__ = ["SERVICE"]
