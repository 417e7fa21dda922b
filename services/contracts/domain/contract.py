"""One contract: its state, how it evolves, and which rule decides which command.

The state is `schemas.kernel.agreement`, which capacity and settlement fold too. Each rule takes its checks in
the order of `schemas.contracts.Rejection`; the first that a command breaks is the one named.
"""

from collections.abc import Mapping
from typing import assert_never

from schemas.contracts import (
    AcceptContract,
    AmendContract,
    AnnounceDate,
    ElectRemedy,
    ExerciseOption,
    GiveConsent,
    GiveNotice,
    NovateContract,
    ProposeContract,
    RecordLine,
    RequestLine,
    SetFee,
    SignContract,
    TerminateContract,
    WithdrawNotice,
)
from schemas.decision import Aggregate, Decide
from schemas.kernel.agreement import INITIAL, Agreement, Proposed, State, Unknown, evolve
from schemas.message import Command, Event
from services.contracts.domain import amending, following, leaving, signing, transferring
from services.contracts.domain.standing import of_machine, of_parties

CONTRACT: Aggregate[State, Event] = Aggregate(category="contract", initial=lambda: INITIAL, evolve=evolve)

DECIDES: Mapping[type[Command], Decide] = {
    ProposeContract: signing.propose,
    SignContract: signing.sign,
    AcceptContract: signing.accept,
    AmendContract: of_parties(amending.amend),
    SetFee: of_parties(amending.set_fee),
    ExerciseOption: of_parties(amending.exercise),
    GiveNotice: of_parties(leaving.give_notice),
    WithdrawNotice: of_parties(leaving.withdraw_notice),
    TerminateContract: of_parties(leaving.terminate),
    ElectRemedy: of_parties(leaving.elect_remedy),
    GiveConsent: of_parties(transferring.give_consent),
    NovateContract: transferring.novate,
    RequestLine: of_parties(following.request_line),
    RecordLine: of_machine(following.record_line),
    AnnounceDate: of_machine(following.announce),
}


def parties(state: State) -> tuple[str, ...]:
    """Who may know of a contract; nobody of one that is unknown."""
    match state:
        case Unknown():
            return ()
        case Proposed(terms=terms):
            return terms.supplier, terms.customer
        case Agreement():
            return state.supplier, state.customer
        case _:
            assert_never(state)
