"""`settlement.netting`: what parties owe one another at a value date, and the payments that settle it."""

from typing import Any

from infra.past import Past
from infra.service import View
from schemas.decision import Refused
from schemas.kernel.money import amount
from schemas.settlement import NettingProposed, NettingQuestion, SettlementRejection
from services.settlement.domain.book import is_currency
from services.settlement.domain.netting import OpenStatement, net_amounts, payments
from services.settlement.gathering import account_at
from services.settlement.knowledge import agreement_of


async def netting(question: NettingQuestion, view: View) -> Any | Refused:  # noqa: ANN401 JSON
    """Answer the proposer with everything, any other party with its own net and payments."""
    if view.actor not in question.parties:
        return Refused(SettlementRejection.NETTING_UNKNOWN)
    if not is_currency(question.currency):
        return Refused(SettlementRejection.CURRENCY_MISMATCH, {"currency": question.currency})
    found = await _open_among(view.past, question)
    net = net_amounts(question.parties, found)
    paid = payments(net, question.currency)
    if not await _proposed(view, question):
        net = {view.actor: net[view.actor]}
        paid = tuple(p for p in paid if view.actor in (p.payer, p.payee))
    return {
        "net": {party: amount(value, question.currency) for party, value in net.items()},
        "payments": [{"from": p.payer, "to": p.payee, "amount": p.amount} for p in paid],
    }


async def _proposed(view: View, question: NettingQuestion) -> bool:
    """Whether the asker has proposed a netting of these parties: only then it sees what others owe."""
    for name in await view.past.streams("settlement", view.actor, "netting"):
        for recorded in await view.past.stream("settlement", name.tenant, name.stream):
            event = recorded.event
            if (
                isinstance(event, NettingProposed)
                and event.proposer == event.party == view.actor
                and event.currency == question.currency
                and set(event.parties) == set(question.parties)
            ):
                return True
    return False


async def _open_among(past: Past, question: NettingQuestion) -> list[OpenStatement]:
    """What is open and not contested at the value date between the parties, in the currency."""
    found: list[OpenStatement] = []
    at = question.value_date
    for supplier in dict.fromkeys(question.parties):
        for name in await past.streams("settlement", supplier, "account"):
            contract = f"{supplier}/{name.stream.removeprefix('account-')}"
            agreement, _ = await agreement_of(past, contract)
            if name.tenant != supplier or agreement is None or agreement.customer not in question.parties:
                continue
            state = await account_at(past, contract)
            found += [
                OpenStatement(
                    statement=statement.id,
                    debtor=agreement.customer,
                    creditor=supplier,
                    currency=statement.currency,
                    open=statement.open_at(at) - state.disputed(statement.id, at),
                )
                for statement in state.statements.values()
                if statement.currency == question.currency and statement.issued_at <= at
            ]
    return found
