"""The terms of a contract over time, and what differs between two of them, in words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import msgspec

from cli.boards.drawing import is_instant, money, when

# What names an element of a list, so that it is compared with its like and not with its neighbour.
KEYS = ("line", "charge", "option", "right", "category", "start", "up_to", "below", "system")
# The order in which people look at terms; whatever is not named follows by its name.
ORDER = (
    *("supplier", "customer", "term", "currency", "lines", "charges", "termination"),
    *("kind", "pool", "from", "tier", "fill", "delivery", "quantity", "steps", "party", "cause"),
)
_DEFAULTS: Mapping[str, Any] = {
    "billing": {
        "zone": "UTC",
        "interval": "month",
        "proration": "second",
        "rounding": "half_up",
        "due_days": 30,
        "close_days": None,
    },
    "transfer": {"sublease": "allowed", "novation": "consent"},
}


class Version(msgspec.Struct, frozen=True):
    """The terms over `[start, end)` as they came to be; `learnt` are the versions of the events behind."""

    start: str
    end: str | None
    terms: Mapping[str, Any]
    learnt: tuple[int, ...]


class Difference(msgspec.Struct, frozen=True):
    """One value that differs, where it stands, and what it was and is; None where there is nothing."""

    path: str
    before: Any
    after: Any


def versions(history: Mapping[str, Any]) -> list[Version]:
    """Return the terms over time that the events of `contracts.history` amount to, oldest first."""
    periods = [
        (period["start"], period["end"], event["version"], period["changes"])
        for event in history["events"]
        for period in event["periods"]
    ]
    edges = sorted({edge for start, end, *_ in periods for edge in (start, end) if edge is not None})
    found: list[Version] = []
    for start, end in zip(edges, [*edges[1:], None], strict=True):
        holding = [one for one in periods if one[0] <= start and (one[1] is None or start < one[1])]
        terms: dict[str, Any] = {}
        behind: dict[str, int] = {}
        for *_, version, changes in holding:
            terms |= changes
            behind |= dict.fromkeys(changes, version)
        learnt = tuple(sorted(set(behind.values())))
        if found and found[-1].terms == terms:
            found[-1] = Version(found[-1].start, end, terms, found[-1].learnt)
        elif terms:
            found.append(Version(start, end, terms, learnt))
    return found


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:  # noqa: ANN401 JSON
    """Yield what differs between two values of JSON; elements of a list are told apart by their names."""
    if before == after:
        return
    if is_object(before) and is_object(after):
        for name in ordered({*before, *after}):
            below = f"{path}.{name}" if path else name
            yield from differences(before.get(name), after.get(name), below)
    elif is_list(before) and is_list(after) and (key := _key(before, after)) is not None:
        yield from _element_differences(path, before, after, key)
    else:
        yield Difference(path, before, after)


def _element_differences(
    path: str, before: Sequence[Any], after: Sequence[Any], key: str
) -> Iterator[Difference]:
    then, now = _by_name(before, key), _by_name(after, key)
    for name in dict.fromkeys((*then, *now)):
        where = f"{path}[{when(name) if is_instant(name) else name}]"
        if name in then and name in now:
            yield from differences(then[name], now[name], where)
        else:
            yield from _whole(where, then.get(name), now.get(name), key)


def _by_name(elements: Sequence[Any], key: str) -> Mapping[str, Mapping[str, Any]]:
    return {one[key]: one for one in elements}


def _whole(path: str, before: Any, after: Any, key: str) -> Iterator[Difference]:  # noqa: ANN401 JSON
    """Yield an element that is only on one side: its steps one by one, so that each can be read."""
    element: Mapping[str, Any] = after if before is None else before
    if key == "start":  # a step is told with its span
        yield Difference(path, before, after)
        return
    steps = [(name, item) for name, item in element.items() if _is_stepwise(item)]
    rest = {name: item for name, item in element.items() if name != key and name not in dict(steps)}
    parts = [(path, rest)] if rest or not steps else []
    parts += [(f"{path}.{name}", step) for name, item in steps for step in item]
    for where, part in parts:
        yield Difference(where, None if before is None else part, None if after is None else part)


def summary(terms: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the terms say as (where, words); what stands at its default says nothing."""
    for name in ordered(terms):
        value = terms[name]
        if value in (None, [], {}) or value == _DEFAULTS.get(name):
            continue
        key = _key(value, value) if is_list(value) else None
        if key is None:
            yield name, words(value)
            continue
        for element in value:
            yield from _element(f"{name}[{element[key]}]", element, key)


def _element(path: str, element: Mapping[str, Any], key: str) -> Iterator[tuple[str, str]]:
    """Yield a named element in a row, and its steps in one row each."""
    steps = {name: item for name, item in element.items() if _is_stepwise(item)}
    rest = {name: item for name, item in element.items() if name != key and name not in steps}
    told = words(rest)
    if told or not steps:
        yield path, told
    for name, item in steps.items():
        for step in item:
            yield f"{path}.{name}", words(step)


def ordered(names: Iterable[str]) -> list[str]:
    """Return the names of sections or fields as people look at them, however they were sent."""
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def _is_stepwise(value: Any) -> bool:  # noqa: ANN401 JSON
    return is_list(value) and bool(value) and all(is_object(one) and "start" in one for one in value)


def words(value: Any) -> str:  # noqa: ANN401 JSON
    """Return a value of JSON in words, on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str):
        return when(value) if is_instant(value) else value
    if is_list(value):
        return "; ".join(words(item) for item in value) or "nothing"
    assert is_object(value), "there is nothing else in JSON: no floats"
    if {"start", "end"} <= value.keys():
        return _step(value)
    told = (name for name in ordered(value) if value[name] not in (None, [], {}))
    return ", ".join(f"{name.replace('_', ' ')} {_named(name, value[name])}" for name in told)


def _named(name: str, item: Any) -> str:  # noqa: ANN401 JSON
    if name == "amount" and isinstance(item, str):
        return money(item)
    return f"({words(item)})" if is_object(item) and "start" not in item else words(item)


def _step(value: Mapping[str, Any]) -> str:
    """Return a step of a Schedule or of a fee: what holds, and from when to when."""
    span = f"{when(value['start'])} to {when(value['end'])}"
    if "quantity" in value:
        return f"{value['quantity']:,} {span}"
    if "amount" in value:
        return f"{'not known' if value['amount'] is None else money(value['amount'])} {span}"
    return span


def _key(before: Sequence[Any], after: Sequence[Any]) -> str | None:
    """Return the field that names the elements of both lists, if each is a list of named elements."""
    for key in KEYS:
        sides = (_names(before, key), _names(after, key))
        if all(len(set(names)) == len(names) and None not in names for names in sides) and any(sides):
            return key
    return None


def _names(elements: Sequence[Any], key: str) -> list[str | None]:
    return [one.get(key) if is_object(one) else None for one in elements]


def is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:  # noqa: ANN401 JSON
    """Say whether a value of JSON is an object."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[Sequence[Any]]:  # noqa: ANN401 JSON
    """Say whether a value of JSON is a list."""
    return isinstance(value, list)
