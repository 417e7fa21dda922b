"""What differs between two answers to one question, value by value."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import msgspec


class Change(msgspec.Struct, frozen=True):
    """A value that is not the same: where it stands, and what it was and is; None where there is nothing."""

    path: str
    before: Any
    after: Any


def changes(before: Any, after: Any, path: str = "$") -> Iterator[Change]:  # noqa: ANN401 JSON
    """Yield what differs between two values of JSON, in the order of the first.

    Elements of a list are compared with their like: by the first field whose values tell all of them apart
    on both sides, such as the line or the start; where there is none, by their place.
    """
    if before == after:
        return
    if _is_object(before) and _is_object(after):
        for name in dict.fromkeys((*before, *after)):
            yield from changes(before.get(name), after.get(name), f"{path}.{name}")
    elif _is_list(before) and _is_list(after):
        then, now = _named(before, after)
        for name in dict.fromkeys((*then, *now)):
            yield from changes(then.get(name), now.get(name), f"{path}[{name}]")
    else:
        yield Change(path, before, after)


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:  # noqa: ANN401 JSON
    return isinstance(value, Mapping)


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:  # noqa: ANN401 JSON
    return isinstance(value, list)


def _named(before: Sequence[Any], after: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the elements of two lists by what names them."""
    key = _key(before, after)
    if key is None:
        return {str(n): one for n, one in enumerate(before)}, {str(n): one for n, one in enumerate(after)}
    return {str(one[key]): one for one in before}, {str(one[key]): one for one in after}


def _key(before: Sequence[Any], after: Sequence[Any]) -> str | None:
    elements = [*before, *after]
    if not elements or not all(isinstance(one, Mapping) for one in elements):
        return None
    for name in elements[0]:
        if all(_tells_apart(side, name) for side in (before, after)):
            return str(name)
    return None


def _tells_apart(elements: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = [one.get(name) for one in elements]
    return all(isinstance(value, str | int) for value in values) and len(set(values)) == len(values)
