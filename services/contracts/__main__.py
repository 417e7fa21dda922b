"""The contracts service as a process: `python -m services.contracts --config FILE`."""

from infra.process import run
from services.contracts.service import SERVICE

__all__ = ["SERVICE"]

if __name__ == "__main__":
    run(SERVICE)
