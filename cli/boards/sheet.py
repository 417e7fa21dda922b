"""Tables that never cut a number off: too wide for the terminal, they become narrower, then a list.

Bars give way first, then words wrap; where the numbers alone are too wide, each row is told as a block of
name and value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

BAR_WIDTH = 30
BAR_WIDTH_MIN = 8
WORD_WIDTH_MAX = 32
BETWEEN_COLUMNS = 3

Part = tuple[int, tuple[str, str]]
"""How much, and the (glyph, style) that it is drawn with."""


class Bar:
    """Parts of a whole one after another, as wide as there is room for; what is more than nothing is seen."""

    def __init__(self, parts: Iterable[Part], whole: int, width: int = BAR_WIDTH) -> None:
        """Take the parts, what the whole width stands for, and how wide it is at most."""
        self.parts, self.whole, self.width = tuple(parts), max(whole, 1), width

    def drawn(self, width: int) -> Text:
        """Return it so wide."""
        text = Text(no_wrap=True)
        for (_, (glyph, style)), cells in zip(self.parts, self._cells(width), strict=True):
            text.append(glyph * cells, style)
        return text

    def _cells(self, width: int) -> list[int]:
        """Return how many cells each part gets: its share of the width, at least one if it is anything."""
        found, done = list[int](), 0
        for part, _ in self.parts:
            before, done = done, done + max(0, part)
            share = width * done // self.whole - width * before // self.whole
            found.append(max(share, int(part > 0)))
        while sum(found) > max(width, len(found)):
            found[found.index(max(found))] -= 1
        return found

    @property
    def empty(self) -> bool:
        """Say whether there is nothing to draw."""
        return not any(part > 0 for part, _ in self.parts)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it for rich."""
        yield self.drawn(min(self.width, options.max_width))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Tell rich how wide it is."""
        return Measurement(0 if self.empty else BAR_WIDTH_MIN, 0 if self.empty else self.width)


Cell: TypeAlias = Text | Bar


class Sheet:
    """A table for people; cells are taken as they are: what a partner wrote is never read as markup."""

    def __init__(self, *columns: str) -> None:
        """Take the names of the columns; one that begins with `>` holds numbers, aligned to the right."""
        self._names = [name.removeprefix(">") for name in columns]
        self._numbers = [name.startswith(">") for name in columns]
        self._rows: list[list[Cell]] = []
        self._ends: set[int] = set()

    def row(self, *cells: str | Cell) -> None:
        """Add a row; cells that are not given are empty."""
        given = [Text(cell) if isinstance(cell, str) else cell for cell in cells]
        self._rows.append([*given, *(Text() for _ in self._names[len(given) :])])

    def section(self) -> None:
        """Leave a line free below the last row."""
        self._ends.add(len(self._rows) - 1)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Tell rich how wide it wants to be."""
        wanted = sum(self._widest(place) for place in range(len(self._names)))
        width = wanted + BETWEEN_COLUMNS * (len(self._names) - 1)
        return Measurement(min(WORD_WIDTH_MAX, width), width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it as it fits."""
        everything = list(range(len(self._names)))
        told = [place for place in everything if any(map(_width, self._column(place)))]
        for kept in (everything, told, [place for place in told if not self._is_of_bars(place)]):
            fitting = self._fitting(kept, options.max_width)
            if fitting is not None:
                yield self._table(fitting)
                return
        yield Group(*self._blocks())

    def _fitting(self, kept: Sequence[int], width: int) -> Mapping[int, int] | None:
        """Return widths for some columns, by their places; None if these do not fit."""
        room = width - BETWEEN_COLUMNS * (len(kept) - 1)
        widths = {place: self._widest(place) for place in kept}
        least = {place: min(widths[place], self._least(place)) for place in kept}
        if sum(least.values()) > room:
            return None
        while sum(widths.values()) > room:
            widths[max((p for p in kept if widths[p] > least[p]), key=lambda p: widths[p])] -= 1
        return widths

    def _table(self, widths: Mapping[int, int]) -> Table:
        drawn = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, header_style="bold")
        for place, width in widths.items():
            justify: Literal["right", "left"] = "right" if self._numbers[place] else "left"
            drawn.add_column(Text(self._names[place]), justify=justify, width=width, overflow="fold")
        for number, row in enumerate(self._rows):
            drawn.add_row(*(row[place] for place in widths), end_section=number in self._ends)
        return drawn

    def _blocks(self) -> Iterator[Text]:
        """Yield each row as lines of name and value."""
        wide = max(len(name) for name in self._names)
        for row in self._rows:
            block = Text()
            for name, cell in zip(self._names, row, strict=True):
                value = cell.drawn(cell.width) if isinstance(cell, Bar) else cell
                if value.plain.strip():
                    block.append(f"{name:<{wide}}  ", "dim").append_text(value).append("\n")
            yield block

    def _column(self, place: int) -> Iterator[Cell]:
        return (row[place] for row in self._rows)

    def _is_of_bars(self, place: int) -> bool:
        return any(isinstance(cell, Bar) for cell in self._column(place))

    def _widest(self, place: int) -> int:
        return max(len(self._names[place]), *(_width(cell) for cell in self._column(place)), 0)

    def _least(self, place: int) -> int:
        """Return how narrow a column may become: numbers not at all, words to the longest of them."""
        if self._is_of_bars(place):
            return BAR_WIDTH_MIN
        if self._numbers[place]:
            numbers = max((_width(cell) for cell in self._column(place)), default=0)
            return max(numbers, _longest_word(self._names[place]))
        texts = (cell.plain for cell in self._column(place) if isinstance(cell, Text))
        return min(WORD_WIDTH_MAX, max(map(_longest_word, (self._names[place], *texts))))


def _width(cell: Cell) -> int:
    if isinstance(cell, Bar):
        return 0 if cell.empty else cell.width
    return max((len(line) for line in cell.plain.splitlines()), default=0)


def _longest_word(text: str) -> int:
    return max((len(word) for word in text.split()), default=0)
