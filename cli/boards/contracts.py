"""Boards of contracts: what was promised, how it came to be, what of it is firm, what falls due."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cli.boards.drawing import (
    LACKING,
    PAST,
    PROMISED,
    SECONDS_PER_HOUR,
    SPARE,
    amount_of,
    heading,
    instant,
    minor,
    money,
    percent,
    side_by_side,
    when,
)
from cli.boards.sheet import Bar, Sheet
from cli.boards.wording import differences, ordered, summary, versions, words

_MONEY = ("headline", "elapsed", "firm", "cancellable")


def terms(name: str, answer: Mapping[str, Any] | None) -> RenderableType:
    """Draw `contracts.terms`: every section that says something."""
    if answer is None:
        return heading(name, "no terms yet at this instant")
    name = f"{answer['supplier']}/{name.rpartition('/')[2]}"
    drawn = Sheet("section", "terms")
    for section, told in summary(answer):
        drawn.row(section, told)
    return Group(heading(f"Terms of {name}"), drawn)


def timeline(history: Mapping[str, Any]) -> RenderableType:
    """Draw the terms over time: what holds from when, by which event, and what that changed."""
    drawn = Sheet("from", "to", "by", "section", "terms")
    before: Mapping[str, Any] | None = None
    for version in versions(history):
        by = ", ".join(f"v{number}" for number in version.learnt)
        head = [when(version.start), when(version.end), by]
        for section, told in _told(before, version.terms):
            drawn.row(*head, section, told)
            head = ["", "", ""]
        before = version.terms
    return Group(heading("Terms over time"), drawn)


def _told(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    if before is None:
        yield from summary(now)
        return
    for one in differences(before, now):
        yield one.path, f"{words(one.before)} → {words(one.after)}"


def history(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `contracts.history`: every event, in the order in which it was learnt."""
    drawn = Sheet(">", "learnt", "true from", "event", "by", "changed")
    for event in answer["events"]:
        first = "supplier" in event["changes"] and "customer" in event["changes"]
        times = (when(event[key]) for key in ("recorded_at", "effective_at"))
        changed = "the terms" if first else ", ".join(ordered(event["changes"]))
        drawn.row(f"v{event['version']}", *times, event["type"], event["actor"], changed)
    return Group(heading("How it was learnt"), drawn)


def difference(
    title: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> RenderableType:
    """Draw what differs between the terms at two times."""
    found = list(differences(before or {}, after or {}))
    if not found:
        return heading(title, "no difference")
    drawn = Sheet("where", "then", "now")
    for one in found:
        cells = (words(one.before), words(one.after))
        drawn.row(one.path, Text(cells[0], "red"), Text(cells[1], "green"))
    return Group(heading(title, f"{len(found)} difference{'s' if len(found) > 1 else ''}"), drawn)


def status(name: str, answer: Mapping[str, Any]) -> RenderableType:
    """Draw `contracts.status`: where it stands, and of each line what is confirmed, delivered, short."""
    told = [answer["status"], "" if answer["acknowledged"] else "not acknowledged by the customer"]
    notice = answer["notice"]
    if notice is not None:
        given = (
            f"notice by the {notice['party']} of {when(notice['given_at'])}, ends {when(notice['ends_at'])}"
        )
        told.append(f"{given}, fee {money(notice['fee'])}")
    told += [f"{one['line']}: {one['remedy']} elected" for one in answer["remedies"]]
    drawn = Sheet("line", "from", "to", ">confirmed", ">delivered", ">short", "")
    for line in answer["lines"]:
        _status_of_line(drawn, line)
    return Group(heading(name, *told), drawn) if answer["lines"] else heading(name, *told)


def _status_of_line(drawn: Sheet, line: Mapping[str, Any]) -> None:
    if line["refused"] is not None:
        drawn.row(line["line"], "", "", "", "", "", Text(f"refused: {line['refused']['code']}", "bold red"))
    stretches = side_by_side([line["confirmed"], line["delivered"], line["short"]])
    peak = max((max(one.quantities) for one in stretches), default=1)
    name = "" if line["refused"] else line["line"]
    for one in stretches:
        confirmed, delivered, short = one.quantities
        numbers = (f"{n:,}" if n else "" for n in one.quantities)
        waiting = max(0, confirmed - delivered - short)
        parts = ((delivered, PROMISED), (waiting, SPARE), (short, LACKING))
        drawn.row(name, when(one.start), when(one.end), *numbers, Bar(parts, peak))
        name = ""


def exposure(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `contracts.exposure` of one contract: what of the headline is past, firm, cancellable."""
    drawn = Sheet("", f">{answer['currency']}", ">of the headline", "")
    whole = minor(answer["headline"])
    for name, style in (("headline", None), ("elapsed", PAST), ("firm", PROMISED), ("cancellable", SPARE)):
        amount = minor(answer[name])
        line = Bar(() if style is None else ((amount, style),), whole)
        drawn.row(name, money(answer[name]), percent(amount, whole), line)
    for name in ("termination_fee", "optional"):
        if minor(answer[name]):
            drawn.row(f"  {name.replace('_', ' ')}", money(answer[name]), "", "")
    notice = answer["earliest_notice"]
    way_out = "no notice ends it earlier" if notice is None else f"earliest notice {when(notice)}"
    lines = [Text(f"{way_out}, earliest end {when(answer['earliest_end'])}")]
    lines += [
        Text(f"not known yet: {one['charge']}, {when(one['start'])} to {when(one['end'])}", "yellow")
        for one in answer["undetermined"]
    ]
    title = f"Exposure of {answer['contract']}"
    return Group(heading(title, f"seen by the {answer['seen_by']}"), drawn, *lines)


def exposures(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `contracts.exposure` of a tenant: headline against what is firm."""
    drawn = Sheet("contract", *(f">{name}" for name in _MONEY), "", "earliest end", ">not known")
    for one in answer["contracts"]:
        _exposure_row(drawn, one)
    if answer["asserted"]:
        drawn.section()
        drawn.row(Text("asserted by the supplier, not acknowledged:", "dim"))
        for one in answer["asserted"]:
            _exposure_row(drawn, one)
    drawn.section()
    for total in answer["totals"]:
        cells = (money(total[key]) for key in _MONEY)
        drawn.row(f"all, {total['currency']}", *cells, _shares(total), "", "")
    title = f"Exposure of {answer['tenant']} as {answer['seen_by']}"
    legend = Text.assemble(
        ("▓", "green"), " elapsed  ", ("█", "blue"), " firm  ", ("░", "dim"), " cancellable"
    )
    return Group(heading(title), drawn, legend)


def _exposure_row(drawn: Sheet, one: Mapping[str, Any]) -> None:
    unknown = len(one["undetermined"])
    cells = (money(one[key]) for key in _MONEY)
    fees = f"{unknown} fee{'s' if unknown > 1 else ''}" if unknown else ""
    drawn.row(one["contract"], *cells, _shares(one), when(one["earliest_end"]), fees)


def _shares(one: Mapping[str, Any]) -> Bar:
    firm = minor(one["firm"]) - minor(one["termination_fee"])
    parts = ((minor(one["elapsed"]), PAST), (firm, PROMISED), (minor(one["cancellable"]), SPARE))
    return Bar(parts, minor(one["headline"]), 24)


def known_then_and_now(
    then: Mapping[str, Any], now: Mapping[str, Any], names: Sequence[str] = ("known in May", "known today")
) -> RenderableType:
    """Draw one exposure as it was known at two times."""
    drawn = Sheet("", *(f">{name}" for name in names))
    for key in ("headline", "elapsed", "firm", "cancellable"):
        drawn.row(key, money(then[key]), money(now[key]))
    for key in ("earliest_notice", "earliest_end"):
        drawn.row(key.replace("_", " "), *(when(one[key]) if one[key] else "" for one in (then, now)))
    return Group(heading(f"The same question, known at two times: what is firm of {now['contract']}"), drawn)


def by_month(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `contracts.commitments`: GPUs on average and the money for them, one column a month."""
    boards: list[RenderableType] = []
    for side, title in (("sold", "Sold, by month"), ("bought", "Bought, by month")):
        names = {(one["contract"], one["currency"]): None for step in answer["steps"] for one in step[side]}
        if not names:
            continue
        drawn = Sheet("contract", *(f">{step['start'][:7]}" for step in answer["steps"]))
        for contract, currency in names:
            cells = (_month(step, side, contract) for step in answer["steps"])
            drawn.row(f"{contract}\n{currency}", *cells)
        boards += [heading(title), drawn]
    return Group(*boards) if boards else heading("No contracts")


def _month(step: Mapping[str, Any], side: str, contract: str) -> str:
    found = next((one for one in step[side] if one["contract"] == contract), None)
    if found is None:
        return ""
    seconds = int((instant(step["end"]) - instant(step["start"])).total_seconds())
    gpus = int(found["gpu_hours"].split(".")[0]) * SECONDS_PER_HOUR // seconds
    return (f"{gpus:,} GPUs" if gpus else "") + f"\n{money(found['amount'])}"


def remaining(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `contracts.remaining`: what is still to be earned, band by band."""
    drawn = Sheet("from", "to", ">amount", "", "")
    amounts = [one for band in answer["bands"] for one in band["amounts"]]
    peaks = {one["currency"]: 1 for one in amounts}
    for one in amounts:
        peaks[one["currency"]] = max(peaks[one["currency"]], minor(one["amount"]))
    for band in answer["bands"]:
        head = (when(band["start"]), when(band["end"]))
        for one in band["amounts"]:
            size = Bar(((minor(one["amount"]), PROMISED),), peaks[one["currency"]])
            drawn.row(*head, money(one["amount"]), one["currency"], size)
            head = ("", "")
    totals = {c: sum(minor(one["amount"]) for one in amounts if one["currency"] == c) for c in peaks}
    for currency, total in totals.items():
        like = next(one["amount"] for one in amounts if one["currency"] == currency)
        drawn.row("all", "", Text(money(amount_of(total, like)), "bold"), currency, "")
    return Group(heading("Still to be earned"), drawn)


def concentration(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `contracts.concentration`: who the firm value depends on."""
    drawn = Sheet("counterparty", ">firm", "", ">share", "")
    for one in answer["counterparties"]:
        share = minor(one["percent"])
        size = Bar(((share, PROMISED),), 100_000_000)
        drawn.row(one["counterparty"], money(one["firm"]), one["currency"], f"{one['percent']} %", size)
    return Group(heading("Who the firm value depends on"), drawn)
