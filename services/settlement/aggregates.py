"""The streams of settlement, each with its fold."""

from collections.abc import Mapping
from typing import Any

from schemas.decision import Aggregate
from services.settlement.domain import account, book, cost, netting

ACCOUNT = Aggregate(category="account", initial=account.initial, evolve=account.evolve)
BOOK = Aggregate(category="book", initial=book.initial, evolve=book.evolve)
NETTING = Aggregate(category="netting", initial=netting.initial, evolve=netting.evolve)
COST = Aggregate(category="cost", initial=cost.initial, evolve=cost.evolve)

AGGREGATES: Mapping[str, Aggregate[Any, Any]] = {
    "account": ACCOUNT,
    "book": BOOK,
    "netting": NETTING,
    "cost": COST,
}
