"""What a scenario file says, as values."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from infra.codec import InvalidMessageError, convert
from infra.scenario.source import Place, read


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step: it moves the clock, does a command, sets a mark, asks, or checks the invariants."""

    at: datetime | None = None
    do: str | None = None
    ask: str | None = None
    mark: str | None = None
    invariants: str | None = None
    as_: str | None = msgspec.field(default=None, name="as")
    id: str | None = None
    effective_at: datetime | None = None
    with_: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any], name="with")
    refused: str | Mapping[str, Any] | None = None
    valid_at: datetime | None = None
    known_at: str | None = None
    expect: Any = msgspec.UNSET


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A story: its name, the clock it starts at, its steps."""

    scenario: str
    clock: datetime
    steps: Sequence[Step]


class Loaded(msgspec.Struct, frozen=True):
    """A scenario with the place of each of its values in its file."""

    path: Path
    scenario: Scenario
    place: Place

    def at(self, index: int, below: str = "") -> str:
        """Return the path of a step, or of a value in it."""
        return f"$.steps[{index}]{below}"


def load(path: Path) -> Loaded:
    """Return the scenario in a file.

    Raises:
        ScenarioError: it cannot be read, or a step says nothing or two things at once.
    """
    value, place = read(path)
    try:
        scenario = convert(Scenario, value)
    except InvalidMessageError as error:
        raise place.error(error.path or "$", error.detail) from error
    loaded = Loaded(path, scenario, place)
    for index, step in enumerate(scenario.steps):
        _check(loaded, index, step)
    return loaded


def _check(loaded: Loaded, index: int, step: Step) -> None:
    kinds = [name for name in ("do", "ask", "mark", "invariants") if getattr(step, name) is not None]
    if len(kinds) > 1 or (not kinds and step.at is None):
        raise loaded.place.error(
            loaded.at(index), "a step has one of: do, ask, mark, invariants (or `at` alone)"
        )
    if kinds and kinds[0] in {"do", "ask"} and step.as_ is None:
        raise loaded.place.error(loaded.at(index), "say `as:` whose credential is used")
    if step.invariants not in {None, "all"}:
        raise loaded.place.error(loaded.at(index, ".invariants"), "only `all` can be asked for")
    if step.expect is not msgspec.UNSET and step.ask is None:
        raise loaded.place.error(loaded.at(index, ".expect"), "only an `ask` has an answer to expect")
