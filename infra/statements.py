"""SQL files that hold many statements, each under a line `-- name: <name>`."""

import re
from functools import cache
from pathlib import Path

NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def statement(file: Path, name: str, **names: str) -> str:
    """Return one statement of a file with its `{names}` filled in, without its comment and semicolon.

    Raises:
        KeyError: there is none of that name.
    """
    text = _by_name(file)[name]
    for key, value in names.items():
        text = text.replace("{" + key + "}", value)
    return text


@cache
def _by_name(file: Path) -> dict[str, str]:
    _, *parts = NAME.split(file.read_text())
    return {name: _bare(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _bare(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return "\n".join(lines).strip().removesuffix(";")
