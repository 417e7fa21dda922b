"""The timelines of the sections of a contract's terms, and how each kind of change lays on them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from schemas.contracts.charges import Charge, FeeStep, FixedCharge
from schemas.contracts.values import Changes, CoveredTerms, Line, OptionTerms, Terms, TermsPeriod
from schemas.kernel import timeline
from schemas.kernel.timeline import Timeline

Sections: TypeAlias = Mapping[str, Timeline]
Fees: TypeAlias = Mapping[tuple[str, datetime], str]


def opened(start: datetime, terms: Terms, version: int) -> Sections:
    """The sections of the first terms, which hold from `start` on."""
    return {name: timeline.opened(start, getattr(terms, name), version) for name in Terms.__struct_fields__}


def given(changes: Changes) -> dict[str, Any]:
    """The sections that an amendment replaces, by name."""
    return {
        name: value
        for name in Changes.__struct_fields__
        if (value := getattr(changes, name)) is not msgspec.UNSET
    }


def amended(
    sections: Sections, start: datetime, end: datetime | None, changes: Changes, version: int
) -> Sections:
    """The sections with an amendment laid over `[start, end)`.

    The first terms hold from the start of the term, where that is made earlier.
    """
    laid = given(changes)
    if "term" in laid:
        sections = _prolonged(sections, max(start, laid["term"].start))
    return {
        name: timeline.laid(found, start, end, laid[name], version) if name in laid else found
        for name, found in sections.items()
    }


def covered(
    sections: Sections, start: datetime, end: datetime | None, changes: Changes
) -> tuple[CoveredTerms, ...]:
    """What an amendment would cover: stretches of its sections laid by changes that begin later."""
    return tuple(
        CoveredTerms(section=name, start=stretch.start, end=stretch.end)
        for name in given(changes)
        for stretch in timeline.covered(sections[name], start, end)
    )


def with_option(sections: Sections, start: datetime, terms: OptionTerms, version: int) -> Sections:
    """The sections with an option used: its term replaces, its lines and charges are added."""

    def section(name: str, found: Timeline) -> Timeline:
        match name:
            case "term" if terms.term is not None:
                return timeline.changed(found, start, None, lambda _: terms.term, version)
            case "lines" if terms.lines:
                return timeline.changed(found, start, None, lambda old: with_lines(old, terms.lines), version)
            case "charges" if terms.charges:
                return timeline.changed(
                    found, start, None, lambda old: with_charges(old, terms.charges), version
                )
            case _:
                return found

    return {name: section(name, found) for name, found in sections.items()}


def replaced(sections: Sections, period: TermsPeriod, version: int) -> Sections:
    """The sections with whole terms laid over a period.

    A section that the terms leave as it is keeps its layers; a layer that began later still does.
    """

    def section(name: str, found: Timeline) -> Timeline:
        value = getattr(period.terms, name)
        laid = timeline.changed(found, period.start, period.end, lambda _: value, version)
        return found if _values(laid) == _values(found) else laid

    return {name: section(name, found) for name, found in sections.items()}


def with_lines(lines: tuple[Line, ...], added: tuple[Line, ...]) -> tuple[Line, ...]:
    """Lines with others added; more of a line that is there already adds to its quantity."""
    made = {line.line: line for line in lines}
    for line in added:
        old = made.get(line.line)
        made[line.line] = (
            line if old is None else msgspec.structs.replace(old, quantity=old.quantity + line.quantity)
        )
    return tuple(made.values())


def with_charges(charges: tuple[Charge, ...], added: tuple[Charge, ...]) -> tuple[Charge, ...]:
    """Charges with others added; steps of a fixed charge that is there already are added to it."""
    made: dict[str, Charge] = {charge.charge: charge for charge in charges}
    for charge in added:
        old = made.get(charge.charge)
        if isinstance(old, FixedCharge) and isinstance(charge, FixedCharge):
            steps = tuple(sorted((*old.steps, *charge.steps), key=lambda step: step.start))
            made[charge.charge] = msgspec.structs.replace(old, steps=steps)
        else:
            made[charge.charge] = charge
    return tuple(made.values())


def assembled(sections: Sections, fees: Fees) -> Iterator[tuple[datetime, datetime | None, Terms, int]]:
    """The terms along the timeline: start, end, terms with known fees filled in, the last event's.

    Raises:
        ValueError: sections that do not go together, such as amounts finer than the currency.
    """
    starts = sorted({stretch.start for found in sections.values() for stretch in found})
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        holding = {name: _holding(found, start) for name, found in sections.items()}
        values = {name: stretch.value for name, stretch in holding.items()}
        values["charges"] = tuple(_filled(charge, fees) for charge in values["charges"])
        version = max(stretch.version for stretch in holding.values())
        yield start, end, Terms(**values), version


def _filled(charge: Charge, fees: Fees) -> Charge:
    if not isinstance(charge, FixedCharge) or not fees:
        return charge
    return msgspec.structs.replace(
        charge, steps=tuple(_filled_step(charge.charge, step, fees) for step in charge.steps)
    )


def _filled_step(charge: str, step: FeeStep, fees: Fees) -> FeeStep:
    amount = fees.get((charge, step.start))
    if step.amount is not None or amount is None:
        return step
    return msgspec.structs.replace(step, amount=amount)


def _holding(found: Timeline, t: datetime) -> timeline.Stretch:
    holding = found[0]
    for stretch in found:
        if stretch.start > t:
            break
        holding = stretch
    return holding


def _values(found: Timeline) -> list[tuple[datetime, Any]]:
    """The values of a timeline where they change."""
    made: list[tuple[datetime, Any]] = []
    for stretch in found:
        if not made or made[-1][1] != stretch.value:
            made.append((stretch.start, stretch.value))
    return made


def _prolonged(sections: Sections, start: datetime) -> Sections:
    return {name: timeline.prolonged(found, start) for name, found in sections.items()}
