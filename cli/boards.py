"""Answers as tables for people: what a question came to, drawn on a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

BAR_WIDTH = 40
SECONDS_PER_HOUR = 3600


def by_month(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `contracts.commitments`: GPUs promised on average and the money for them, one column a month."""
    table = Table(title="Who holds what, by month", title_justify="left")
    table.add_column("contract")
    for step in answer["steps"]:
        table.add_column(step["start"][:7], justify="right")
    for contract in [sold["contract"] for sold in answer["steps"][0]["sold"]]:
        currency = next(
            sold["currency"] for sold in answer["steps"][0]["sold"] if sold["contract"] == contract
        )
        table.add_row(f"{contract}\n{currency}", *(_month(step, contract) for step in answer["steps"]))
    return table


def _month(step: Mapping[str, Any], contract: str) -> str:
    sold = next(found for found in step["sold"] if found["contract"] == contract)
    hours = int((_instant(step["end"]) - _instant(step["start"])).total_seconds()) // SECONDS_PER_HOUR
    gpus = int(sold["gpu_hours"].split(".")[0]) // hours
    return f"{gpus:,} GPUs\n{money(sold['amount'])}"


def phases(pool: str, answer: Mapping[str, Any]) -> RenderableType:
    """Draw the phases of `capacity.pool`."""
    table = Table(title=f"{pool}: {answer['sku']['gpu']}, phases", title_justify="left")
    for column in ("phase", "planned", "forecast", "accepted"):
        table.add_column(column)
    table.add_column("GPUs", justify="right")
    table.add_column("slip", justify="right")
    for phase in answer["phases"]:
        days = phase["slip_days"]
        table.add_row(
            phase["phase"],
            *(str(phase[key] or "")[:10] for key in ("planned_at", "forecast_at", "accepted_at")),
            f"{phase['quantity']:,}",
            Text(f"{days} days", "red" if days > 0 else "green") if days else "",
        )
    return table


def timeline(pool: str, answer: Mapping[str, Any], months: Sequence[datetime]) -> RenderableType:
    """Draw `capacity.timeline` at the first of each month: capacity, committed, free, short."""
    table = Table(title=f"{pool}: capacity, promised, short", title_justify="left")
    table.add_column("at")
    for column in ("capacity", "promised", "free", "short"):
        table.add_column(column, justify="right")
    table.add_column("")
    peak = max([step["quantity"] for step in answer["capacity"]] + [1])
    for month in months:
        capacity = at(answer["capacity"], month)
        promised = sum(at(steps, month) for steps in answer["committed"].values())
        short = sum(at(steps, month) for steps in answer["shortfall"].values())
        free = at(answer["free"]["firm"], month)
        cells = (f"{number:,}" for number in (capacity, promised, free, short))
        table.add_row(f"{month:%Y-%m-%d}", *cells, _bar(capacity, promised, short, peak))
    return table


def _bar(capacity: int, promised: int, short: int, peak: int) -> Text:
    sold, spare, lack = (
        BAR_WIDTH * number // max(peak, 1)
        for number in (promised - short, max(0, capacity - promised), short)
    )
    return Text.assemble(("█" * sold, "blue"), ("░" * spare, "dim"), ("▒" * lack, "bold red"))


def statement(answer: Mapping[str, Any]) -> RenderableType:
    """Draw a statement, line by line."""
    start, end = (answer["interval"][key][:10] for key in ("start", "end"))
    table = Table(title=f"Statement {answer['statement']}, {start} to {end}", title_justify="left")
    table.add_column("line", justify="right")
    for column in ("kind", "charge", "quantity", "corrects"):
        table.add_column(column)
    table.add_column(answer["currency"], justify="right")
    for line in answer["lines"]:
        quantity = f"{int(line['quantity']):,} {line['unit']}" if line["quantity"] else ""
        cells = (line["kind"], line["charge"] or "", quantity, line["corrects"] or "")
        table.add_row(str(line["line"]), *cells, money(line["amount"]))
    table.add_section()
    table.add_row("", "total", "", "", "", Text(money(answer["total"]), "bold"))
    return table


def explanation(answer: Mapping[str, Any]) -> RenderableType:
    """Draw why a line is what it is: the formula, the clause, the facts and who said so."""
    lines = [
        Text.assemble(
            ("Why line ", "bold"), (str(answer["line"]), "bold"), " is ", (money(answer["amount"]), "bold")
        ),
        Text(f"  {answer['formula']}"),
    ]
    lines += [_said("clause", c["type"], c["effective_at"], c["sender"]) for c in answer["clauses"]]
    lines += [_said("fact", f["type"], f["recorded_at"], f["sender"]) for f in answer["facts"]]
    return Group(*lines)


def _said(what: str, type_: str, when: str, sender: str) -> Text:
    return Text.assemble((f"  {what:<7}", "dim"), f"{type_.split('.')[1]:<20} {when[:10]}  by {sender}")


def exposures(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `contracts.exposure` of a tenant: headline against what is firm."""
    table = Table(title="Exposure: headline and firm", title_justify="left")
    table.add_column("contract")
    for column in ("headline", "elapsed", "firm", "cancellable"):
        table.add_column(column, justify="right")
    table.add_column("earliest end")
    table.add_column("not known", justify="right")
    for one in answer["contracts"]:
        cells = (money(one[key]) for key in ("headline", "elapsed", "firm", "cancellable"))
        unknown = len(one["undetermined"])
        table.add_row(one["contract"], *cells, one["earliest_end"][:10], f"{unknown} fees" if unknown else "")
    table.add_section()
    for total in answer["totals"]:
        cells = (money(total[key]) for key in ("headline", "elapsed", "firm", "cancellable"))
        table.add_row(f"all, {total['currency']}", *cells, "", "")
    return table


def known_then_and_now(then: Mapping[str, Any], now: Mapping[str, Any]) -> RenderableType:
    """Draw one exposure as it was known at two times."""
    title = f"The same question, known at two times: what is firm of {now['contract']}"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("known in May", justify="right")
    table.add_column("known today", justify="right")
    for key in ("headline", "firm", "cancellable"):
        table.add_row(key, money(then[key]), money(now[key]))
    for key in ("earliest_notice", "earliest_end"):
        table.add_row(key.replace("_", " "), then[key][:10], now[key][:10])
    return table


def money(amount: str) -> str:
    """Return an amount with its thousands apart."""
    whole, _, cents = amount.partition(".")
    return f"{int(whole):,}" + (f".{cents}" if cents else "")


def at(steps: Iterable[Mapping[str, Any]], when: datetime) -> int:
    """Return what a Schedule, as plain values, holds at an instant."""
    for step in steps:
        end = step["end"]
        if _instant(step["start"]) <= when and (end is None or when < _instant(end)):
            return int(step["quantity"])
    return 0


def months(first: datetime, count: int) -> list[datetime]:
    """Return the first of `count` months, from that of `first` on, UTC."""
    found = [datetime(first.year, first.month, 1, tzinfo=UTC)]
    while len(found) < count:
        after = found[-1] + timedelta(days=32)
        found.append(datetime(after.year, after.month, 1, tzinfo=UTC))
    return found


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
