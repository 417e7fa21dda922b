"""`settlement.balance`: what is open, waiting, prepaid and accrued, of one account or of all of a tenant."""

from typing import Any

from infra.service import View
from schemas.decision import Refused
from schemas.kernel.agreement import Agreement
from schemas.kernel.money import amount
from schemas.settlement import BalanceQuestion
from services.settlement.domain.account import Account
from services.settlement.domain.computing import rated
from services.settlement.domain.intervals import slots
from services.settlement.domain.open_items import balance, claimable
from services.settlement.domain.rating.prepayment import run_out
from services.settlement.gathering import account_at, standing_of
from services.settlement.knowledge import agreement_of, closed_cut, known_whole
from services.settlement.reads.access import UNKNOWN, account_of

FIELDS = ("open", "due", "overdue", "disputed", "unapplied", "prepaid_left", "late_interest")


async def balance_of(question: BalanceQuestion, view: View) -> Any | Refused:  # noqa: ANN401 JSON
    """Answer for one contract, or by currency for all accounts of the asker's own book."""
    if question.contract is not None:
        found = await account_of(question.contract, view)
        if isinstance(found, Refused):
            return found
        currency, figures = await _figures(found.agreement, found.account, view)
        return {"contract": found.agreement.contract, "currency": currency, **_shown(figures, currency)}
    if question.tenant is None or question.tenant != view.actor:
        return UNKNOWN
    return await _of_tenant(question.tenant, view)


async def _of_tenant(tenant: str, view: View) -> dict[str, Any]:
    totals: dict[str, dict[str, int]] = {}
    contracts: list[dict[str, Any]] = []
    for name in await view.past.streams("settlement", tenant, "account"):
        if name.tenant != tenant:
            continue
        contract = f"{tenant}/{name.stream.removeprefix('account-')}"
        agreement, _ = await agreement_of(view.past, contract)
        if agreement is None:
            continue
        currency, figures = await _figures(agreement, await account_at(view.past, contract), view)
        contracts.append({"contract": contract, "currency": currency, **_shown(figures, currency)})
        total = totals.setdefault(currency, dict.fromkeys(FIELDS, 0))
        for field in FIELDS:
            total[field] += figures[field]
    by_currency = [{"currency": c, **_shown(figures, c)} for c, figures in sorted(totals.items())]
    alone = by_currency[0] if len(by_currency) == 1 else {}
    return {"tenant": tenant, **alone, "totals": by_currency, "contracts": contracts}


async def _figures(agreement: Agreement, state: Account, view: View) -> tuple[str, dict[str, int]]:
    standing = standing_of(agreement, state)
    found = balance(state, view.valid_at, standing.currency)
    return standing.currency, {
        "open": found.due + found.overdue + found.disputed,
        "due": found.due,
        "overdue": found.overdue,
        "disputed": found.disputed,
        "unapplied": found.unapplied,
        "prepaid_left": await _prepaid_left(agreement, state, view),
        "late_interest": claimable(state, standing.interest, view.valid_at, standing.currency),
    }


async def _prepaid_left(agreement: Agreement, state: Account, view: View) -> int:
    """What of the prepayments billed so far was neither drawn by a statement nor has run out."""
    billed = sum(
        found.amount
        for by_key in state.billed.values()
        for (kind, _), found in by_key.items()
        if kind == "prepayment"
    )
    if not billed:
        return 0
    cut = await closed_cut(view.past)
    until = max(issued.interval.end for issued in state.issued.values())
    all_known = await known_whole(view.past.at(cut), agreement.contract, state, until)
    assert all_known is not None, "what was billed was signed"
    found = slots(agreement, max(until, agreement.end), state.issued)
    rating = rated(all_known.deal, found, state, until)
    last = rating.intervals[-1].scope
    run_out(rating.purses, view.valid_at, last)
    lost = sum(
        part
        for purse in rating.purses
        for at, part in purse.breakage
        if purse.billed_at < until and at <= view.valid_at
    )
    return billed - lost


def _shown(figures: dict[str, int], currency: str) -> dict[str, Any]:
    return {field: amount(figures[field], currency) for field in FIELDS}
