"""The echoing service of `tests/support/echo.py` as a process of its own."""

from infra.process import run
from tests.support.echo import CONTRACTS

if __name__ == "__main__":
    run(CONTRACTS)
