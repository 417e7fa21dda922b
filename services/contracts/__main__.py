"""`python -m services.contracts --config FILE`: the contracts service as a process."""

from services.contracts.service import SERVICE

__all__ = ["SERVICE"]

if __name__ == "__main__":
    from infra.process import run

    run(SERVICE)
