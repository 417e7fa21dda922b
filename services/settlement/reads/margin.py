"""`settlement.margin`: what capacity earned over a stretch of time, less what it cost.

What is bought from others (contracts in which the tenant is the customer) is a cost of the tenant, of none of
its pools. Other currencies are turned into that of the books at the rate of the stretch's last day.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import msgspec

from infra.past import Past
from infra.service import View
from schemas.decision import Refused
from schemas.kernel.agreement import Agreement
from schemas.kernel.interval import Interval
from schemas.kernel.money import amount, digits, minor
from schemas.kernel.names import local, owner, qualify
from schemas.kernel.rounding import round_half_up
from schemas.settlement import CostRecorded, MarginQuestion, SettlementRejection
from services.settlement.aggregates import BOOK, COST
from services.settlement.domain import margin as rules
from services.settlement.domain.book import Book
from services.settlement.domain.computing import all_slots, rated
from services.settlement.domain.margin import PoolShare
from services.settlement.domain.revenue import Earnings
from services.settlement.gathering import account_at
from services.settlement.knowledge import agreement_of, closed_cut, known_whole
from services.settlement.reads.access import UNKNOWN
from services.settlement.reads.statement import span

DEFAULT_CURRENCY = "USD"


class _Sold(msgspec.Struct, frozen=True, kw_only=True):
    """One contract's part, in minor units of its own currency."""

    contract: str
    currency: str
    shares: tuple[PoolShare, ...]


class _RateMissingError(LookupError):
    """No rate is known for a currency on a day."""

    def __init__(self, currency: str, day: date) -> None:
        super().__init__(currency)
        self.currency, self.day = currency, day


class _Tally:
    """The figures of an answer, all in one currency."""

    def __init__(self, book: Book, currency: str, window: Interval) -> None:
        self.currency, self._book = currency, book
        self._day = (window.end - timedelta(seconds=1)).date()

    def turned(self, value: int, currency: str) -> int:
        """An amount in the answer's currency."""
        if currency == self.currency:
            return value
        rate = self._book.rate_on(currency, self._day)
        if rate is None or self._book.currency is None:
            raise _RateMissingError(currency, self._day)
        return round_half_up(value * rate * Fraction(10) ** (digits(self.currency) - digits(currency)))

    def shown(self, value: int) -> str:
        """An amount as text."""
        return amount(value, self.currency)


async def margin(question: MarginQuestion, view: View) -> Any | Refused:  # noqa: ANN401 JSON
    """Answer for one pool of the asker, or for all that it sells."""
    if (question.pool is None) == (question.tenant is None) or question.end <= question.start:
        return UNKNOWN
    pool = None if question.pool is None else qualify(question.pool, view.actor)
    if view.actor != (question.tenant if pool is None else owner(pool)):
        return UNKNOWN
    past = view.past.at(await closed_cut(view.past))
    window = Interval(question.start, question.end)
    sold = await _sold(past, view.actor, window, bought=False)
    bought = [] if pool is not None else await _sold(past, view.actor, window, bought=True)
    costs = await _costs(past, view.actor, pool)
    book: Book = (await past.fold("settlement", BOOK, view.actor, f"book-{view.actor}")).state
    tally = _Tally(book, _currency(book, [*sold, *bought], costs), window)
    try:
        return _answer(tally, pool, view.actor, window, (sold, bought, costs))
    except _RateMissingError as error:
        details = {"pair": f"{error.currency}/{tally.currency}", "date": error.day.isoformat()}
        return Refused(SettlementRejection.RATE_MISSING, details)


def _currency(book: Book, sold: Iterable[_Sold], costs: Iterable[CostRecorded]) -> str:
    """That of the books; before they have one, the one that everything is in."""
    if book.currency is not None:
        return book.currency
    found = {one.currency for one in sold} | {one.currency for one in costs}
    return found.pop() if len(found) == 1 else DEFAULT_CURRENCY


async def _sold(past: Past, tenant: str, window: Interval, *, bought: bool) -> list[_Sold]:
    """What a tenant's contracts earn in a stretch of time; `bought`: those in which it is the customer."""
    found: list[_Sold] = []
    for name in await past.streams("contracts", tenant, "contract"):
        if (name.tenant == tenant) == bought:
            continue
        agreement, _ = await agreement_of(past, f"{name.tenant}/{name.stream.removeprefix('contract-')}")
        if agreement is None or not agreement.term_segments or tenant not in _parties(agreement):
            continue
        earned = await _earned(past, agreement, window)
        shares = rules.by_pool(agreement, window, earned)
        currency = agreement.terms_near(window.start).currency
        found.append(_Sold(contract=agreement.contract, currency=currency, shares=tuple(shares)))
    return found


def _parties(agreement: Agreement) -> tuple[str, str]:
    return agreement.supplier, agreement.customer


async def _earned(past: Past, agreement: Agreement, window: Interval) -> int:
    state = await account_at(past, agreement.contract)
    found = await known_whole(past, agreement.contract, state, window.end)
    if found is None:
        return 0
    slots = all_slots(found.agreement, state, window.end)
    rating = rated(found.deal, slots, state, window.end)
    earnings = Earnings(rating, found.versions, [slot.scope(found.deal) for slot in slots])
    return rules.earned(rating, earnings, window)


async def _costs(past: Past, tenant: str, pool: str | None) -> list[CostRecorded]:
    names = [
        name.stream for name in await past.streams("settlement", tenant, "cost") if name.tenant == tenant
    ]
    wanted = [name for name in names if pool is None or name == f"cost-{local(pool)}"]
    found: list[CostRecorded] = []
    for name in wanted:
        found += (await past.fold("settlement", COST, tenant, name)).state.recorded
    return found


def _answer(
    tally: _Tally,
    pool: str | None,
    tenant: str,
    window: Interval,
    found: tuple[list[_Sold], list[_Sold], list[CostRecorded]],
) -> dict[str, Any]:
    sold, bought, costs = found
    contracts, revenue, committed = _sales(tally, pool, sold)
    purchases, spent, _ = _sales(tally, None, bought)
    paid = [(cost, _in_window(tally, cost, window)) for cost in rules.counted(costs, window)]
    cost = spent + sum(value for _, value in paid)
    asked = {"tenant": tenant} if pool is None else {"pool": pool}
    figures = {"revenue": revenue, "cost": cost, "margin": revenue - cost}
    return {
        **asked,
        **span(window),
        "currency": tally.currency,
        **{name: tally.shown(value) for name, value in figures.items()},
        "margin_percent": rules.percent_of(revenue - cost, revenue),
        "return_percent": rules.percent_of(revenue - cost, cost),
        "gpu_seconds": str(committed),
        "revenue_per_gpu_hour": _per_hour(tally, revenue, committed),
        "cost_per_gpu_hour": _per_hour(tally, cost, committed),
        "contracts": contracts,
        "bought": purchases,
        "costs": [
            {
                "pool": one.pool,
                "what": one.what,
                "interval": span(one.interval),
                "recorded": one.amount,
                "currency": one.currency,
                "amount": tally.shown(value),
            }
            for one, value in paid
        ],
    }


def _sales(tally: _Tally, pool: str | None, sold: list[_Sold]) -> tuple[list[dict[str, Any]], int, int]:
    """What each contract has of the answer; the sum in the answer's currency; GPU-seconds committed."""
    told: list[dict[str, Any]] = []
    total = committed = 0
    for one in sold:
        shares = [share for share in one.shares if pool is None or share.pool == pool]
        if not shares:
            continue
        earned = sum(share.earned for share in shares)
        turned = tally.turned(earned, one.currency)
        total += turned
        committed += sum(share.committed for share in shares)
        told.append(
            {
                "contract": one.contract,
                "earned": amount(earned, one.currency),
                "currency": one.currency,
                "amount": tally.shown(turned),
            }
        )
    return told, total, committed


def _in_window(tally: _Tally, cost: CostRecorded, window: Interval) -> int:
    part = rules.in_window(minor(cost.amount, cost.currency), cost.interval, window)
    return tally.turned(part, cost.currency)


def _per_hour(tally: _Tally, value: int, committed: int) -> str | None:
    exact = rules.per_gpu_hour(value, committed)
    return None if exact is None else tally.shown(round_half_up(exact))
