"""`contracts.obligations` as a calendar: the months with a date to act on, and what falls on each day."""

import calendar
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.boards.drawing import heading, instant

KINDS: Mapping[str, tuple[str, str]] = {
    "date_certain": ("delivery is due", "bold yellow"),
    "grace_end": ("grace ends: remedies can be elected", "bold red"),
    "notice_earliest": ("first day for notice", "bold green"),
    "notice_latest": ("last day on which notice ends it early", "bold red"),
    "exercise_by": ("last day of an option", "bold red"),
    "expiry": ("the term ends", "bold red"),
    "fee_step": ("the fee changes", "cyan"),
    "payment_due": ("payment is due", "blue"),
}
WEEK = "Mo Tu We Th Fr Sa Su"
_QUIET = "payment_due"


def obligations(answer: Mapping[str, Any]) -> RenderableType:
    """Draw one calendar for each month with something in it; UTC."""
    months: dict[tuple[int, int], list[tuple[datetime, Mapping[str, Any]]]] = {}
    for one in answer["obligations"]:
        at = instant(one["at"])
        months.setdefault((at.year, at.month), []).append((at, one))
    if not months:
        return heading("Obligations", "nothing falls due")
    count = len(answer["obligations"])
    boards: list[RenderableType] = [heading("Obligations", f"{count} date{'s' if count > 1 else ''}"), Text()]
    for (year, month), dated in months.items():
        sheet = Table.grid(padding=(0, 3))
        sheet.add_row(_grid(year, month, dated), _list(dated))
        boards += [sheet, Text()]
    return Group(*boards[:-1])


def _grid(year: int, month: int, dated: Sequence[tuple[datetime, Mapping[str, Any]]]) -> Text:
    busy = {at.day: KINDS[one["kind"]][1] for at, one in dated if one["kind"] == _QUIET}
    busy |= {at.day: KINDS[one["kind"]][1] for at, one in dated if one["kind"] != _QUIET}
    title = f"{calendar.month_name[month]} {year}".center(len(WEEK))
    drawn = Text.assemble((title.rstrip(), "bold"), "\n", (WEEK, "dim"))
    for week in calendar.Calendar().monthdayscalendar(year, month):
        drawn.append("\n")
        for day in week:
            number = f"{day:>2}" if day else "  "
            # the star is for plain text, where there are no colours
            drawn.append(number + ("*" if day in busy else " "), busy.get(day, "dim"))
    return drawn


def _list(dated: Sequence[tuple[datetime, Mapping[str, Any]]]) -> Text:
    drawn, last = Text(), 0
    for at, one in dated:
        words, style = KINDS[one["kind"]]
        drawn.append(f"{at.day:>2}  " if at.day != last else "    ", "bold")
        time = "" if (at.hour, at.minute, at.second) == (0, 0, 0) else f" at {at:%H:%M}"
        drawn.append(f"{one['contract']}: ").append(words + time, style).append("\n")
        last = at.day
    return drawn
