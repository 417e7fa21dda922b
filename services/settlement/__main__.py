"""`python -m services.settlement --config FILE`: the settlement service as a process."""

from services.settlement.service import SERVICE

__all__ = ["SERVICE"]

if __name__ == "__main__":
    from infra.process import run

    run(SERVICE)
