"""Decisions on metered usage, in the log `usage`: reports, corrections, what passes through givers' meters.

A report is known by (source, id), for ever; reports add up. What a taker uses passes through the meter of
each giver above it, to the holder of the interval: where a giver changes within it, spread evenly by the
second.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import msgspec

from schemas.capacity import (
    CorrectUsage,
    Rejection,
    ReportUsage,
    UsageCorrected,
    UsagePassedThrough,
    UsageReported,
)
from schemas.decision import Emitted, Order, Outcome, Refused
from schemas.kernel.instants import instant, seconds
from schemas.kernel.interval import Interval
from schemas.kernel.names import local
from schemas.kernel.rounding import round_half_up
from schemas.message import Event
from services.capacity.domain.access import named, not_the_operator
from services.capacity.domain.holding import Holding
from services.capacity.domain.pool import Pool

States = Mapping[str, Any]


class Meter(msgspec.Struct):
    """A meter's state: nothing but how often it was read."""

    readings: int = 0


class Through(msgspec.Struct, frozen=True):
    """A part of a report that passes through one giver's meter, by way of `of`, a holding that it gave."""

    meter: str
    giver: str
    of: str
    start: int
    end: int
    part: int = 0

    @property
    def key(self) -> tuple[str, str, int]:
        """What it replaces when it is told again."""
        return self.meter, self.of, self.part


class Metered(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision on usage has to know of the pool.

    Attributes:
        refused: what speaks against it, before the report itself is looked at.
        pool: the pool.
        reservation: what is metered, by its name in the book.
        holder: who holds it at the interval's start.
        through: the givers' meters above.
        report: for a correction, the root report that it corrects; None if there is none on this meter.
        before: for a correction, what of the report passed through which meters before.
    """

    refused: Refused | None = None
    pool: str = ""
    reservation: str = ""
    holder: str = ""
    through: tuple[Through, ...] = ()
    report: str | None = None
    before: tuple[Through, ...] = ()


def initial() -> Meter:
    """Return the state of a meter that was never read."""
    return Meter()


def evolve(meter: Meter, _: Event) -> Meter:
    """Return the meter after one more reading."""
    meter.readings += 1
    return meter


def meter_stream(pool: str, reservation: str) -> str:
    """Return the stream of a meter."""
    return f"meter-{local(pool)}/{reservation}"


def metered(pool: Pool, order: Order[ReportUsage] | Order[CorrectUsage]) -> Metered:
    """Return what a decision on usage has to know, from the pool as it is known now."""
    refused = not_the_operator(pool, order)
    if refused is not None:
        return Metered(refused=refused)
    command = order.command
    found = named(pool, order.actor, command.reservation)
    if found is None:
        return Metered(refused=Refused(Rejection.RESERVATION_UNKNOWN))
    start, end = seconds(command.interval.start), seconds(command.interval.end)
    return Metered(
        pool=pool.name,
        reservation=found.name,
        holder=holder_at(pool, found, start),
        through=_numbered(_above(pool, found, start, end)),
    )


def holder_at(pool: Pool, holding: Holding, t: int) -> str:
    """Return whose usage it is at an instant: after a whole transfer, the new holder's."""
    for went in holding.went:
        if went.whole and went.start <= t:
            return holder_at(pool, pool.holdings[went.other], t)
    return holding.holder


def _above(pool: Pool, holding: Holding, start: int, end: int) -> Iterator[Through]:
    """Yield the parts of [start, end) that pass through the meters of givers, near ones first."""
    for index, source in enumerate(holding.sources):
        later = holding.sources[index + 1 :]
        begin = max(start, source.start) if index else start
        until = min(end, later[0].start) if later else end
        if begin < until:
            giver = pool.holdings[source.name]
            yield Through(giver.name, holder_at(pool, giver, begin), holding.name, begin, until)
            yield from _above(pool, giver, begin, until)


def _numbered(parts: Iterator[Through]) -> tuple[Through, ...]:
    """Return parts with their numbers, counted on each meter and for each holding below it."""
    counted: Counter[tuple[str, str]] = Counter()
    numbered: list[Through] = []
    for part in parts:
        numbered.append(msgspec.structs.replace(part, part=counted[part.meter, part.of]))
        counted[part.meter, part.of] += 1
    return tuple(numbered)


def passed_before(events: Iterable[Event]) -> tuple[Through, ...]:
    """Return what earlier events of a report say that passed through."""
    return tuple(
        Through(
            event.reservation,
            event.holder,
            event.of,
            seconds(event.interval.start),
            seconds(event.interval.end),
            event.part,
        )
        for event in events
        if isinstance(event, UsagePassedThrough)
    )


def meters(facts: Metered) -> tuple[str, ...]:
    """Return the streams that a decision extends."""
    names = [facts.reservation, *(part.meter for part in (*facts.through, *facts.before))]
    return tuple(dict.fromkeys(meter_stream(facts.pool, name) for name in names if name))


def report_usage(_: States, order: Order[ReportUsage]) -> Outcome:
    """Record what was metered, on the holder's meter and on those of the givers above."""
    facts: Metered = order.facts
    if facts.refused is not None:
        return facts.refused
    command = order.command
    event = UsageReported(
        pool=facts.pool,
        reservation=facts.reservation,
        holder=facts.holder,
        report=order.id,
        interval=command.interval,
        gpu_seconds=command.gpu_seconds,
        peak_gpus=command.peak_gpus,
        meter=command.meter,
        quantity=command.quantity,
    )
    return _with_through(facts, order, event)


def correct_usage(_: States, order: Order[CorrectUsage]) -> Outcome:
    """Record all values of a report anew; the correction of a correction corrects its root."""
    facts: Metered = order.facts
    if facts.refused is not None:
        return facts.refused
    if facts.report is None:
        return Refused(Rejection.USAGE_UNKNOWN)
    command = order.command
    event = UsageCorrected(
        pool=facts.pool,
        reservation=facts.reservation,
        holder=facts.holder,
        report=facts.report,
        interval=command.interval,
        gpu_seconds=command.gpu_seconds,
        peak_gpus=command.peak_gpus,
        meter=command.meter,
        quantity=command.quantity,
    )
    return _with_through(facts, order, event)


def _with_through(facts: Metered, order: Order[Any], event: UsageReported | UsageCorrected) -> Outcome:
    operator = order.book
    found = [_emitted(facts, facts.reservation, event, event.holder, operator)]
    for part in facts.through:
        passed = _passed(event, part, _spread(event, part))
        found.append(_emitted(facts, part.meter, passed, part.giver, operator))
    now = {part.key for part in facts.through}
    for key, part in {part.key: part for part in facts.before}.items():
        if key not in now:  # it does not pass through there any more
            nothing = (0, 0, None) if event.meter == "gpu" else (None, None, 0)
            found.append(_emitted(facts, part.meter, _passed(event, part, nothing), part.giver, operator))
    return found


def _emitted(facts: Metered, meter: str, event: Event, holder: str, operator: str) -> Emitted:
    other = None if holder == operator else holder
    return Emitted(stream=meter_stream(facts.pool, meter), event=event, counterparty=other)


Values = tuple[int | None, int | None, int | None]
"""GPU-seconds, peak, quantity."""


def _spread(event: UsageReported | UsageCorrected, part: Through) -> Values:
    """Return what of a report falls into a part, spread evenly by the second: the parts sum to the whole."""
    start, end = seconds(event.interval.start), seconds(event.interval.end)

    def until(amount: int, t: int) -> int:
        return round_half_up(Fraction(amount * (t - start), end - start))

    def share(amount: int | None) -> int | None:
        return None if amount is None else until(amount, part.end) - until(amount, part.start)

    return share(event.gpu_seconds), event.peak_gpus, share(event.quantity)


def _passed(event: UsageReported | UsageCorrected, part: Through, values: Values) -> UsagePassedThrough:
    return UsagePassedThrough(
        pool=event.pool,
        reservation=part.meter,
        holder=part.giver,
        of=part.of,
        report=event.report,
        interval=Interval(instant(part.start), instant(part.end)),
        gpu_seconds=values[0],
        peak_gpus=values[1],
        meter=event.meter,
        quantity=values[2],
        part=part.part,
    )
