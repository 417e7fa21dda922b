"""A pool as its events make it: what it is, what it has, who holds what, what is short.

`initial` and `evolve` here are the aggregate of `pool-<id>`. Derived things (supply, limits, the book) are
made when first asked for and then kept up to date by `evolve`, which changes the state that it is given.
"""

from _collections_abc import dict_items, dict_keys, dict_values
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from schemas.capacity import ByCause, PoolRegistered, Tier
from schemas.kernel.names import owner
from schemas.kernel.rates import percent
from schemas.kernel.schedule import Schedule, sum_of
from services.capacity.domain.book import Book, Limits
from services.capacity.domain.holding import Holding
from services.capacity.domain.spare import firm_limit
from services.capacity.domain.supply import Outage, Phase, Supply, supply


class Layer(dict[str, Holding]):
    """What is changed over a base that stays as it is."""

    def __init__(self, base: dict[str, Holding]) -> None:
        """Begin with nothing changed."""
        super().__init__()
        self._base = base

    def __missing__(self, name: str) -> Holding:
        return self._base[name]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._base

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 as dict has it
        """Return what is kept under a name."""
        return self[name] if name in self else default  # noqa: SIM401 it is `get`

    def keys(self) -> "dict_keys[str, Holding]":
        """Return all names."""
        return self._all().keys()

    def values(self) -> "dict_values[str, Holding]":
        """Return all holdings, as they now are."""
        return self._all().values()

    def items(self) -> "dict_items[str, Holding]":
        """Return all names with their holdings."""
        return self._all().items()

    def _all(self) -> dict[str, Holding]:
        return {**self._base, **dict(super().items())}


class Shortfall(msgspec.Struct, frozen=True):
    """A stretch in which the pool is short. `open`: as told last, it reached beyond the clock."""

    shortfall: str
    opened_at: int
    quantity: ByCause
    open: bool


class Pool(msgspec.Struct, kw_only=True, dict=True):
    """The state of a pool. `registered` is None while there is no such pool.

    Attributes:
        next_place: the place of the next reservation in the order of reservations.
        next_shortfall: the number of the next shortfall.
        holds: reservations that are only held, and until when.
        holders: everybody who holds, or ever held, a part of it.
        planned_until: up to where a rotating cut is planned, None where none goes on beyond its plan.
    """

    registered: PoolRegistered | None = None
    phases: dict[str, Phase] = {}
    outages: dict[str, Outage] = {}
    holdings: dict[str, Holding] = {}
    shortfalls: dict[str, Shortfall] = {}
    holds: dict[str, int] = {}
    holders: set[str] = set()
    next_place: int = 0
    next_shortfall: int = 1
    planned_until: int | None = None

    @property
    def info(self) -> PoolRegistered:
        """What it was registered as."""
        assert self.registered is not None, "asked only of a pool that there is"
        return self.registered

    @property
    def name(self) -> str:
        """Its qualified name."""
        return self.info.pool

    @property
    def operator(self) -> str:
        """Whose pool it is."""
        return owner(self.info.pool)

    @cached_property
    def supply(self) -> Supply:
        """What there is over time."""
        return supply(self.info.sell, self.phases.values(), self.outages.values())

    @cached_property
    def limits(self) -> Limits:
        """What may be sold over time."""
        return Limits.of(self.supply.capacity, self.firm_limit, self.whole_limit)

    @cached_property
    def book(self) -> Book:
        """What is left to sell."""
        committed = ((each.tier, each.quantity) for each in self.reservations())
        return Book.of(self.info.quantum_seconds, self.limits, committed)

    def firm_limit(self, capacity: int) -> int:
        """Return what can be sold firm of a capacity."""
        return firm_limit(capacity, self.info.lot, self.info.spare)

    def whole_limit(self, capacity: int) -> int:
        """Return what can be sold in all of a capacity."""
        share = 1 + percent(self.info.overbook_percent)
        return capacity * share.numerator // share.denominator

    def reservations(self) -> list[Holding]:
        """Return the operator's own reservations, in no order."""
        return [each for each in self.holdings.values() if each.is_reservation]

    def committed(self, tier: Tier) -> Schedule:
        """Return what is committed in a tier, holds included."""
        return sum_of(each.quantity for each in self.reservations() if each.tier is tier)

    def passed_on(self, name: str) -> Schedule:
        """Return what is passed on of a reservation or holding."""
        takers = self.holdings[name].takers
        return sum_of(self.holdings[taker].given_by(name) for taker in takers) if takers else Schedule.EMPTY

    def entitlement(self, name: str) -> Schedule:
        """Return what its holder may use: reserved or received, less cuts, less what is passed on."""
        holding = self.holdings[name]
        return holding.quantity.minus(holding.cut).minus(self.passed_on(name))

    def fork(self) -> "Pool":
        """Return another to try things on, with what was derived so far."""
        made = Pool(
            registered=self.registered,
            phases=dict(self.phases),
            outages=dict(self.outages),
            holdings=Layer(self.holdings),
            shortfalls=dict(self.shortfalls),
            holds=dict(self.holds),
            holders=set(self.holders),
            next_place=self.next_place,
            next_shortfall=self.next_shortfall,
            planned_until=self.planned_until,
        )
        for derived in ("supply", "limits"):
            if derived in vars(self):
                vars(made)[derived] = vars(self)[derived]
        if "book" in vars(self):
            vars(made)["book"] = self.book.fork()
        return made

    # -- changing it, for `evolve` alone --------------------------------------------------------------

    def put(self, holding: Holding) -> None:
        """Keep a holding as it now is, and what follows from it."""
        before = self.holdings.get(holding.name)
        self.holdings[holding.name] = holding
        self.holders.add(holding.holder)
        if holding.is_reservation and "book" in vars(self):
            quantity = Schedule.EMPTY if before is None else before.quantity
            if before is not None and before.tier is not holding.tier:
                self.book.commit(before.tier, quantity, Schedule.EMPTY)
                quantity = Schedule.EMPTY
            if quantity != holding.quantity:
                self.book.commit(holding.tier, quantity, holding.quantity)

    def resupply(self) -> None:
        """Find anew what there is, after a change of phases or outages."""
        before = vars(self).pop("limits", None)
        vars(self).pop("supply", None)
        if "book" in vars(self):
            assert before is not None, "a book is made of limits"
            self.book.supply(before, self.limits)


def initial() -> Pool:
    """Return the state before the first event: no pool."""
    return Pool()
