"""How the rows of a read model are summed: which replace others, and where time is cut."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Between(msgspec.Struct, frozen=True):
    """Rows whose `column` lies in [low, high)."""

    column: str
    low: Any
    high: Any


class Latest(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that replace one another: of those with the same `key` the last counts.

    Attributes:
        key: columns.
        revises: a bigint column that is 1 where a row may replace an earlier one, else 0.
    """

    key: tuple[str, ...]
    revises: str


class Spans(msgspec.Struct, frozen=True, kw_only=True):
    """Rows over time: each lies within two neighbouring bounds, or crosses one.

    Attributes:
        start, end: bigint columns.
        bounds: ascending; rows that end by the first or start at the last one are left out.
    """

    start: str
    end: str
    bounds: tuple[int, ...]


class Summing(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are summed.

    Attributes:
        where: only rows that equal it.
        by: columns; one sum for each combination of their values, of log and of shard.
        total: the bigint column that is summed.
        latest: which rows replace others; None where all count.
        spans: sums also apart by the pair of bounds that a row lies within. A row that crosses a bound makes
            a sum of its own.
        before: a column and a value: only rows below it.
    """

    where: Mapping[str, Any]
    by: tuple[str, ...]
    total: str
    latest: Latest | None = None
    spans: Spans | None = None
    before: tuple[str, Any] | None = None
