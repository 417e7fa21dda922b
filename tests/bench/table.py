"""The measurements for people: one table, plain lines in a pipe; and for programs, as JSON."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.bench.measure import Measure

PIPE_WIDTH = 240
WHOLE_FROM = 1000
VERDICTS = {True: Text("yes", "green"), False: Text("no", "bold red"), None: Text("")}


def console(*, stderr: bool = False) -> Console:
    """Return where to print; in a pipe its lines are not broken."""
    out = Console(stderr=stderr, highlight=False)
    return out if out.is_terminal else Console(stderr=stderr, highlight=False, width=PIPE_WIDTH)


def table(measures: Sequence[tuple[str, Measure]], *, plain: bool) -> Table:
    """Return all rows, section by section."""
    made = Table(box=None, pad_edge=False) if plain else Table(header_style="bold")
    made.add_column("measure", overflow="fold")
    for name in ("ours", "limit", "ratio"):
        made.add_column(name, justify="right", no_wrap=True)
    for name in ("of what", "aim", "met"):
        made.add_column(name, overflow="fold")
    before = ""
    for section, one in measures:
        if section != before and before:
            made.add_section()
        before = section
        limit = "" if one.limit is None else figure(one.limit)
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        made.add_row(
            one.what, f"{figure(one.ours)} {one.unit}", limit, ratio, one.beside, one.aim, VERDICTS[one.met]
        )
    return made


def line(one: Measure) -> str:
    """Return one row as a line of progress."""
    beside = "" if one.limit is None else f"; {one.beside}: {figure(one.limit)}"
    ratio = "" if one.ratio is None else f"; ratio {one.ratio:.2f}"
    verdict = {True: ", met", False: ", NOT met", None: ""}[one.met]
    aim = f" ({one.aim}{verdict})" if one.aim else ""
    return f"{one.what}: {figure(one.ours)} {one.unit}{beside}{ratio}{aim}"


def figure(value: float) -> str:
    """Return a figure with three digits that matter, whole from a thousand on."""
    return f"{value:,.0f}" if abs(value) >= WHOLE_FROM else f"{value:.3g}"


def write_json(file: Path, measures: Sequence[tuple[str, Measure]]) -> None:
    """Write `[{section, what, ours, unit, limit, beside, aim, ratio, met}, …]`."""
    rows = [
        {"section": section, **msgspec.to_builtins(one), "ratio": one.ratio, "met": one.met}
        for section, one in measures
    ]
    file.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
