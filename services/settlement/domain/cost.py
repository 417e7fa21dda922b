"""What capacity costs its operator, recorded per pool.

INITIAL, `evolve`, `decide`.
"""

import msgspec

from schemas.decision import Emitted, Order, Outcome, Refused, States
from schemas.kernel.money import amount
from schemas.kernel.names import local, owner, qualify
from schemas.settlement import CostEvent, CostRecorded, RecordCost, SettlementRejection
from services.settlement.domain.book import Book
from services.settlement.domain.receipts import in_currency
from services.settlement.domain.standing import BOOKED_MAX, too_large

DEFAULT_CURRENCY = "USD"


class Costs(msgspec.Struct, kw_only=True):
    """All costs recorded of one pool, oldest first."""

    recorded: list[CostRecorded] = []


def initial() -> Costs:
    """Nothing was recorded."""
    return Costs()


def evolve(state: Costs, event: CostEvent) -> Costs:
    """The costs after one more event; the state given is changed."""
    state.recorded.append(event)
    return state


def record_cost(states: States, order: Order[RecordCost]) -> Outcome:
    """Record a cost of one's own pool, in the currency of one's books; the same again changes nothing."""
    command = order.command
    pool = qualify(command.pool, order.actor)
    if owner(pool) != order.actor:
        return Refused(SettlementRejection.ACCOUNT_UNKNOWN)
    stream = f"cost-{local(pool)}"
    book: Book = states[f"book-{order.book}"]
    currency = book.currency or DEFAULT_CURRENCY
    value = in_currency(command.amount, currency)
    if value is None:
        return Refused(SettlementRejection.CURRENCY_MISMATCH, {"currency": currency})
    if abs(value) > BOOKED_MAX:
        return too_large(currency)
    event = CostRecorded(
        pool=pool,
        interval=command.interval,
        currency=currency,
        amount=amount(value, currency),
        what=command.what,
    )
    state: Costs = states[stream]
    return [] if event in state.recorded else [Emitted(stream=stream, event=event)]
