"""A deliberately naive model of a pool: everything reckoned anew, hour by hour, from what is held now."""

from fractions import Fraction

from schemas.capacity import Cause, Tier
from schemas.kernel.instants import seconds
from services.capacity.domain.pool import Pool
from tests.unit.capacity.hall import hour

CAUSES = (Cause.DELIVERY, Cause.MAINTENANCE, Cause.OUTAGE)


class Hour:
    """One hour of a pool."""

    def __init__(self, pool: Pool, number: int) -> None:
        self.pool, self.at = pool, seconds(hour(number))
        self.lot = pool.info.lot
        self.held = {n: h.quantity.at(self.at) for n, h in pool.holdings.items()}
        self.tier = {n: h.tier for n, h in pool.holdings.items()}
        self.giver = {n: h.source_at(self.at) for n, h in pool.holdings.items()}
        self.levels = self._levels()

    def _levels(self) -> dict[Cause, int]:
        expected = sum(
            phase.quantity
            for phase in self.pool.phases.values()
            if phase.counts(self.pool.info.sell) and phase.latest <= self.at
        )
        planned = sum(o.lost.at(self.at) for o in self.pool.outages.values() if o.planned)
        lost = sum(o.lost.at(self.at) for o in self.pool.outages.values())
        return {
            Cause.DELIVERY: expected,
            Cause.MAINTENANCE: max(0, expected - planned),
            Cause.OUTAGE: max(0, expected - lost),
        }

    def committed(self, *tiers: Tier) -> int:
        return sum(q for n, q in self.held.items() if self.giver[n] is None and self.tier[n] in tiers)

    def lacking(self, capacity: int) -> int:
        whole = self.committed(*Tier)
        if self.committed(Tier.FIRM, Tier.RECALLABLE) <= capacity and whole <= self.pool.whole_limit(
            capacity
        ):
            return 0
        return whole - capacity

    def short(self) -> dict[Cause, int]:
        found: dict[Cause, int] = {}
        so_far = 0
        for cause in CAUSES:
            lacking = self.lacking(self.levels[cause])
            found[cause], so_far = lacking - so_far, lacking
        return found

    def free(self, tier: Tier) -> int:
        capacity = self.levels[Cause.OUTAGE]
        if any(self.short().values()):
            return 0
        left = [self.pool.whole_limit(capacity) - self.committed(*Tier)]
        if tier is not Tier.INTERRUPTIBLE:
            left.append(capacity - self.committed(Tier.FIRM, Tier.RECALLABLE))
        if tier is Tier.FIRM:
            left.append(self.pool.firm_limit(capacity) - self.committed(Tier.FIRM))
        return max(0, min(left))

    def cuts(self) -> dict[str, dict[Cause, int]]:
        """Who is cut by what: reservations by tier, then those below them."""
        cut = {n: dict.fromkeys(CAUSES, 0) for n in self.held}
        for cause, short in self.short().items():
            amount = short
            for tier in (Tier.INTERRUPTIBLE, Tier.RECALLABLE, Tier.FIRM):
                claims = {
                    n: q - sum(cut[n].values())
                    for n, q in self.held.items()
                    if self.giver[n] is None and self.tier[n] is tier
                }
                taken = min(amount, sum(claims.values()))
                amount -= taken
                for n, share in self.shares(taken, claims).items():
                    cut[n][cause] += share
        for name in [n for n in self.held if self.giver[n] is None]:
            self._down(name, cut)
        return cut

    def _down(self, name: str, cut: dict[str, dict[Cause, int]]) -> None:
        takers = {n: q for n, q in self.held.items() if self.giver[n] == name and q}
        own = self.held[name] - sum(takers.values())
        for cause in CAUSES:
            amount = cut[name][cause]
            kept = min(own, amount)
            own -= kept
            claims = {n: q - sum(cut[n].values()) for n, q in takers.items()}
            for n, share in self.pro_rata(amount - kept, claims).items():
                cut[n][cause] += share
        for taker in takers:
            self._down(taker, cut)

    def shares(self, amount: int, claims: dict[str, int]) -> dict[str, int]:
        if self.pool.info.cut == "pro_rata":
            return self.pro_rata(amount, claims)
        found: dict[str, int] = {}
        places = {n: self.pool.holdings[n].place for n in claims}
        for name in sorted(claims, key=lambda n: (places[n], n), reverse=True):
            found[name] = min(amount, claims[name])
            amount -= found[name]
        return found

    def pro_rata(self, amount: int, claims: dict[str, int]) -> dict[str, int]:
        whole = sum(claims.values())
        if not amount:
            return {}
        exact = {n: Fraction(amount * q, whole * self.lot) for n, q in sorted(claims.items())}
        lots = {n: int(share) for n, share in exact.items()}
        left = amount // self.lot - sum(lots.values())
        for name in sorted(exact, key=lambda n: lots[n] - exact[n])[:left]:
            lots[name] += 1
        return {n: count * self.lot for n, count in lots.items()}
