"""What all boards are drawn with: amounts, instants, bars, Schedules side by side, tables."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from rich.text import Text

SECONDS_PER_HOUR = 3600
PROMISED, SPARE, LACKING, PAST = ("█", "blue"), ("░", "dim"), ("▒", "bold red"), ("▓", "green")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)\Z")

Schedule = Sequence[Mapping[str, Any]]


class Stretch(msgspec.Struct, frozen=True):
    """What several Schedules hold over `[start, end)`; `end` is None if it has none."""

    start: datetime
    end: datetime | None
    quantities: tuple[int, ...]


def heading(title: str, *rest: str) -> Text:
    """Return the first line of a board: its name, and what is said about it."""
    return Text.assemble((title, "bold"), *(f"  {one}" for one in rest if one))


def money(amount: str) -> str:
    """Return an amount with its thousands apart."""
    sign, digits = ("-", amount[1:]) if amount.startswith("-") else ("", amount)
    whole, _, cents = digits.partition(".")
    return f"{sign}{int(whole):,}" + (f".{cents}" if cents else "")


def minor(amount: str) -> int:
    """Return an amount in minor units of its currency: to compare and add amounts of one currency."""
    return int(amount.replace(".", ""))


def amount_of(units: int, like: str) -> str:
    """Return minor units as an amount with as many digits as another of its currency."""
    digits = len(like.partition(".")[2])
    text = str(abs(units)).rjust(digits + 1, "0")
    whole, cents = text[: len(text) - digits], text[len(text) - digits :]
    return ("-" if units < 0 else "") + whole + (f".{cents}" if digits else "")


def percent(part: int, whole: int) -> str:
    """Return a share with one digit, half away from zero; nothing of nothing is no share."""
    if whole <= 0:
        return ""
    tenths = (abs(part) * 2000 + whole) // (2 * whole)
    return f"{'-' if part < 0 else ''}{tenths // 10}.{tenths % 10} %"


def instant(text: str) -> datetime:
    """Return an instant of an answer."""
    return datetime.fromisoformat(text)


def when(given: str | datetime | None) -> str:
    """Return an instant for people: the day, with the time unless that is midnight."""
    if given is None:
        return "no end"
    found = (instant(given) if isinstance(given, str) else given).astimezone(UTC)
    if (found.hour, found.minute, found.second) == (0, 0, 0):
        return f"{found:%Y-%m-%d}"
    return f"{found:%Y-%m-%d %H:%M}" + (f":{found:%S}" if found.second else "")


def is_instant(value: object) -> bool:
    """Say whether a value of an answer is an instant."""
    return isinstance(value, str) and _INSTANT.match(value) is not None


def at(steps: Iterable[Mapping[str, Any]], moment: datetime) -> int:
    """Return what a Schedule, as plain values, holds at an instant."""
    for step in steps:
        end = step["end"]
        if instant(step["start"]) <= moment and (end is None or moment < instant(end)):
            return int(step["quantity"])
    return 0


def side_by_side(schedules: Sequence[Schedule]) -> list[Stretch]:
    """Return several Schedules as stretches in which none changes; those with nothing at all are left out."""
    edges: set[datetime] = set()
    endless = False
    for step in (step for steps in schedules for step in steps):
        edges.add(instant(step["start"]))
        if step["end"] is None:
            endless = True
        else:
            edges.add(instant(step["end"]))
    if not edges:
        return []
    starts = sorted(edges)
    ends: list[datetime | None] = [*starts[1:], None]
    found = [
        Stretch(start, end, tuple(at(steps, start) for steps in schedules))
        for start, end in zip(starts, ends, strict=True)
        if end is not None or endless
    ]
    return [one for one in found if any(one.quantities)]


def months(first: datetime, count: int) -> list[datetime]:
    """Return the first of `count` months, from that of `first` on, UTC."""
    found = [datetime(first.year, first.month, 1, tzinfo=UTC)]
    while len(found) < count:
        after = found[-1] + timedelta(days=32)
        found.append(datetime(after.year, after.month, 1, tzinfo=UTC))
    return found


def hours(gpu_seconds: int) -> str:
    """Return GPU-seconds as whole GPU-hours, half up."""
    return f"{(gpu_seconds * 2 + SECONDS_PER_HOUR) // (2 * SECONDS_PER_HOUR):,}"


def number(text: str) -> str:
    """Return a decimal number with its thousands apart."""
    return money(text)


def ratio(text: str | None) -> str:
    """Return a ratio of six digits as a percentage with one."""
    return "" if text is None else percent(minor(text), 10 ** len(text.partition(".")[2]))
