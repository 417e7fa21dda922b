"""How much of something is left at every instant: a segment tree over the grid, range add and range minimum.

Time is counted in whole quanta of the pool's grid. The tree lies over a stretch of *cells*; a cell is one
quantum wide, and only where a pool reaches so far that the cells would be too many do cells grow wider and
keep the steps inside them in a short list. Before the stretch the value is 0, after it the *tail*, so that
reservations without end cost nothing. Adding and asking take time in the logarithm of the stretch, whatever
the number of reservations.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Final

ALWAYS: Final = 1 << 60
"""Later than every quantum: the end of what has none."""

CELLS_LEAST: Final = 1 << 10
CELLS_MOST: Final = 1 << 17

Step = tuple[int, int, int]
"""`(start, end, value)` in quanta; end may be ALWAYS."""


class Timeline:
    """A step function of integers over quanta, 0 before everything that was ever added."""

    __slots__ = ("_add", "_cells", "_detail", "_low", "_origin", "_tail", "_width")

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        """Take the sum of steps, in any order, as its values."""
        self._shape(0, CELLS_LEAST, 1)
        points = _points(steps)
        if points:
            self._settle(points, points[0][0], points[-1][0])

    def copy(self) -> "Timeline":
        """Return another of the same values, to try things on."""
        made = Timeline.__new__(Timeline)
        made._origin, made._cells, made._width = self._origin, self._cells, self._width  # noqa: SLF001 its own class
        made._tail, made._low, made._add = self._tail, self._low.copy(), self._add.copy()  # noqa: SLF001
        made._detail = {cell: (o.copy(), v.copy()) for cell, (o, v) in self._detail.items()}  # noqa: SLF001
        return made

    def add(self, start: int, end: int, value: int) -> None:
        """Add `value` over [start, end), ALWAYS = without end."""
        if end <= start or not value:
            return
        if end >= ALWAYS:
            self._reach(start, start)
            self._tail += value
        else:
            self._reach(start, end)
        low, high = start - self._origin, min(end - self._origin, self._cells * self._width)
        first, last, width = low // self._width, high // self._width, self._width
        if width > 1:
            if first == last:
                self._add_inside(first, low - first * width, high - first * width, value)
                return
            if low % width:
                self._add_inside(first, low - first * width, width, value)
                first += 1
            if high % width:
                self._add_inside(last, 0, high - last * width, value)
        self._add_cells(first, last, value)

    def lowest(self, start: int, end: int) -> int:
        """Return the least value in [start, end), which is not empty."""
        stop = self._origin + self._cells * self._width
        found = 0 if start < self._origin else None
        if end > stop:
            found = self._tail if found is None else min(found, self._tail)
        low, high = max(start, self._origin) - self._origin, min(end, stop) - self._origin
        if low < high:
            inside = self._lowest_inside(low, high)
            found = inside if found is None else min(found, inside)
        assert found is not None, "a window is not empty"
        return found

    def last_below(self, start: int, end: int, value: int) -> int | None:
        """Return where the last stretch below `value` in [start, end) ends; None without one."""
        stop = self._origin + self._cells * self._width
        if end > stop and self._tail < value:
            return end
        low, high = max(start, self._origin) - self._origin, min(end, stop) - self._origin
        if low < high:
            found = self._last(1, 0, self._cells, low, high, value)
            if found is not None:
                return found + self._origin
        return min(end, self._origin) if start < self._origin and value > 0 else None

    def steps(self, start: int, end: int) -> Iterator[Step]:
        """Yield the values in [start, end) as steps, zeros too; neighbours may have one value."""
        stop = self._origin + self._cells * self._width
        if start < self._origin:
            yield start, min(end, self._origin), 0
        low, high = max(start, self._origin) - self._origin, min(end, stop) - self._origin
        if low < high:
            for begin, until, value in self._leaves(low, high):
                yield begin + self._origin, until + self._origin, value
        if end > stop:
            yield max(start, stop), end, self._tail

    # -- the tree -------------------------------------------------------------------------------------

    def _add_cells(self, first: int, last: int, value: int) -> None:
        """Add over whole cells [first, last)."""
        if first >= last:
            return
        low, add, cells = self._low, self._add, self._cells
        left, right = first + cells, last + cells
        outer_left, outer_right = left, right - 1
        while left < right:
            if left & 1:
                low[left] += value
                if left < cells:
                    add[left] += value
                left += 1
            if right & 1:
                right -= 1
                low[right] += value
                if right < cells:
                    add[right] += value
            left >>= 1
            right >>= 1
        self._lift(outer_left, outer_right)

    def _lift(self, one: int, other: int) -> None:
        """Bring the minima above two nodes of one level up to date."""
        low, add = self._low, self._add
        one >>= 1
        other >>= 1
        while one != other:
            for node in (one, other):
                left, right = low[2 * node], low[2 * node + 1]
                low[node] = (min(right, left)) + add[node]
            one >>= 1
            other >>= 1
        while one:
            left, right = low[2 * one], low[2 * one + 1]
            low[one] = (min(right, left)) + add[one]
            one >>= 1

    def _lowest_inside(self, low: int, high: int) -> int:
        width = self._width
        if width == 1:
            return self._lowest_cells(low, high)
        first, last = low // width, high // width
        if first == last:
            return self._lowest_in_cell(first, low - first * width, high - first * width)
        found: list[int] = []
        if low % width:
            found.append(self._lowest_in_cell(first, low - first * width, width))
            first += 1
        if high % width:
            found.append(self._lowest_in_cell(last, 0, high - last * width))
        if first < last:
            found.append(self._lowest_cells(first, last))
        return min(found)

    def _lowest_cells(self, first: int, last: int) -> int:
        """Return the least value in cells [first, last)."""
        low, add = self._low, self._add
        left, right = first + self._cells, last + self._cells - 1
        a, b = low[left], low[right]
        while left >> 1 != right >> 1:
            if not left & 1 and low[left + 1] < a:
                a = low[left + 1]
            if right & 1 and low[right - 1] < b:
                b = low[right - 1]
            left >>= 1
            right >>= 1
            a += add[left]
            b += add[right]
        found = min(a, b)
        left >>= 1
        while left:
            found += add[left]
            left >>= 1
        return found

    def _last(self, node: int, first: int, last: int, low: int, high: int, value: int) -> int | None:
        """Return where the last stretch below `value` in [low, high) ends, looking under one node."""
        width = self._width
        if last * width <= low or first * width >= high or self._low[node] >= value:
            return None
        if node >= self._cells:
            return self._last_in_cell(first, low, high, value)
        middle = (first + last) >> 1
        value -= self._add[node]
        found = self._last(2 * node + 1, middle, last, low, high, value)
        return found if found is not None else self._last(2 * node, first, middle, low, high, value)

    def _leaves(self, low: int, high: int) -> Iterator[Step]:
        """Yield the steps of [low, high), counted from the origin."""
        width = self._width
        stack = [(1, 0, self._cells, 0)]
        while stack:
            node, first, last, carried = stack.pop()
            if last * width <= low or first * width >= high:
                continue
            if node < self._cells:
                middle, carried = (first + last) >> 1, carried + self._add[node]
                stack.append((2 * node + 1, middle, last, carried))
                stack.append((2 * node, first, middle, carried))
                continue
            base = self._low[node] + carried
            for begin, until, over in self._steps_in_cell(first):
                if begin < high and until > low:
                    yield max(begin, low), min(until, high), base + over

    # -- inside a wide cell: steps as values over its least one ----------------------------------------

    def _steps_in_cell(self, cell: int) -> Iterator[Step]:
        start = cell * self._width
        detail = self._detail.get(cell)
        if detail is None:
            yield start, start + self._width, 0
            return
        offsets, values = detail
        for (begin, until), over in zip(pairwise([*offsets, self._width]), values, strict=True):
            yield start + begin, start + until, over

    def _add_inside(self, cell: int, begin: int, until: int, value: int) -> None:
        offsets, values = self._detail.get(cell) or ([0], [0])
        first = _split(offsets, values, begin)
        last = len(offsets) if until == self._width else _split(offsets, values, until)
        for index in range(first, last):
            values[index] += value
        least = min(values)
        offsets, values = _merged(offsets, values, least)
        if len(offsets) == 1:
            self._detail.pop(cell, None)
        else:
            self._detail[cell] = (offsets, values)
        node = cell + self._cells
        self._low[node] += least
        self._lift(node, node)

    def _lowest_in_cell(self, cell: int, begin: int, until: int) -> int:
        over = 0
        detail = self._detail.get(cell)
        if detail is not None:
            offsets, values = detail
            over = min(values[bisect_right(offsets, begin) - 1 : bisect_left(offsets, until)])
        return self._lowest_cells(cell, cell + 1) + over

    def _last_in_cell(self, cell: int, low: int, high: int, value: int) -> int | None:
        base = self._low[cell + self._cells]
        ends = [
            min(until, high)
            for begin, until, over in self._steps_in_cell(cell)
            if begin < high and until > low and base + over < value
        ]
        return max(ends, default=None)

    # -- the stretch ----------------------------------------------------------------------------------

    def _shape(self, origin: int, cells: int, width: int) -> None:
        self._origin, self._cells, self._width, self._tail = origin, cells, width, 0
        self._low, self._add = [0] * (2 * cells), [0] * cells
        self._detail: dict[int, tuple[list[int], list[int]]] = {}

    def _reach(self, start: int, end: int) -> None:
        """Make the stretch hold [start, end]."""
        stop = self._origin + self._cells * self._width
        if start >= self._origin and end <= stop:
            return
        points = _points(self.steps(self._origin, ALWAYS))
        if not points:
            self._settle(points, start, end)
            return
        self._settle(points, min(points[0][0], start), max(points[-1][0], end))

    def _settle(self, points: Sequence[tuple[int, int]], start: int, end: int) -> None:
        """Lay the stretch over [start, end], half as much again on each side, and fill it."""
        cells, width = CELLS_LEAST, 1
        while cells * width < 2 * (end - start) + 2:
            if cells < CELLS_MOST:
                cells *= 2
            else:
                width *= 2
        self._shape((start - (cells * width - (end - start)) // 4) // width * width, cells, width)
        self._fill(points)

    def _fill(self, points: Sequence[tuple[int, int]]) -> None:
        """Set the values that hold from each point on."""
        origin, width, cells, value, done = self._origin, self._width, self._cells, 0, 0
        leaves = [0] * cells
        inside: dict[int, tuple[list[int], list[int]]] = {}
        for at, after in points:
            cell, offset = divmod(at - origin, width)
            if cell >= cells:
                break  # the stretch ends where the last value begins
            if cell >= done:
                leaves[done : cell + 1] = [value] * (cell + 1 - done)
                done = cell + 1
            offsets, values = inside.setdefault(cell, ([0], [value])) if width > 1 else ([0], [value])
            value = after
            if offset:
                offsets.append(offset)
                values.append(value)
            else:
                values[0] = value
            leaves[cell] = min(values)
        leaves[done:] = [value] * (cells - done)
        self._detail = {
            cell: (offsets, [each - leaves[cell] for each in values])
            for cell, (offsets, values) in inside.items()
            if len(offsets) > 1
        }
        self._tail = points[-1][1] if points else 0
        self._raise(leaves)

    def _raise(self, leaves: list[int]) -> None:
        """Set the minima over leaves, level by level."""
        levels = [leaves]
        while len(levels[-1]) > 1:
            below = levels[-1]
            levels.append(list(map(min, below[::2], below[1::2])))
        self._low = [0, *chain.from_iterable(reversed(levels))]


def _points(steps: Iterable[Step]) -> list[tuple[int, int]]:
    """Return `(quantum, value from then on)` where the sum of steps changes."""
    changes: dict[int, int] = {}
    for start, end, value in steps:
        changes[start] = changes.get(start, 0) + value
        if end < ALWAYS:
            changes[end] = changes.get(end, 0) - value
    points: list[tuple[int, int]] = []
    value = 0
    for at in sorted(changes):
        if changes[at]:
            value += changes[at]
            points.append((at, value))
    return points


def _split(offsets: list[int], values: list[int], at: int) -> int:
    """Make a step begin at `at`, and return its index."""
    index = bisect_left(offsets, at)
    if index == len(offsets) or offsets[index] != at:
        offsets.insert(index, at)
        values.insert(index, values[index - 1])
    return index


def _merged(offsets: Sequence[int], values: Sequence[int], least: int) -> tuple[list[int], list[int]]:
    """Return the steps less `least`, neighbours of one value as one."""
    kept_offsets, kept_values = [offsets[0]], [values[0] - least]
    for at, value in zip(offsets[1:], values[1:], strict=True):
        if value - least != kept_values[-1]:
            kept_offsets.append(at)
            kept_values.append(value - least)
    return kept_offsets, kept_values
