"""The statements of sql/statements.sql, by name."""

import re
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent.parent / "sql" / "statements.sql"
NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def statement(name: str, log: str = "") -> str:
    """Return one statement for one log.

    Raises:
        KeyError: there is none of that name.
    """
    return _by_name()[name].replace("{log}", log)


@cache
def _by_name() -> dict[str, str]:
    _, *parts = NAME.split(FILE.read_text())
    return {name: _bare(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _bare(text: str) -> str:
    """Return a statement without its comment and semicolon."""
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return "\n".join(lines).strip().removesuffix(";")
