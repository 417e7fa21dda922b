"""The terms of a contract over time, and what differs between two of them, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cli.boards.drawing import is_instant, money, when

# What names an element of a list, so that it is compared with its like and not with its neighbour.
KEYS = ("line", "charge", "option", "right", "category", "start", "up_to", "below", "system")
_GIVEN_FIRST = ("supplier", "customer", "term", "currency", "lines", "charges", "termination")
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
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            below = f"{path}.{name}" if path else str(name)
            yield from differences(before.get(name), after.get(name), below)
        return
    key = _key(before, after)
    if key is None:
        yield Difference(path, before, after)
        return
    then, now = ({one[key]: one for one in side} for side in (before, after))
    for name in dict.fromkeys((*then, *now)):
        shown = when(name) if is_instant(name) else name
        was, is_ = then.get(name), now.get(name)
        if was is None or is_ is None:
            yield from _whole(f"{path}[{shown}]", was, is_, key)
        else:
            yield from differences(was, is_, f"{path}[{shown}]")


def _whole(path: str, before: Any, after: Any, key: str) -> Iterator[Difference]:  # noqa: ANN401 JSON
    """Yield an element that is only on one side: its steps one by one, so that each can be read."""
    element: Mapping[str, Any] = after if before is None else before
    steps = [(name, item) for name, item in element.items() if _is_stepwise(item)]
    rest = {name: item for name, item in element.items() if name != key and name not in dict(steps)}
    parts = [(path, rest)] if rest or not steps else []
    parts += [(f"{path}.{name}", step) for name, item in steps for step in item]
    for where, part in parts:
        yield Difference(where, None if before is None else part, None if after is None else part)


def summary(terms: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the terms say as (where, words); what stands at its default says nothing."""
    for name in dict.fromkeys((*_GIVEN_FIRST, *terms)):
        value = terms.get(name)
        if value in (None, [], {}) or value == _DEFAULTS.get(name):
            continue
        key = _key(value, value) if isinstance(value, list) else None
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


def _is_stepwise(value: Any) -> bool:  # noqa: ANN401 JSON
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(s, Mapping) and "start" in s for s in value)
    )


def words(value: Any) -> str:  # noqa: ANN401 JSON
    """Return a value of JSON in words, on one line."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case str():
            return when(value) if is_instant(value) else value
        case Mapping() if {"start", "end"} <= value.keys():
            return _step(value)
        case Mapping():
            told = ((name, item) for name, item in value.items() if item not in (None, [], {}))
            return ", ".join(f"{name.replace('_', ' ')} {_named(name, item)}" for name, item in told)
        case _:
            return "; ".join(words(item) for item in value) or "nothing"


def _named(name: str, item: Any) -> str:  # noqa: ANN401 JSON
    if name == "amount" and isinstance(item, str):
        return money(item)
    return f"({words(item)})" if isinstance(item, Mapping) and "start" not in item else words(item)


def _step(value: Mapping[str, Any]) -> str:
    """Return a step of a Schedule or of a fee: what holds, and from when to when."""
    span = f"{when(value['start'])} to {when(value['end'])}"
    if "quantity" in value:
        return f"{value['quantity']:,} {span}"
    if "amount" in value:
        return f"{'not known' if value['amount'] is None else money(value['amount'])} {span}"
    return span


def _key(before: Any, after: Any) -> str | None:  # noqa: ANN401 JSON
    """Return the field that names the elements of both lists, if each is a list of named elements."""
    if not isinstance(before, list | None) or not isinstance(after, list | None):
        return None
    elements = [*(before or ()), *(after or ())]
    for key in KEYS:
        if elements and all(isinstance(one, Mapping) and one.get(key) is not None for one in elements):
            names = [[one[key] for one in side or ()] for side in (before, after)]
            if (
                all(len(set(side)) == len(side) for side in names)
                and before is not None
                and after is not None
            ):
                return key
    return None
