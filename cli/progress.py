"""The state of each part, kept current on a terminal and told line by line in a pipe."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.local.parts import PartReport, PartState

STYLES = {PartState.READY: "green", PartState.FAILED: "bold red", PartState.STOPPED: "dim"}


class PartLines:
    """One line for each part; use as a context."""

    def __init__(self) -> None:
        """Nothing is shown yet; the clock starts."""
        self._console = Console(stderr=True)
        self._since = time.monotonic()
        self._rows: dict[str, tuple[PartReport, float]] = {}
        self._note = ""
        self._live = Live(console=self._console, get_renderable=self._table, refresh_per_second=8)

    def show(self, report: PartReport) -> None:
        """Takes one step of progress."""
        elapsed = time.monotonic() - self._since
        self._rows[report.part] = (report, elapsed)
        if not self._console.is_terminal:
            self._console.print(
                f"{elapsed:6.1f} s  {report.part}  {report.state}  {report.detail}".rstrip(),
                markup=False,
                soft_wrap=True,
            )

    def note(self, text: str) -> None:
        """A line below the parts."""
        self._note = text
        if not self._console.is_terminal:
            self._console.print(text, markup=False)

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False)
        for report, elapsed in self._rows.values():
            state = Text(report.state, STYLES.get(report.state, "yellow"))
            table.add_row(report.part, state, Text(report.detail), Text(f"{elapsed:.1f} s", "dim"))
        if self._note:
            table.add_row(Text(self._note, "bold"))
        return table

    def __enter__(self) -> Self:
        """Starts showing."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the last state on the screen."""
        if self._console.is_terminal:
            self._live.stop()
