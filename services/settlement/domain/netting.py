"""Netting: several parties settle statements among them by one amount each.

INITIAL, `evolve`, the deciders. What a party may see of it is its own net and the payments it is in; the
proposer sees everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from schemas.decision import Emitted, Order, Outcome, Refused, States
from schemas.kernel.money import amount
from schemas.kernel.names import local, qualify
from schemas.settlement import (
    AcceptNetting,
    NettedStatement,
    NettingAccepted,
    NettingEvent,
    NettingPayment,
    NettingProposed,
    NettingSettled,
    ProposeNetting,
    SettlementRejection,
    SettleNetting,
)
from services.settlement.domain.book import is_currency


class OpenStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement with what of it is open and not contested, in minor units."""

    statement: str
    debtor: str
    creditor: str
    currency: str
    open: int


class Netting(msgspec.Struct, kw_only=True):
    """A netting after some of its events; `proposal` is the proposer's own view."""

    proposal: NettingProposed | None = None
    accepted: set[str] = set()
    settled: bool = False

    @property
    def all_accepted(self) -> bool:
        """Whether everybody named has accepted; the proposer did by proposing."""
        return self.proposal is not None and set(self.proposal.parties) <= self.accepted


def initial() -> Netting:
    """Nothing was proposed under this name."""
    return Netting()


def evolve(state: Netting, event: NettingEvent) -> Netting:
    """The netting after one more event; the state given is changed."""
    match event:
        case NettingProposed():
            if event.party == event.proposer:
                state.proposal = event
                state.accepted.add(event.proposer)
        case NettingAccepted():
            state.accepted.add(event.party)
        case NettingSettled():
            state.settled = True
    return state


def propose(states: States, order: Order[ProposeNetting]) -> Outcome:
    """Propose to net statements. `order.facts` maps each statement known to what is open of it."""
    command, stream = order.command, f"netting-{order.command.netting}"
    facts: Mapping[str, OpenStatement] = order.facts
    if order.actor not in command.parties:
        return Refused(SettlementRejection.NOT_YOURS_TO_DO)
    names = list(dict.fromkeys(qualify(name, order.actor) for name in command.statements))
    unknown = [name for name in names if name not in facts or not _concerns(facts[name], command.parties)]
    if unknown:
        return Refused(SettlementRejection.STATEMENT_UNKNOWN, {"statement": unknown[0]})
    state: Netting = states[stream]
    found = [facts[name] for name in names]
    if state.proposal is not None:
        same = _same(state.proposal, command, names)
        return [] if same else Refused(SettlementRejection.PAYMENT_EXISTS_OTHERWISE)
    if not is_currency(command.currency) or any(s.currency != command.currency for s in found):
        return Refused(SettlementRejection.CURRENCY_MISMATCH, {"currency": command.currency})
    parties = tuple(dict.fromkeys(command.parties))
    if any({s.debtor, s.creditor} - set(parties) for s in found) or len(parties) < len(command.parties):
        return Refused(SettlementRejection.NETTING_UNBALANCED)
    proposal = _proposal(order, parties, found)
    others = [party for party in parties if party != order.actor]
    return [
        Emitted(stream=stream, event=proposal),
        *(Emitted(stream=stream, event=_seen_by(proposal, party), counterparty=party) for party in others),
    ]


def _concerns(statement: OpenStatement, parties: Sequence[str]) -> bool:
    """Whether a statement has to do with the parties at all: another's does not exist for them."""
    return statement.debtor in parties or statement.creditor in parties


def _same(proposal: NettingProposed, command: ProposeNetting, names: list[str]) -> bool:
    return (
        set(proposal.parties) == set(command.parties)
        and proposal.currency == command.currency
        and proposal.value_date == command.value_date
        and {s.statement for s in proposal.statements} == set(names)
    )


def _proposal(
    order: Order[ProposeNetting], parties: tuple[str, ...], found: list[OpenStatement]
) -> NettingProposed:
    command = order.command
    net = net_amounts(parties, found)
    return NettingProposed(
        netting=f"{order.actor}/{command.netting}",
        proposer=order.actor,
        party=order.actor,
        parties=parties,
        currency=command.currency,
        value_date=command.value_date,
        net={party: amount(value, command.currency) for party, value in net.items()},
        payments=payments(net, command.currency),
        statements=tuple(
            NettedStatement(
                statement=s.statement,
                debtor=s.debtor,
                creditor=s.creditor,
                amount=amount(s.open, command.currency),
            )
            for s in found
        ),
    )


def _seen_by(proposal: NettingProposed, party: str) -> NettingProposed:
    paid = tuple(p for p in proposal.payments if party in (p.payer, p.payee))
    own = tuple(s for s in proposal.statements if party in (s.debtor, s.creditor))
    met = {name for p in paid for name in (p.payer, p.payee)} | {
        name for s in own for name in (s.debtor, s.creditor)
    }
    return msgspec.structs.replace(
        proposal,
        party=party,
        parties=tuple(name for name in proposal.parties if name in met or name in (party, proposal.proposer)),
        net={party: proposal.net[party]},
        payments=paid,
        statements=own,
    )


def accept(states: States, order: Order[AcceptNetting]) -> Outcome:
    """Accept; with the last acceptance, or at the value date if that is later, it is settled."""
    stream = f"netting-{local(order.command.netting)}"
    state: Netting = states[stream]
    proposal = state.proposal
    if proposal is None or order.actor not in proposal.parties:
        return Refused(SettlementRejection.NETTING_UNKNOWN)
    if order.actor in state.accepted:
        return []
    accepted = NettingAccepted(netting=proposal.netting, party=order.actor)
    emitted = [Emitted(stream=stream, event=accepted, counterparty=order.actor)]
    if {*state.accepted, order.actor} >= set(proposal.parties) and order.at >= proposal.value_date:
        emitted += _settlement(stream, proposal, order.at.replace(microsecond=0))
    return emitted


def settle(states: States, order: Order[SettleNetting]) -> Outcome:
    """Settle at the value date what everybody has accepted; nothing where somebody has not."""
    stream = f"netting-{local(order.command.netting)}"
    state: Netting = states[stream]
    proposal = state.proposal
    if proposal is None or state.settled or not state.all_accepted or order.at < proposal.value_date:
        return []
    return _settlement(stream, proposal, order.at.replace(microsecond=0))


def _settlement(stream: str, proposal: NettingProposed, at: datetime) -> list[Emitted]:
    views = [proposal, *(_seen_by(proposal, p) for p in proposal.parties if p != proposal.proposer)]
    return [
        Emitted(
            stream=stream,
            event=NettingSettled(
                netting=view.netting,
                party=view.party,
                currency=view.currency,
                settled_at=max(at, proposal.value_date),
                net=view.net,
                payments=view.payments,
                statements=view.statements,
            ),
            counterparty=None if view.party == proposal.proposer else view.party,
        )
        for view in views
    ]


def net_amounts(parties: Iterable[str], found: Iterable[OpenStatement]) -> dict[str, int]:
    """What each party gets (pays, below zero); they sum to zero."""
    net = dict.fromkeys(parties, 0)
    for statement in found:
        net[statement.creditor] += statement.open
        net[statement.debtor] -= statement.open
    return net


def payments(net: Mapping[str, int], currency: str) -> tuple[NettingPayment, ...]:
    """Payers and receivers by size, then name; the largest pays the largest."""
    payers = sorted(((-value, name) for name, value in net.items() if value < 0), key=_by_size)
    receivers = sorted(((value, name) for name, value in net.items() if value > 0), key=_by_size)
    made: list[NettingPayment] = []
    for owed, payer in payers:
        left = owed
        while left:
            wanted, payee = receivers[0]
            part = min(left, wanted)
            made.append(NettingPayment(payer=payer, payee=payee, amount=amount(part, currency)))
            left -= part
            receivers = receivers[1:] if part == wanted else [(wanted - part, payee), *receivers[1:]]
    return tuple(made)


def _by_size(entry: tuple[int, str]) -> tuple[int, str]:
    return (-entry[0], entry[1])
