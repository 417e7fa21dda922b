"""Rows as files: CSV, and Parquet with decimals as decimals."""

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib import import_module
from typing import Any

# pyarrow has no types of its own: reached through this one module
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")
DIGITS, PLACES = 38, 10


def as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, str | None]]) -> str:
    """Comma-separated text with a header; null is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column) or "" for column in columns] for row in rows)
    return out.getvalue()


def as_parquet(
    columns: Sequence[str], rows: Sequence[Mapping[str, str | None]], decimals: frozenset[str]
) -> bytes:
    """A Parquet file: the named columns as decimals, all others as text."""
    arrays = [
        pa.array(
            [_decimal(row.get(column)) if column in decimals else row.get(column) for row in rows],
            type=pa.decimal128(DIGITS, PLACES) if column in decimals else pa.string(),
        )
        for column in columns
    ]
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays, names=list(columns)), sink)
    return sink.getvalue()


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
