"""The capacity service as a process: `python -m services.capacity --config FILE`."""

from infra.process import run
from services.capacity.service import SERVICE

__all__ = ["SERVICE"]

if __name__ == "__main__":
    run(SERVICE)
