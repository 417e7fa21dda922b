"""Contracts decided on purely, in memory: the vocabulary of the tests of this folder."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from infra.codec import convert, decode_as, encode
from schemas.contracts import FeeStep, FixedCharge, Line, SignContract, Terms
from schemas.decision import Order, Refused
from schemas.kernel.agreement import INITIAL, Agreement, State, evolve
from schemas.kernel.interval import Span
from schemas.kernel.schedule import Schedule
from schemas.message import Command, Event
from services.contracts.domain.contract import DECIDES
from services.contracts.service import RULES

PLACES = {rule.command: rule.place for rule in RULES}


def day(text: str) -> datetime:
    """An instant from `2027-01-01` or `2027-01-01T05`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = day("2026-03-02")
START, END = day("2027-01-01"), day("2028-01-01")
TERM = Span(START, END)


def line(name: str = "main", gpus: int = 100, start: datetime = START, end: datetime = END) -> Line:
    return Line(line=name, pool="north", quantity=Schedule.constant(start, end, gpus))


def fee(
    amount: str | None = "300000.00",
    *,
    name: str = "fee",
    lines: Sequence[str] = ("main",),
    start: datetime = START,
    end: datetime = END,
) -> FixedCharge:
    return FixedCharge(charge=name, lines=tuple(lines), steps=(FeeStep(start=start, end=end, amount=amount),))


def terms(**sections: object) -> Terms:
    given = {
        "supplier": "acme",
        "customer": "bolt",
        "term": TERM,
        "currency": "USD",
        "lines": (line(),),
        "charges": (fee(),),
    }
    return Terms(**(given | sections))  # type: ignore[arg-type] # sections by name


class Book:
    """Streams of contracts by book and name, with what the last command brought about."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], State] = {}
        self.events: list[Event] = []

    def do(
        self, command: Command, as_: str, *, at: datetime = NOW, effective_at: datetime | None = None
    ) -> list[Event] | str:
        """Events, each read back from its bytes, or the code of the rejection; the book follows."""
        place = PLACES[type(command)](command, as_)
        order = Order(
            command=command,
            id="a",
            actor=as_,
            book=place.book,
            at=at,
            effective_at=at if effective_at is None else effective_at,
        )
        states = {name: self.states.get((place.book, name), INITIAL) for name in place.streams}
        outcome = DECIDES[type(command)](states, order)
        if isinstance(outcome, Refused):
            return outcome.code.value
        for emitted in outcome:
            key = (place.book, emitted.stream)
            read = decode_as(type(emitted.event), encode(emitted.event))
            assert read == emitted.event, "an event is read back as it was"
            self.states[key] = evolve(self.states.get(key, INITIAL), read)
            self.events.append(read)
        return [emitted.event for emitted in outcome]

    def signed(self, agreed: Terms | None = None, contract: str = "prime") -> Agreement:
        """Sign a contract, and return it."""
        signed = self.do(SignContract(contract=contract, terms=agreed or terms()), "acme")
        assert isinstance(signed, list), signed
        return self.agreement(contract)

    def agreement(self, contract: str = "prime") -> Agreement:
        state = self.states["acme", f"contract-{contract}"]
        assert isinstance(state, Agreement)
        return state


def read(kind: type[msgspec.Struct], **values: object) -> object:
    """A message from JSON values, as it comes from outside."""
    return convert(kind, values)
