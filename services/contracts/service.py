"""The contracts service as a value: what it decides, reacts to, announces, and can be asked."""

from collections.abc import Callable, Sequence
from typing import Any

from infra.service import Rule, Service
from schemas import contracts
from schemas.decision import Place
from schemas.message import Command, Event
from services.contracts.domain.contract import CONTRACT, DECIDES
from services.contracts.domain.standing import place_of
from services.contracts.domain.transferring import novation_place
from services.contracts.gathering import heads_of
from services.contracts.reactions import CAPACITY
from services.contracts.reads import ASKS
from services.contracts.timers import DATES

LOG = "contracts"


def _rule(
    command: type[Command],
    verb: str,
    reported_as: type[Event] | None = None,
    *,
    gathers: bool = False,
    place: Callable[[Any, str], Place] = place_of,
) -> Rule:
    """A rule for the parties of a contract. `gathers`: it may touch lines that live on a head contract."""
    return Rule(
        command=command,
        log=LOG,
        subject="contract",
        verb=verb,
        place=place,
        decide=DECIDES[command],
        gather=heads_of if gathers else None,
        reported_as=reported_as,
        scope="contracts:write",
    )


def _internal(command: type[Command]) -> Rule:
    return Rule(
        command=command,
        log=LOG,
        place=place_of,
        decide=DECIDES[command],
        scope="contracts:internal",
        internal=True,
    )


RULES: Sequence[Rule] = (
    _rule(contracts.ProposeContract, "propose", contracts.ContractProposed, gathers=True),
    _rule(contracts.SignContract, "sign", contracts.ContractSigned, gathers=True),
    _rule(contracts.AcceptContract, "accept", contracts.ContractAcknowledged, gathers=True),
    _rule(contracts.AmendContract, "amend", contracts.ContractAmended, gathers=True),
    _rule(contracts.SetFee, "set-fee", contracts.FeeSet),
    _rule(contracts.GiveNotice, "give-notice", contracts.NoticeGiven),
    _rule(contracts.WithdrawNotice, "withdraw-notice", contracts.NoticeWithdrawn),
    _rule(contracts.TerminateContract, "terminate", contracts.ContractTerminated),
    _rule(contracts.ElectRemedy, "elect-remedy", contracts.RemedyElected, gathers=True),
    _rule(contracts.ExerciseOption, "exercise-option", contracts.OptionExercised, gathers=True),
    _rule(contracts.GiveConsent, "give-consent", contracts.ConsentGiven),
    _rule(
        contracts.NovateContract,
        "novate",
        contracts.ContractNovated,
        gathers=True,
        place=novation_place,
    ),
    _rule(contracts.RequestLine, "request-line", contracts.LineRequested, gathers=True),
    _internal(contracts.RecordLine),
    _internal(contracts.AnnounceDate),
)

SERVICE = Service(
    name="contracts",
    logs=(LOG,),
    aggregates={CONTRACT.category: CONTRACT},
    rules=tuple(RULES),
    asks=ASKS,
    reactions=(CAPACITY,),
    timers=(DATES,),
)
