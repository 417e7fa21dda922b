"""Comparing what came with what was expected.

Maps: every key given must match, keys not given are not compared. Lists: same length and order, element by
element. Instants compare as instants; everything else as it is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec


class Miss(msgspec.Struct, frozen=True):
    """One difference: where in the answer, what was expected, what came."""

    path: str
    expected: Any
    came: Any

    def __str__(self) -> str:
        """Return it as one readable line."""
        return f"{self.path}: expected {_text(self.expected)}, came {_text(self.came)}"


class Absent(msgspec.Struct, frozen=True):
    """Stands for a key or element that is not there."""


def misses(expected: Any, came: Any, path: str = "$") -> Iterator[Miss]:
    """Yield every difference between plain JSON values."""
    match expected, came:
        case Mapping(), Mapping():
            wanted, found = cast("Mapping[str, Any]", expected), cast("Mapping[str, Any]", came)
            for key, value in wanted.items():
                yield from misses(value, found.get(key, Absent()), f"{path}.{key}")
        case (list() | tuple(), list() | tuple()):
            yield from _lists(cast("Sequence[Any]", expected), cast("Sequence[Any]", came), path)
        case _:
            if not same(expected, came):
                yield Miss(path, expected, came)


def _lists(expected: Sequence[Any], came: Sequence[Any], path: str) -> Iterator[Miss]:
    for index in range(max(len(expected), len(came))):
        wanted = expected[index] if index < len(expected) else Absent()
        found = came[index] if index < len(came) else Absent()
        yield from misses(wanted, found, f"{path}[{index}]")


def same(expected: Any, came: Any) -> bool:
    """Say whether two scalars are the same; `true` is not 1."""
    if type(expected) is type(came) and expected == came:
        return True
    if isinstance(expected, str) and isinstance(came, str):
        left, right = _instant(expected), _instant(came)
        return left is not None and left == right
    return False


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _text(value: Any) -> str:
    if isinstance(value, Absent):
        return "nothing"
    return msgspec.json.encode(value).decode()
