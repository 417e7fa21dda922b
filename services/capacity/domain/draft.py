"""A decision in the making: events so far, and the pool as it is after them."""

from schemas.capacity import CapacityPassedOn, HoldExpired, ReservationReleased
from schemas.decision import Emitted
from schemas.kernel.instants import instant
from schemas.kernel.names import local
from schemas.kernel.schedule import Schedule
from schemas.message import Event
from services.capacity.domain.below import lowered
from services.capacity.domain.evolve import evolve
from services.capacity.domain.holding import Holding
from services.capacity.domain.pool import Pool


class Draft:
    """What a decision on one pool brings about. The pool that it is given stays as it is.

    `at`: our clock at the decision, in whole seconds.
    """

    def __init__(self, pool: Pool, at: int) -> None:
        """Begin; holds that have run out are written off in front of everything else."""
        self.before, self.at = pool, at
        self.emitted: list[Emitted] = []
        self.stream = f"pool-{local(pool.name)}"
        self._fork: Pool | None = None
        self._told = 0
        for name in sorted(name for name, until in pool.holds.items() if until <= at):
            self.add(HoldExpired(pool=pool.name, reservation=name), pool.holdings[name].holder)
            start = pool.holdings[name].quantity.raw
            self.release_below(name, Schedule.EMPTY, start[0][0] if start else at)
        self.written_off = len(self.emitted)

    @property
    def after(self) -> Pool:
        """The pool after the events so far."""
        if self._told < len(self.emitted):
            if self._fork is None:
                _ = self.before.book  # made once, where it is kept
                self._fork = self.before.fork()
            for emitted in self.emitted[self._told :]:
                evolve(self._fork, emitted.event)
            self._told = len(self.emitted)
        return self.before if self._fork is None else self._fork

    def add(self, event: Event, counterparty: str | None = None) -> None:
        """Add an event. `counterparty`: the holder concerned; nobody where that is the operator itself."""
        other = None if counterparty == self.before.operator else counterparty
        self.emitted.append(Emitted(stream=self.stream, event=event, counterparty=other))

    def release_below(self, name: str, quantity: Schedule, start: int) -> None:
        """End what was passed on of `name` where `quantity`, its own from `start` on, does not hold it."""
        for taker, left in list(lowered(self.after, name, quantity)):
            below = self.after.holdings[taker]
            event = ReservationReleased(
                pool=self.before.name,
                reservation=taker,
                start=instant(start),
                quantity=left,
                came_from=below.given_at(below.quantity.minus(left)),
            )
            self.add(event, below.holder)
            self.tell_givers(below)

    def tell_givers(self, was: Holding) -> None:
        """Tell the givers of a holding what is passed on to it now, where that is not what it `was`."""
        is_ = self.after.holdings[was.name]
        for source in is_.sources:
            now = is_.given_by(source.name)
            if now == was.given_by(source.name):
                continue
            event = CapacityPassedOn(
                pool=self.before.name,
                reservation=source.name,
                holding=was.name,
                to=was.holder,
                quantity=now,
            )
            self.add(event, self.after.holdings[source.name].holder)

    @property
    def is_quiet(self) -> bool:
        """Whether all there is are reservations that fit: from which nothing follows."""
        return not self.written_off

    @property
    def outcome(self) -> list[Emitted]:
        """The events, none where the command itself brought nothing about."""
        return self.emitted if len(self.emitted) > self.written_off else []
