"""A player in memory: all services in one process, a clock that stands still."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from infra.codec import InvalidMessageError, command_named, convert, plain
from infra.event_store import Cut
from infra.outcomes import Accepted, IdReused, NotDone, Rejected
from infra.scenario.model import Step
from infra.scenario.play import Refusal, UnreadableStepError
from infra.service import Service
from infra.system import System
from schemas.decision import Refused


class MemoryPlayer:
    """Plays on a `System` of its own."""

    def __init__(self, system: System) -> None:
        """Take the system; `open` makes one."""
        self.system = system
        self._marks: dict[str, Cut] = {}

    @classmethod
    async def open(cls, services: Sequence[Service], now: datetime) -> "MemoryPlayer":
        """Return a player on a fresh system."""
        return cls(await System.open(services, now))

    async def advance(self, to: datetime) -> None:
        """See `Player.advance`."""
        await self.system.advance(to)

    async def do(self, step: Step) -> Refusal | None:
        """See `Player.do`."""
        assert step.do is not None, "the player is called for what the step does"
        assert step.as_ is not None, "a step that does says as whom"
        command_type = command_named(step.do)
        if command_type is None:
            raise UnreadableStepError(".do", f"there is no command `{step.do}`")
        command = _converted(command_type, step)
        try:
            result = await self.system.submit(step.as_, command, id_=step.id, effective_at=step.effective_at)
        except ValueError as error:
            raise UnreadableStepError(".with", str(error)) from error
        await self.system.rest()
        match result:
            case Accepted():
                return None
            case Rejected(refused=refused):
                return Refusal(refused.code.value, plain(refused.details))
            case IdReused():
                return Refusal("id_reused", {})
            case NotDone():
                raise AssertionError("a single command is never left undone")

    async def ask(self, step: Step) -> Any | Refusal:
        """See `Player.ask`."""
        assert step.ask is not None, "the player is called for what the step asks"
        assert step.as_ is not None, "a step that asks says as whom"
        question_type = self.system.question(step.ask)
        if question_type is None:
            raise UnreadableStepError(".ask", f"there is no question `{step.ask}`")
        question = _converted(question_type, step)
        known = await self._known(step.known_at)
        answer = await self.system.ask(step.ask, step.as_, question, valid_at=step.valid_at, known=known)
        if isinstance(answer, Refused):
            return Refusal(answer.code.value, plain(answer.details))
        return plain(answer)

    async def mark(self, name: str) -> None:
        """See `Player.mark`."""
        self._marks[name] = await self.system.heads()

    async def invariants(self) -> list[str]:
        """See `Player.invariants`."""
        return await self.system.check()

    async def _known(self, known_at: str | None) -> Cut | None:
        if known_at is None:
            return None
        if known_at in self._marks:
            return self._marks[known_at]
        try:
            instant = datetime.fromisoformat(known_at)
        except ValueError as error:
            raise UnreadableStepError(
                ".known_at", f"there is no mark `{known_at}` before this step"
            ) from error
        return await self.system.store.resolve(instant)


def _converted(type_: type[Any], step: Step) -> Any:
    try:
        return convert(type_, dict(step.with_))
    except InvalidMessageError as error:
        hint = ' (quote it: "…")' if "Expected `str`, got `int`" in error.detail else ""
        raise UnreadableStepError(f".with{error.path.removeprefix('$')}", error.detail + hint) from error
