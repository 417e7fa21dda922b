"""Boards of capacity: what there is and who has it, over time; what is short, used, idle, unsold."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cli.boards.drawing import (
    LACKING,
    PAST,
    PROMISED,
    SECONDS_PER_HOUR,
    SPARE,
    Schedule,
    Stretch,
    at,
    heading,
    hours,
    instant,
    number,
    ratio,
    side_by_side,
    when,
)
from cli.boards.periods import worst_by_period
from cli.boards.sheet import Bar, Sheet

ROWS_MAX = 48
TIERS = ("firm", "recallable", "interruptible")
CAUSES = ("delivery", "maintenance", "outage")
_LEGEND = Text.assemble(
    ("█", "blue"), " promised and there  ", ("░", "dim"), " there and unsold  ", ("▒", "bold red"), " short"
)


def phases(pool: str, answer: Mapping[str, Any]) -> RenderableType:
    """Draw the phases of `capacity.pool`."""
    drawn = Sheet("phase", "planned", "forecast", "accepted", ">quantity", ">slip")
    for phase in answer["phases"]:
        dates = (phase[key] for key in ("planned_at", "forecast_at", "accepted_at"))
        days = phase["slip_days"]
        late = Text(f"{days:+} day{'s' if abs(days) != 1 else ''}", "red" if days > 0 else "green")
        cells = ("" if date is None else when(date) for date in dates)
        drawn.row(phase["phase"], *cells, f"{phase['quantity']:,}", late if days else "")
    sku = answer["sku"]
    return Group(heading(pool, f"{sku['gpu']}, counted in {sku['unit']}", "phases"), drawn)


def pool(name: str, answer: Mapping[str, Any]) -> RenderableType:
    """Draw `capacity.pool`: phases, and what is short."""
    boards: list[RenderableType] = [phases(answer.get("pool", name), answer)]
    if answer["shortfalls"]:
        drawn = Sheet("shortfall", "opened", "cause", "from", "to", ">quantity")
        for one in answer["shortfalls"]:
            head = (one["shortfall"], when(one["opened_at"]))
            for cause in CAUSES:
                for step in one[cause]:
                    span = (when(step["start"]), when(step["end"]))
                    drawn.row(*head, cause, *span, Text(f"{step['quantity']:,}", "bold red"))
                    head = ("", "")
        boards += [Text(), heading("Short"), drawn]
    return Group(*boards)


def timeline(name: str, answer: Mapping[str, Any], moments: Sequence[datetime] = ()) -> RenderableType:
    """Draw `capacity.timeline`: capacity, committed by tier, held, free, cut.

    Without `moments` there is a row for every change; where these are many, for every hour, day, week or
    month, with the worst of each: the least capacity and free, the most committed and short.
    """
    schedules = _schedules(answer)
    stretches = side_by_side(list(schedules.values()))
    title, note = f"{name}: capacity, committed, free, cut", ""
    if moments:
        rows = [Stretch(m, None, tuple(at(steps, m) for steps in schedules.values())) for m in moments]
    elif len(stretches) > ROWS_MAX:
        lowest = [key == "capacity" or key.startswith("free") for key in schedules]
        rows, length = worst_by_period(stretches, lowest, ROWS_MAX)
        note = f"the worst of each {length}"
    else:
        rows = stretches
    if not rows:
        return heading(title, "nothing in this window")
    return Group(heading(title, note), _timeline_table(list(schedules), rows), _LEGEND)


def _schedules(answer: Mapping[str, Any]) -> Mapping[str, Schedule]:
    found: dict[str, Schedule] = {"capacity": answer["capacity"]}
    found |= {tier: answer["committed"][tier] for tier in TIERS}
    found["held"] = answer["held"]
    found |= {f"free {tier}": answer["free"][tier] for tier in TIERS}
    return found | {f"short: {cause}": answer["shortfall"][cause] for cause in CAUSES}


def _timeline_table(names: Sequence[str], rows: Sequence[Stretch]) -> Sheet:
    always = {"capacity", "firm", "free firm"}
    kept = [i for i, name in enumerate(names) if name in always or any(row.quantities[i] for row in rows)]
    kept = [i for i in kept if not _same_as_firm(names, rows, i)]
    spans = any(row.end is not None for row in rows)
    drawn = Sheet("from", *(["to"] if spans else []), *(f">{names[i]}" for i in kept), "")
    peak = max([max(row.quantities[0], _committed(names, row)) for row in rows] + [1])
    for row in rows:
        cells = (f"{row.quantities[i]:,}" if row.quantities[i] else "" for i in kept)
        span = (when(row.start), *([when(row.end)] if spans else []))
        drawn.row(*span, *cells, _supply(names, row, peak))
    return drawn


def _same_as_firm(names: Sequence[str], rows: Sequence[Stretch], index: int) -> bool:
    """Say whether what is free in another tier never differs from firm, and so tells nothing."""
    firm = names.index("free firm")
    other = names[index].startswith("free ") and index != firm
    return other and all(row.quantities[index] == row.quantities[firm] for row in rows)


def _committed(names: Sequence[str], row: Stretch) -> int:
    return sum(row.quantities[names.index(tier)] for tier in TIERS)


def _supply(names: Sequence[str], row: Stretch, peak: int) -> Bar:
    capacity, committed = row.quantities[0], _committed(names, row)
    short = sum(row.quantities[names.index(f"short: {cause}")] for cause in CAUSES)
    parts = ((committed - short, PROMISED), (max(0, capacity - committed), SPARE), (short, LACKING))
    return Bar(parts, peak)


def allocations(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `capacity.allocations`: what is held, cut, passed on, and so may be used."""
    if not answer["allocations"]:
        return heading("Held", "nothing in this window")
    boards: list[RenderableType] = []
    for one in answer["allocations"]:
        schedules: dict[str, Schedule] = {key: one[key] for key in ("reserved", "received", "passed_on")}
        schedules |= {f"cut: {cause}": one["cut"][cause] for cause in CAUSES}
        schedules |= {key: one[key] for key in ("conditional", "entitlement")}
        rows = side_by_side(list(schedules.values()))
        names = list(schedules)
        kept = [
            i for i, name in enumerate(names) if name == "entitlement" or any(r.quantities[i] for r in rows)
        ]
        drawn = Sheet("from", "to", *(f">{names[i].replace('_', ' ')}" for i in kept))
        for row in rows:
            cells = (f"{row.quantities[i]:,}" if row.quantities[i] else "" for i in kept)
            drawn.row(when(row.start), when(row.end), *cells)
        boards += [heading(one["reservation"], f"in {one['pool']}", one["tier"]), drawn, Text()]
    return Group(*boards[:-1])


def availability(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `capacity.availability`: where it fits, and from when."""
    drawn = Sheet("pool", "fits", "earliest", ">short by", "short from", "until", ">left over")
    for one in answer["pools"]:
        fits = Text("yes", "green") if one["fits"] else Text("no", "red")
        earliest = "" if one["earliest"] is None else when(one["earliest"])
        short = ("", "", "")
        if one.get("short_by") is not None:
            short = (f"{one['short_by']:,}", when(one["short_from"]), when(one["short_until"]))
        left = "" if one.get("left_over") is None else f"{one['left_over']:,}"
        drawn.row(one["pool"], fits, earliest, *short, left)
    told = [f"best fit: {answer['best_fit']}"] if answer.get("best_fit") else []
    if answer.get("together"):
        told.append(f"in all of them together from {when(answer['together'])}")
    return Group(heading("Availability", *told), drawn)


def utilisation(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `capacity.utilisation` in GPU-hours: what there was, was sold, was used."""
    drawn = Sheet("from", "to", ">capacity", ">sold", ">used", ">sold", ">used of sold", ">used of all", "")
    peak = max([max(step["capacity"], step["sold"]) for step in answer["steps"]] + [1])
    for step in answer["steps"]:
        amounts = (hours(step[key]) for key in ("capacity", "sold", "used"))
        shares = (ratio(step[key]) for key in ("sold_to_capacity", "used_to_sold", "used_to_capacity"))
        used, sold, capacity = step["used"], step["sold"], step["capacity"]
        parts = ((used, PAST), (max(0, sold - used), PROMISED), (max(0, capacity - max(sold, used)), SPARE))
        drawn.row(when(step["start"]), when(step["end"]), *amounts, *shares, Bar(parts, peak))
    legend = Text.assemble(("▓", "green"), " used  ", ("█", "blue"), " sold  ", ("░", "dim"), " unsold")
    return Group(heading("Utilisation", "GPU-hours"), drawn, legend)


def idle(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `capacity.idle`: the windows in which what is held lies unused, and what they add up to."""
    windows = answer["windows"]
    if not windows:
        return heading("Idle", "no window of that size")
    total = sum((Decimal(one["gpu_hours"]) for one in windows), Decimal(0))
    count = f"{len(windows):,} window{'s' if len(windows) > 1 else ''}"
    drawn = Sheet("reservation", "pool", "from", "to", ">hours", ">GPUs", ">GPU-hours", "")
    peak = max(_hundredths(one) for one in windows)
    for one in windows:
        span = (when(one["start"]), when(one["end"]), _length(one))
        size = Bar(((_hundredths(one), SPARE),), peak, 20)
        gpus = f"{one['gpus']:,}"
        drawn.row(one["reservation"], one["pool"], *span, gpus, number(one["gpu_hours"]), size)
    return Group(heading("Idle", count, f"{number(f'{total:f}')} GPU-hours"), drawn)


def _length(window: Mapping[str, Any]) -> str:
    seconds = int((instant(window["end"]) - instant(window["start"])).total_seconds())
    whole, rest = divmod(seconds, SECONDS_PER_HOUR)
    return f"{whole:,}" + (f":{rest // 60:02}" if rest else "")


def _hundredths(window: Mapping[str, Any]) -> int:
    return int(Decimal(window["gpu_hours"]) * 100)


def unsold(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `capacity.unsold`: GPU-hours that were or will be unsold, idle, recalled."""
    drawn = Sheet("from", "to", ">unsold", ">idle", ">recalled", "")
    peak = max([_lost(step) for step in answer["steps"]] + [1])
    for step in answer["steps"]:
        cells = (number(step[key]) for key in ("unsold", "idle", "recalled"))
        drawn.row(when(step["start"]), when(step["end"]), *cells, Bar(((_lost(step), SPARE),), peak))
    return Group(heading("Unsold, idle, recalled", "GPU-hours"), drawn)


def _lost(step: Mapping[str, Any]) -> int:
    return int(sum((Decimal(step[key]) for key in ("unsold", "idle", "recalled")), Decimal(0)) * 100)
