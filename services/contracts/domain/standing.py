"""Where commands on a contract are decided, who stands in which role, and what is emitted from there."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from schemas.contracts import Party, Rejection
from schemas.decision import Decide, Emitted, Order, Outcome, Place, Refused, States
from schemas.kernel.agreement import Agreement, State
from schemas.kernel.names import local, owner, qualify
from schemas.message import Event

Decided: TypeAlias = Callable[[Agreement, Party, Order[Any]], "list[Event] | Rejection | Refused"]
"""A rule on a signed contract, for one of its parties: events in the order in which they happen."""


def stream_of(contract: str) -> str:
    """The stream of a contract in its supplier's book."""
    return f"contract-{local(contract)}"


def place_of(command: Any, actor: str) -> Place:  # noqa: ANN401 any command that names a contract
    """Where a command on one contract is decided."""
    name = qualify(command.contract, actor)
    return Place(owner(name), (stream_of(name),))


def name_of(order: Order[Any]) -> str:
    """The qualified name of the contract that a command is about."""
    return qualify(order.command.contract, order.actor)


def clock(order: Order[Any]) -> datetime:
    """Our clock at the decision, in whole seconds."""
    return order.at.astimezone(UTC).replace(microsecond=0)


def latest(order: Order[Any]) -> datetime:
    """The later of our clock and of what the sender says: a contract that has ended by then has ended."""
    return max(order.at, order.effective_at)


def refused(code: Rejection) -> Refused:
    """A rejection without details."""
    return Refused(code)


def emitted(name: str, customer: str, events: list[Event], order: Order[Any]) -> list[Emitted]:
    """Events on a contract's stream, which the customer sees too."""
    needs = tuple(order.facts or ())
    return [
        Emitted(
            stream=stream_of(name),
            event=event,
            counterparty=customer,
            effective_at=getattr(order.command, "effective_at", None),
            needs=needs,
        )
        for event in events
    ]


def of_parties(decide: Decided) -> Decide:
    """A rule for the parties of a signed contract; for everybody else there is no contract."""

    def decided(states: States, order: Order[Any]) -> Outcome:
        name = name_of(order)
        state: State = states[stream_of(name)]
        role = state.role_of(order.actor) if isinstance(state, Agreement) else None
        if role is None or not isinstance(state, Agreement):
            return refused(Rejection.CONTRACT_UNKNOWN)
        outcome = decide(state, role, order)
        if isinstance(outcome, Refused):
            return outcome
        if isinstance(outcome, Rejection):
            return refused(outcome)
        return emitted(name, state.customer, outcome, order)

    return decided


def of_machine(decide: Callable[[Agreement, Order[Any]], list[Event]]) -> Decide:
    """A rule for our own machinery: on what is not signed it does nothing; it never refuses."""

    def decided(states: States, order: Order[Any]) -> Outcome:
        name = name_of(order)
        state: State = states[stream_of(name)]
        if not isinstance(state, Agreement):
            return []
        return emitted(name, state.customer, decide(state, order), order)

    return decided
