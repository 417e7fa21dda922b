"""What is found before a command is decided: the parties of an account, f(K), open statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import msgspec

from infra.event_store import Cut
from infra.past import Past
from schemas.decision import Order
from schemas.kernel.agreement import Agreement
from schemas.kernel.interval import Interval
from schemas.kernel.names import owner, qualify
from schemas.kernel.rates import percent
from schemas.settlement import (
    BasisEntry,
    CloseInterval,
    IssueStatement,
    MoveRulebook,
    ProposeNetting,
    RemeasureAccount,
)
from services.settlement.aggregates import ACCOUNT
from services.settlement.domain.account import Account
from services.settlement.domain.computing import computed
from services.settlement.domain.intervals import slots
from services.settlement.domain.netting import OpenStatement
from services.settlement.domain.remeasuring import Ends
from services.settlement.domain.standing import Computed, Standing, stream_of
from services.settlement.knowledge import Known, agreement_of, answered_cut, known
from services.settlement.naming import contract_of

TICK = timedelta(microseconds=1)


async def account_at(past: Past, contract: str) -> Account:
    """Return a contract's account as known."""
    folded = await past.fold("settlement", ACCOUNT, owner(contract), stream_of(contract))
    state: Account = folded.state
    return state


async def standing(order: Order[Any], past: Past) -> Standing | None:
    """Return who the parties of an account are; None where nobody signed such a contract."""
    contract = qualify(order.command.contract, order.actor)
    agreement, _ = await agreement_of(past, contract)
    if agreement is None:
        return None
    state = await account_at(past, contract)
    return standing_of(agreement, state)


def standing_of(agreement: Agreement, state: Account) -> Standing:
    """The parties and rates of an agreement, for the statements of its account."""
    return Standing(
        contract=agreement.contract,
        supplier=agreement.supplier,
        customer=agreement.customer,
        currency=_currency(agreement, state),
        interest=interest_rates(agreement, state),
    )


def interest_rates(agreement: Agreement, state: Account) -> Mapping[str, Fraction]:
    """The yearly rate of late interest of each statement: by the terms at its due date."""
    rates: dict[str, Fraction] = {}
    for statement in state.statements.values():
        terms = agreement.terms_near(statement.due_at)
        if terms.late_interest is not None:
            rates[statement.id] = percent(terms.late_interest.percent_per_year)
    return rates


def _currency(agreement: Agreement, state: Account) -> str:
    """That of the newest statement; before the first, that of the terms."""
    newest = max(state.issued.values(), key=lambda issued: issued.interval.start, default=None)
    return agreement.terms_near(agreement.term_start).currency if newest is None else newest.currency


async def standing_with_statement(
    order: Order[IssueStatement | CloseInterval | MoveRulebook], past: Past
) -> Standing | None:
    """Return the parties, and f(K) for the interval that the command names."""
    contract = qualify(order.command.contract, order.actor)
    cut = await answered_cut(past, contract)
    state = await account_at(past, contract)
    found = await known(past.at(cut), contract, state, order.command.interval)
    if found is None:
        return await standing(order, past)
    made = compute(found, state, order.command.interval, cut)
    return msgspec.structs.replace(standing_of(found.agreement, state), computed=made)


def compute(found: Known, state: Account, interval: Interval, cut: Cut) -> Computed:
    """Rate everything known for the statement of one interval."""
    return computed(
        found.agreement,
        found.deal,
        found.versions,
        state,
        interval,
        basis=_basis(found, cut),
        provisional=found.provisional,
        settled=found.settled,
    )


def _basis(found: Known, cut: Cut) -> tuple[BasisEntry, ...]:
    return tuple(
        BasisEntry(log=log, shard=shard, position=cut.position(log, shard))
        for log, shard in sorted(found.shards)
    )


async def ended(order: Order[RemeasureAccount], past: Past) -> Ends | None:
    """Return which of an account's intervals have ended; None where nobody signed such a contract."""
    contract = qualify(order.command.contract, order.actor)
    return await ends_at(past, contract, await account_at(past, contract), order.at)


async def ends_at(past: Past, contract: str, state: Account, now: datetime) -> Ends | None:
    """Return at which instants a contract's intervals ended by now, also those after its term."""
    agreement, _ = await agreement_of(past, contract)
    if agreement is None or not agreement.term_segments:
        return None
    # the last of them is the one that holds `now`
    found = [slot.interval.end for slot in slots(agreement, now + TICK, state.issued)]
    return Ends(
        standing=standing_of(agreement, state),
        past=tuple(end for end in found if end <= now),
        next=found[-1] if found else now,
    )


async def open_statements(order: Order[ProposeNetting], past: Past) -> Mapping[str, OpenStatement]:
    """Return what is open of the statements that a proposal names; those unknown are left out."""
    names = [qualify(name, order.actor) for name in order.command.statements]
    return {found.statement: found for found in await find_open(past, names)}


async def find_open(past: Past, names: Sequence[str]) -> list[OpenStatement]:
    """Return what is open now, and not contested, of some statements."""
    found: list[OpenStatement] = []
    for name in dict.fromkeys(names):
        contract = contract_of(name)
        if contract is None:
            continue
        agreement, _ = await agreement_of(past, contract)
        state = await account_at(past, contract)
        statement = state.statements.get(name)
        if agreement is not None and statement is not None:
            found.append(
                OpenStatement(
                    statement=name,
                    debtor=agreement.customer,
                    creditor=agreement.supplier,
                    currency=statement.currency,
                    open=statement.open_at() - state.disputed(name),
                )
            )
    return found
