"""What contracts records. Names are qualified, amounts have all digits, Schedules are canonical."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from schemas.contracts.values import (
    Cause,
    Changes,
    ConsentKind,
    CoveredTerms,
    NovatedFrom,
    OptionTerms,
    Party,
    Remedy,
    Terms,
    TermsPeriod,
)
from schemas.kernel.schedule import Schedule
from schemas.kernel.wire import Amount, Id, Instant, Name, Percent, Text
from schemas.message import Event


def _nothing() -> Schedule:
    """The empty Schedule: a default that JSON Schema need not write."""
    return Schedule.EMPTY


class ContractProposed(Event, tag="contracts.ContractProposed.v1"):
    """The supplier offers terms."""

    contract: Name
    terms: Terms
    effective_at: Instant


class ContractSigned(Event, tag="contracts.ContractSigned.v1"):
    """Both parties are bound. `asserted`: so says the supplier alone, until the customer acknowledges it."""

    contract: Name
    terms: Terms
    effective_at: Instant
    asserted: bool = False
    source: Text | None = None
    succeeds: Name | None = None
    novated_from: NovatedFrom | None = None


class ContractAcknowledged(Event, tag="contracts.ContractAcknowledged.v1"):
    """The customer says that it is so; this covers all later amendments."""

    contract: Name


class ContractAmended(Event, tag="contracts.ContractAmended.v1"):
    """Sections of the terms are others over `[effective_at, until)`; `covers`: later changes it replaces."""

    contract: Name
    effective_at: Instant
    changes: Changes
    reason: Text
    until: Instant | None = None
    covers: tuple[CoveredTerms, ...] = ()
    source: Text | None = None


class FeeSet(Event, tag="contracts.FeeSet.v1"):
    """What every step of this charge with this start costs where its amount was not known."""

    contract: Name
    charge: Id
    start: Instant
    amount: Amount


class NoticeGiven(Event, tag="contracts.NoticeGiven.v1"):
    """A party leaves for convenience. `fee` is what was known then; answers reckon it anew."""

    contract: Name
    right: Id
    party: Party
    given_at: Instant
    ends_at: Instant
    fee: Amount
    on_behalf: bool = False


class NoticeWithdrawn(Event, tag="contracts.NoticeWithdrawn.v1"):
    """Who gave notice took it back."""

    contract: Name


class ContractTerminated(Event, tag="contracts.ContractTerminated.v1"):
    """A party ends the contract for cause. `effective_at` is when it said so; `fee` as in a notice."""

    contract: Name
    right: Id
    party: Party
    cause: Cause
    effective_at: Instant
    ends_at: Instant
    fee: Amount


class RemedyElected(Event, tag="contracts.RemedyElected.v1"):
    """The customer chose a remedy. `kept`: the terms without a terminated line, from `effective_at` on."""

    contract: Name
    line: Id
    remedy: Remedy
    effective_at: Instant
    kept: tuple[TermsPeriod, ...] = ()


class OptionExercised(Event, tag="contracts.OptionExercised.v1"):
    """An option was used: its term replaces the other, its lines and charges are added."""

    contract: Name
    option: Id
    effective_at: Instant
    terms: OptionTerms


class ConsentGiven(Event, tag="contracts.ConsentGiven.v1"):
    """The supplier agrees to a transfer of this kind to this taker, for good."""

    contract: Name
    kind: ConsentKind
    to: Id


class ContractNovated(Event, tag="contracts.ContractNovated.v1"):
    """A share or some lines went to `new_contract`; `whole`: all of it did, and this one is superseded.

    `kept`: the terms that stay here from `effective_at` on, one period for each version known.
    """

    contract: Name
    to: Id
    new_contract: Name
    effective_at: Instant
    share_percent: Percent | None = None
    lines: tuple[Id, ...] | None = None
    whole: bool = False
    kept: tuple[TermsPeriod, ...] = ()


class LineRequested(Event, tag="contracts.LineRequested.v1"):
    """A line is asked for again, from `effective_at` on."""

    contract: Name
    line: Id
    effective_at: Instant


class LineConfirmed(Event, tag="contracts.LineConfirmed.v1"):
    """Capacity reserves `quantity` for the line, after what was `recalled` of it by right."""

    contract: Name
    line: Id
    quantity: Schedule
    recalled: Schedule = msgspec.field(default_factory=_nothing)


class LineRefused(Event, tag="contracts.LineRefused.v1"):
    """Capacity refused the line as it was asked for."""

    contract: Name
    line: Id
    code: Text
    details: Mapping[str, Any] = {}


class LineShort(Event, tag="contracts.LineShort.v1"):
    """So much of what is reserved for the line is cut, by cause; nothing where all is well again."""

    contract: Name
    line: Id
    delivery: Schedule = msgspec.field(default_factory=_nothing)
    maintenance: Schedule = msgspec.field(default_factory=_nothing)
    outage: Schedule = msgspec.field(default_factory=_nothing)


class LineDelivered(Event, tag="contracts.LineDelivered.v1"):
    """What of the line's reservation is there or will be: reserved less all cuts."""

    contract: Name
    line: Id
    quantity: Schedule


class ContractStarted(Event, tag="contracts.ContractStarted.v1"):
    """Announced: the term has begun."""

    contract: Name
    at: Instant


class ContractEnded(Event, tag="contracts.ContractEnded.v1"):
    """Announced: the contract has ended."""

    contract: Name
    at: Instant


class DeliveryMissed(Event, tag="contracts.DeliveryMissed.v1"):
    """Announced: date certain and grace have passed and the line is not all there."""

    contract: Name
    line: Id
    at: Instant


class OptionLapsed(Event, tag="contracts.OptionLapsed.v1"):
    """Announced: an option was not exercised in time."""

    contract: Name
    option: Id
    at: Instant


class NoticeWindowOpened(Event, tag="contracts.NoticeWindowOpened.v1"):
    """Announced: from now on notice may be given by this right."""

    contract: Name
    right: Id
    at: Instant


ContractEvent: TypeAlias = (
    ContractProposed
    | ContractSigned
    | ContractAcknowledged
    | ContractAmended
    | FeeSet
    | NoticeGiven
    | NoticeWithdrawn
    | ContractTerminated
    | RemedyElected
    | OptionExercised
    | ConsentGiven
    | ContractNovated
    | LineRequested
    | LineConfirmed
    | LineRefused
    | LineShort
    | LineDelivered
    | ContractStarted
    | ContractEnded
    | DeliveryMissed
    | OptionLapsed
    | NoticeWindowOpened
)
