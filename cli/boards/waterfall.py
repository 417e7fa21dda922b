"""How a statement comes from what was committed to what is due: each step on top of the one before."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from cli.boards.drawing import amount_of, heading, minor, money, when
from cli.boards.sheet import Bar, Sheet

WIDTH = 40
# What the kinds of lines are to somebody who pays: in the order in which a bill is built up.
STEPS: Mapping[str, tuple[str, ...]] = {
    "commitment": ("fixed", "capacity", "block", "residual", "minimum"),
    "usage": ("usage",),
    "reductions": ("delivery", "recall"),
    "credits": ("sla",),
    "fees and interest": ("termination_fee", "late_interest"),
    "prepayment": ("prepayment",),
}
_ALWAYS = ("commitment", "usage", "reductions", "credits", "corrections")


class Level(msgspec.Struct, frozen=True):
    """One step of the waterfall, in minor units: from where to where it goes."""

    name: str
    before: int
    after: int
    total: bool = False

    @property
    def amount(self) -> int:
        """Return what the step itself comes to."""
        return self.after if self.total else self.after - self.before


def levels(statement: Mapping[str, Any]) -> list[Level]:
    """Return the steps of a statement; they add up to its total, to the last digit."""
    own = [line for line in statement["lines"] if line["corrects"] is None]
    corrections = [line for line in statement["lines"] if line["corrects"] is not None]
    amounts = {name: _sum(line for line in own if line["kind"] in kinds) for name, kinds in STEPS.items()}
    amounts |= {"corrections": _sum(corrections), "tax": _sum(statement["taxes"])}
    found: list[Level] = []
    at = 0
    for name, amount in amounts.items():
        if amount or name in _ALWAYS:
            found.append(Level(name, at, at + amount))
            at += amount
    assert at == minor(statement["total"]), "net and taxes are the whole of a statement"
    return [*found, Level("due", 0, at, total=True)]


def waterfall(statement: Mapping[str, Any], balance: Mapping[str, Any] | None = None) -> RenderableType:
    """Draw the steps from what was committed to what is due; below, how its account stands."""
    found, like = levels(statement), statement["total"]
    low = min(0, *(min(one.before, one.after) for one in found))
    high = max(0, *(max(one.before, one.after) for one in found))
    drawn = Sheet("", f">{statement['currency']}", "")
    for one in found:
        if one.total:
            drawn.section()
        amount = money(amount_of(one.amount, like))
        drawn.row(Text(one.name, "bold" if one.total else ""), amount, _floating(one, low, high))
        if one.name == "corrections":
            for name, part in _by_statement(statement).items():
                drawn.row(f"  of {name}", Text(money(amount_of(part, like)), "dim"), "")
    start, end = (when(statement["interval"][key]) for key in ("start", "end"))
    told = [f"{start} to {end}", f"due {when(statement['due_at'])}" if "due_at" in statement else "preview"]
    below = [Text(f"not known yet: {one['charge']}", "yellow") for one in statement["undetermined"]]
    return Group(heading(statement["statement"], *told), drawn, *below, *_account(balance))


def _account(balance: Mapping[str, Any] | None) -> Sequence[Text]:
    if balance is None:
        return ()
    told = [
        f"{name.replace('_', ' ')} {money(balance[name])}"
        for name in ("open", "overdue", "disputed", "unapplied", "prepaid_left", "late_interest")
        if name == "open" or minor(balance[name])
    ]
    return (Text(f"account of {balance['contract']}: {', '.join(told)}"),)


def _by_statement(statement: Mapping[str, Any]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for line in statement["lines"]:
        if line["corrects"] is not None:
            found[line["corrects"]] = found.get(line["corrects"], 0) + minor(line["amount"])
    return found


def _sum(amounts: Any) -> int:  # noqa: ANN401 lines or tax entries
    return sum(minor(one["amount"]) for one in amounts)


def _floating(level: Level, low: int, high: int) -> Bar:
    """Return a bar that begins where the step before it ended."""
    before, after = min(level.before, level.after), max(level.before, level.after)
    rising = ("█", "bold" if level.total else "blue")
    style = rising if level.after > level.before else ("▒", "red")
    return Bar(((before - low, (" ", "")), (after - before, style)), high - low, WIDTH)
