"""The commands that the guides show, and what they say comes of them."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tests.tidy.sources import ROOT

START = ROOT / "docs" / "start.md"
GUIDES = (
    START,
    *(
        ROOT / "docs" / "guides" / f"{name}.md"
        for name in (
            "partners",
            "finance",
            "contract-systems",
            "subscribers",
            "operations",
        )
    ),
)
ANYTHING = "…"
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_MARK = "\x1e"


class Shown(msgspec.Struct, frozen=True):
    """One command of a guide: where it stands, its text, and the output that the guide shows for it."""

    path: Path
    line: int
    command: str
    output: tuple[str, ...]

    def __str__(self) -> str:
        """Where it is, and how it begins."""
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.command.splitlines()[0]}"


def shown(path: Path) -> Iterator[Shown]:
    """Yield the commands in the `console` blocks of a guide: `$ ` begins one, `> ` goes on with it."""
    text = path.read_text()
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1)) + 1
        command: list[str] = []
        output: list[str] = []
        at = first
        for number, line in enumerate(block[1].splitlines(), first):
            if line.startswith("$ "):
                if command:
                    yield Shown(path, at, "\n".join(command), tuple(output))
                command, output, at = [line[2:]], [], number
            elif line.startswith("> ") or (line == ">" and command and not output):
                command.append(line[2:])
            else:
                output.append(line)
        if command:
            yield Shown(path, at, "\n".join(command), tuple(output))


def run(commands: Sequence[Shown], folder: Path, seconds_max: float) -> list[tuple[Shown, str]]:
    """Run the commands of a guide one after another in one shell; return each with what it printed.

    Raises:
        subprocess.TimeoutExpired: together they took longer.
    """
    script = "exec 2>&1\n" + "".join(f"{one.command}\nprintf '{_MARK}'\n" for one in commands)
    done = subprocess.run(
        ["bash"],
        input=script,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds_max,
        check=False,
    )
    outputs = done.stdout.split(_MARK)[: len(commands)]
    return list(zip(commands, outputs, strict=False))


def agrees(expected: Sequence[str], came: str) -> bool:
    """Say whether an output is what a guide shows: `…` is anything, a line of it alone any lines."""
    told = "".join(_pattern(line.rstrip()) for line in expected)
    text = "".join(f"{line.rstrip()}\n" for line in came.strip("\n").splitlines())
    return re.fullmatch(told, text) is not None


def _pattern(line: str) -> str:
    if line == ANYTHING:
        return r"(?:.*\n)*?"
    return ".*".join(re.escape(part) for part in line.split(ANYTHING)) + r"\n"
