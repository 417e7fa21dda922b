"""Proposing, signing and accepting."""

from typing import Any, assert_never

from schemas.contracts import (
    AcceptContract,
    ContractAcknowledged,
    ContractProposed,
    ContractSigned,
    ProposeContract,
    Rejection,
    SignContract,
    Terms,
)
from schemas.decision import Order, Outcome, States
from schemas.kernel.agreement import Agreement, Proposed, State, Unknown
from schemas.kernel.names import owner, qualify
from schemas.message import Event
from services.contracts.domain.standing import emitted, latest, name_of, refused, stream_of
from services.contracts.domain.terms import first_fault, normal


def propose(states: States, order: Order[ProposeContract]) -> Outcome:
    """The supplier offers terms; the same terms again bring nothing."""
    name, terms = name_of(order), normal(order.command.terms)
    match _visible(states[stream_of(name)], order.actor):
        case Unknown():
            return _new(name, terms, order, _proposed(name, terms, order))
        case Proposed(terms=offered) if offered == terms:
            return [] if order.actor == terms.supplier else refused(Rejection.NOT_YOURS_TO_DO)
        case Agreement() as agreement if agreement.signed.terms == terms:
            return [] if order.actor == terms.supplier else refused(Rejection.NOT_YOURS_TO_DO)
        case Proposed() | Agreement():
            return refused(Rejection.EXISTS_WITH_OTHER_TERMS)


def sign(states: States, order: Order[SignContract]) -> Outcome:
    """The supplier records a contract executed elsewhere; the same terms again bring nothing."""
    name, terms = name_of(order), normal(order.command.terms)
    match _visible(states[stream_of(name)], order.actor):
        case Unknown():
            return _new(name, terms, order, _signed(name, terms, order))
        case Proposed(terms=offered) if offered == terms:
            return _new(name, terms, order, _signed(name, terms, order))
        case Agreement() as agreement if agreement.signed.terms == terms:
            return [] if order.actor == terms.supplier else refused(Rejection.NOT_YOURS_TO_DO)
        case Proposed() | Agreement():
            return refused(Rejection.EXISTS_WITH_OTHER_TERMS)


def accept(states: States, order: Order[AcceptContract]) -> Outcome:
    """The customer accepts a proposal, or acknowledges what the supplier recorded alone."""
    name = name_of(order)
    state: State = _visible(states[stream_of(name)], order.actor)
    match state:
        case Unknown():
            return refused(Rejection.CONTRACT_UNKNOWN)
        case Proposed(terms=terms):
            if order.actor != terms.customer:
                return refused(Rejection.NOT_YOURS_TO_DO)
            signed = ContractSigned(contract=name, terms=terms, effective_at=order.effective_at)
            return emitted(name, terms.customer, [signed], order)
        case Agreement():
            if order.actor != state.customer:
                return refused(Rejection.NOT_YOURS_TO_DO)
            if state.acknowledged:
                return []
            if state.ended(latest(order)):
                return refused(Rejection.CONTRACT_ENDED)
            return emitted(name, state.customer, [ContractAcknowledged(contract=name)], order)
        case _:
            assert_never(state)


def _visible(state: State, actor: str) -> State:
    """The state as the actor may know it: for who is no party, the name was never used."""
    match state:
        case Proposed(terms=terms) if actor not in (terms.supplier, terms.customer):
            return Unknown()
        case Agreement() if state.role_of(actor) is None:
            return Unknown()
        case _:
            return state


def _new(name: str, terms: Terms, order: Order[Any], event: Event) -> Outcome:
    """A new contract, in the supplier's own book, by terms that hold to the rules."""
    if order.actor != owner(name) or order.actor != terms.supplier:
        return refused(Rejection.NOT_YOURS_TO_DO)
    fault = first_fault([terms])
    return refused(fault) if fault is not None else emitted(name, terms.customer, [event], order)


def _proposed(name: str, terms: Terms, order: Order[ProposeContract]) -> Event:
    return ContractProposed(contract=name, terms=terms, effective_at=order.effective_at)


def _signed(name: str, terms: Terms, order: Order[SignContract]) -> Event:
    command = order.command
    return ContractSigned(
        contract=name,
        terms=terms,
        effective_at=order.effective_at,
        asserted=True,
        source=command.source,
        succeeds=None if command.succeeds is None else qualify(command.succeeds, order.actor),
    )
