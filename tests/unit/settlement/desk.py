"""An account with its supplier's book: commands are decided one after the other, as the handler does."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from functools import reduce
from typing import Any

from schemas.decision import Decide, Order, Refused
from schemas.kernel.interval import Interval
from schemas.kernel.rates import percent
from schemas.message import Command, Event
from schemas.settlement import (
    ClaimInterest,
    CloseInterval,
    IssueCreditNote,
    IssueStatement,
    MoveRulebook,
    NetStatement,
    OpenDispute,
    RecordPayment,
    ResolveDispute,
)
from services.settlement.domain import account, book, disputes, issuing, receipts
from services.settlement.domain.account import Account
from services.settlement.domain.book import Book
from services.settlement.domain.journal import Group
from services.settlement.domain.posting import booked
from services.settlement.domain.rating.usage_spread import Report
from services.settlement.domain.standing import Standing
from tests.unit.settlement.deals import CONTRACT, found

DECIDERS: Mapping[type[Command], Decide] = {
    IssueStatement: issuing.issue_statement,
    CloseInterval: issuing.close_interval,
    MoveRulebook: issuing.move_rulebook,
    RecordPayment: receipts.record_payment,
    IssueCreditNote: receipts.issue_credit_note,
    ClaimInterest: receipts.claim_interest,
    NetStatement: receipts.net_statement,
    OpenDispute: disputes.open_dispute,
    ResolveDispute: disputes.resolve_dispute,
}


class Desk:
    """The account of one contract, by the contract's events."""

    def __init__(
        self,
        contract: Sequence[Event],
        *,
        reports: Mapping[str, Sequence[Report]] | None = None,
        interest: str | None = None,
        book_events: Sequence[Any] = (),
    ) -> None:
        self.contract, self.reports = list(contract), dict(reports or {})
        self.events: list[Any] = []
        self._interest = interest
        self.book = reduce(book.evolve, book_events, book.initial())

    @property
    def state(self) -> Account:
        return reduce(account.evolve, self.events, account.initial())

    def do(
        self,
        command: Command,
        at: datetime,
        actor: str = "nimbus",
        known: bool = True,
        effective_at: datetime | None = None,
        standing: Standing | None = None,
    ) -> list[Any] | Refused:
        order: Order[Any] = Order(
            command=command,
            id="x",
            actor=actor,
            book="nimbus",
            at=at,
            effective_at=effective_at or at,
            facts=(standing or self.standing(command)) if known else None,
        )
        outcome = DECIDERS[type(command)]({"account-deal": self.state, "book-nimbus": self.book}, order)
        if isinstance(outcome, Refused):
            return outcome
        made = [emitted.event for emitted in outcome]
        self.events += made
        return made

    def standing(self, command: Command) -> Standing:
        interval: Interval | None = getattr(command, "interval", None)
        computed = None
        if interval is not None:
            computed = found(self.contract, interval, reports=self.reports, state=self.state)
        rate: Fraction | None = None if self._interest is None else percent(self._interest)
        return Standing(
            contract=CONTRACT,
            supplier="nimbus",
            customer="acme",
            currency="USD",
            interest={} if rate is None else dict.fromkeys(self.state.statements, rate),
            computed=computed,
        )


def groups(kept: Book, events: Sequence[Any]) -> list[Group]:
    """What the events of an account come to in some books.

    Raises:
        RateMissingError: something cannot be booked for want of a rate.
    """
    made, missing = booked(kept, enumerate(events, start=1))
    if missing is not None:
        raise missing.error
    return [one.group for one in made]
