"""Where a board goes: in colour on a terminal, as plain text with a line for each row in a pipe."""

import io
import sys

from rich.console import Console, RenderableType
from rich.measure import Measurement

WIDTH_MAX = 400
_WIDEST = 60  # what a line of prose measures at least


def show_board(board: RenderableType) -> None:
    """Print a board."""
    if sys.stdout.isatty():
        Console(highlight=False).print(board)
    else:
        print(text_of(board), end="")


def text_of(board: RenderableType, width: int | None = None) -> str:
    """Return a board as plain text: as wide as it wants to be, or so wide."""
    out = io.StringIO()
    console = Console(file=out, width=width or WIDTH_MAX, color_system=None, highlight=False, emoji=False)
    if width is None:
        wanted = Measurement.get(console, console.options, board).maximum
        console.width = max(_WIDEST, min(WIDTH_MAX, wanted))
    console.print(board)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join(lines).strip("\n") + "\n"
