"""The recording service of `tests/support/echo.py` as a process of its own."""

from infra.process import run
from tests.support.echo import CAPACITY

if __name__ == "__main__":
    run(CAPACITY)
