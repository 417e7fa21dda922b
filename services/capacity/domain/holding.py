"""Who holds what of a pool: a reservation, or a holding that was passed on. Times in epoch seconds."""

import msgspec

from schemas.capacity import ByCause, Fill, LineRecall, Tier
from schemas.kernel.schedule import Schedule, sum_of
from services.capacity.domain.causes import NOTHING, total


class Move(msgspec.Struct, frozen=True):
    """A transfer: from `start` on, between this and `other`; `whole`: with all that was passed on of it."""

    start: int
    other: str
    moved: Schedule
    whole: bool


class Source(msgspec.Struct, frozen=True):
    """Whose reservation or holding is passed on from `start` on."""

    start: int
    name: str


class Back(msgspec.Struct, frozen=True):
    """A recall or return as it was asked for: the same again is known by it."""

    start: int
    until: int | None
    quantity: int | None


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A reservation (no sources) or a holding.

    Attributes:
        place: where it stands in the order of reservations.
        quantity: what is reserved or received now, on the grid.
        asked: what was asked for at first; a repeat of the request is known by it.
        wanted: what is wanted now: `quantity` but for what was not there, and what was recalled.
        hold_until: set while it is only held; `expired` when that ran out.
        sources: for a holding, whose it is a part of, as that follows in time.
        takers: names of holdings that were ever passed on of it.
        notice_hours: the giver's notice for a recall, None = not recallable.
        recall: rights to recall by contract terms, as they follow in time.
        recalled: what was taken back of it; `recalled_above`: of that, what was taken back from its giver.
        back: recalls and returns of it, as they were asked for.
        uncovered: see ReservationAmended.
        since: where a line was requested again, the instant from which on it is wanted.
        came: the transfer by which it came to be; `went`: those by which parts of it went on.
    """

    name: str
    holder: str
    tier: Tier
    place: int
    quantity: Schedule
    asked: Schedule
    wanted: Schedule
    contract: str | None = None
    line: str | None = None
    fill: Fill = Fill.ALL
    hold_until: int | None = None
    held_first: int | None = None
    expired: bool = False
    sources: tuple[Source, ...] = ()
    takers: tuple[str, ...] = ()
    notice_hours: int | None = None
    recall: tuple[LineRecall, ...] = ()
    recalled: Schedule = Schedule.EMPTY
    recalled_above: Schedule = Schedule.EMPTY
    back: tuple[Back, ...] = ()
    uncovered: Schedule = Schedule.EMPTY
    cuts: ByCause = NOTHING
    since: int | None = None
    plan: Schedule | None = None
    came: Move | None = None
    went: tuple[Move, ...] = ()

    @property
    def is_reservation(self) -> bool:
        """Whether it is the operator's to give, not a holder's."""
        return not self.sources

    @property
    def cut(self) -> Schedule:
        """All that is cut of it."""
        return total(self.cuts)

    def source_at(self, t: int) -> str | None:
        """Return whose part it is at an instant."""
        found = None
        for source in self.sources:
            if found is None or source.start <= t:
                found = source.name
        return found

    def given_at(self, part: Schedule) -> str | None:
        """Return whose part it is where `part` begins: all that its holder may know of what lies above."""
        return self.source_at(part.raw[0][0]) if part.raw else self.source_at(0)

    def given_by(self, name: str) -> Schedule:
        """Return what it has of one reservation or holding."""
        parts: list[Schedule] = []
        for index, source in enumerate(self.sources):
            if source.name == name:
                later = self.sources[index + 1 :]
                parts.append(
                    self.quantity.clip(source.start if index else None, later[0].start if later else None)
                )
        return parts[0] if len(parts) == 1 else sum_of(parts)
