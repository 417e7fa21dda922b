"""The statements that read a log or call its functions, by name (sql/statements.sql)."""

from functools import cache
from pathlib import Path

from infra import statements

FILE = Path(__file__).parent.parent / "sql" / "statements.sql"


@cache
def statement(name: str, log: str = "") -> str:
    """Return one statement for one log.

    Raises:
        KeyError: there is none of that name.
    """
    return statements.statement(FILE, name, log=log)
