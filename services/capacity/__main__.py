"""`python -m services.capacity --config FILE`: the capacity service as a process."""

from services.capacity.service import SERVICE

__all__ = ["SERVICE"]

if __name__ == "__main__":
    from infra.process import run

    run(SERVICE)
