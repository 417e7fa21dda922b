"""Playing a scenario: the same steps, in memory or against a running stack, through one small interface."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from infra.scenario.compare import misses
from infra.scenario.model import Loaded, Step


class Refusal(msgspec.Struct, frozen=True):
    """A command or question was refused: the code, and the details that came with it."""

    code: str
    details: Mapping[str, Any]


class UnreadableStepError(Exception):
    """A step whose command or question does not exist, or whose fields are wrong; `path` below the step."""

    def __init__(self, path: str, detail: str) -> None:
        """Keep the path apart."""
        super().__init__(detail)
        self.path, self.detail = path, detail


class Player(Protocol):
    """A ledger of its own that a scenario is played on. After each step it comes to rest."""

    async def advance(self, to: datetime) -> None:
        """Move the sandbox clock; what falls due on the way happens first, in order."""
        ...

    async def do(self, step: Step) -> Refusal | None:
        """Do a command.

        Raises:
            UnreadableStepError: no such command, or its fields are wrong.
        """
        ...

    async def ask(self, step: Step) -> Any | Refusal:
        """Ask a question; the answer as plain JSON values.

        Raises:
            UnreadableStepError: no such question or mark, or its fields are wrong.
        """
        ...

    async def mark(self, name: str) -> None:
        """Give a name to everything known by now."""
        ...

    async def invariants(self) -> list[str]:
        """Return what is wrong, in words; nothing if all is well."""
        ...


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one step: its answer if it asked, and every difference from what was expected."""

    index: int
    step: Step
    answer: Any = None
    wrong: tuple[str, ...] = ()


async def play(loaded: Loaded, player: Player) -> AsyncIterator[Played]:
    """Play a scenario step by step; a step that goes wrong does not stop the next.

    Raises:
        ScenarioError: a step cannot be read; with file, line and column.
    """
    for index, step in enumerate(loaded.scenario.steps):
        if step.at is not None:
            await player.advance(step.at)
        try:
            answer, wrong = await _step(step, player)
        except UnreadableStepError as error:
            raise loaded.place.error(loaded.at(index, error.path), error.detail) from error
        yield Played(index=index, step=step, answer=answer, wrong=tuple(wrong))


async def _step(step: Step, player: Player) -> tuple[Any, list[str]]:
    if step.mark is not None:
        await player.mark(step.mark)
        return None, []
    if step.invariants is not None:
        return None, [f"invariant broken: {found}" for found in await player.invariants()]
    if step.do is not None:
        came = await player.do(step)
        return None, _refusals(step, came)
    if step.ask is not None:
        answer = await player.ask(step)
        if isinstance(answer, Refusal) or step.refused is not None:
            return None, _refusals(step, answer if isinstance(answer, Refusal) else None)
        if step.expect is msgspec.UNSET:
            return answer, []
        return answer, [str(miss) for miss in misses(step.expect, answer)]
    return None, []


def _refusals(step: Step, came: Refusal | None) -> list[str]:
    if step.refused is None:
        return [] if came is None else [f"refused: {came.code} {msgspec.json.encode(came.details).decode()}"]
    wanted = {"code": step.refused} if isinstance(step.refused, str) else step.refused
    if came is None:
        return [f"expected the refusal {wanted.get('code')}, but it was not refused"]
    return [str(miss) for miss in misses(wanted, {"code": came.code, **came.details}, "$refused")]
