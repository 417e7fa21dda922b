"""Answers as boards for people. A board is a pure function from a plain answer to something rich can draw."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import RenderableType

from cli.boards.capacity import (
    allocations,
    availability,
    idle,
    phases,
    pool,
    timeline,
    unsold,
    utilisation,
)
from cli.boards.contracts import (
    by_month,
    concentration,
    exposure,
    exposures,
    history,
    known_then_and_now,
    remaining,
    status,
    terms,
)
from cli.boards.drawing import at, heading, money, months
from cli.boards.obligations import obligations
from cli.boards.settlement import (
    balance,
    commitments,
    explanation,
    journal,
    margin,
    netting,
    revenue,
    statement,
)
from cli.boards.waterfall import waterfall

Board = Callable[[Mapping[str, Any], Any], RenderableType]
"""From a question and its answer to what is drawn."""

BOARDS: Mapping[str, Board] = {
    "contracts.terms": lambda question, answer: terms(question["contract"], answer),
    "contracts.status": lambda question, answer: status(question["contract"], answer),
    "contracts.exposure": lambda _, answer: exposures(answer) if "totals" in answer else exposure(answer),
    "contracts.commitments": lambda _, answer: by_month(answer),
    "contracts.obligations": lambda _, answer: obligations(answer),
    "contracts.remaining": lambda _, answer: remaining(answer),
    "contracts.concentration": lambda _, answer: concentration(answer),
    "contracts.history": lambda _, answer: history(answer),
    "capacity.pool": lambda question, answer: pool(question["pool"], answer),
    "capacity.timeline": lambda question, answer: timeline(question["pool"], answer),
    "capacity.availability": lambda _, answer: availability(answer),
    "capacity.allocations": lambda _, answer: allocations(answer),
    "capacity.utilisation": lambda _, answer: utilisation(answer),
    "capacity.idle": lambda _, answer: idle(answer),
    "capacity.unsold": lambda _, answer: unsold(answer),
    "settlement.statement": lambda _, answer: statement(answer),
    "settlement.explain": lambda _, answer: explanation(answer),
    "settlement.balance": lambda _, answer: balance(answer),
    "settlement.journal": lambda _, answer: journal(answer),
    "settlement.commitments": lambda _, answer: commitments(answer),
    "settlement.revenue": lambda _, answer: revenue(answer),
    "settlement.margin": lambda _, answer: margin(answer),
    "settlement.netting": lambda _, answer: netting(answer),
}
"""The board of every question."""

__all__ = [
    "BOARDS",
    "Board",
    "at",
    "by_month",
    "explanation",
    "exposures",
    "heading",
    "idle",
    "known_then_and_now",
    "money",
    "months",
    "phases",
    "pool",
    "statement",
    "timeline",
    "waterfall",
]
