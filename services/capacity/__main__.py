"""`python -m services.capacity` runs the capacity service."""

from services.capacity.service import SERVICE

__all__ = ["SERVICE"]
