"""The settlement service as a process: `python -m services.settlement --config FILE`."""

from infra.process import run
from services.settlement.service import SERVICE

__all__ = ["SERVICE"]

if __name__ == "__main__":
    run(SERVICE)
