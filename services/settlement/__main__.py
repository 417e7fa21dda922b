"""Run the settlement service: `python -m services.settlement`."""

from services.settlement.service import SERVICE

__all__ = ["SERVICE"]
