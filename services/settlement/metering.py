"""What was metered for a contract's lines at a cut, as sums that no rule parts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infra.event_store import Cut
from infra.past import Past
from infra.sums import Latest, Spans, Summing
from services.settlement.domain.rating.usage_spread import Report
from services.settlement.facts import MeterUse
from services.settlement.projections import USAGE_FACTS

LATEST = Latest(key=("report", "through", "part"), revises="revises")
"""Of each report, and each way it came through, what is known last counts."""


class Metering:
    """The metered use of one contract, with the shards that it came from."""

    def __init__(self, past: Past) -> None:
        """Nothing was read yet."""
        self._past = past
        self.shards: set[tuple[str, int]] = set()

    async def reports(self, meters: Iterable[MeterUse], cuts: Iterable[int]) -> list[Report]:
        """What some meters say between the first and the last cut: a sum between two neighbouring cuts.

        A report that crosses a cut stands alone, whole.
        """
        bounds = tuple(sorted(cuts))
        if len(bounds) < 2:  # noqa: PLR2004 there is no time between them
            return []
        found: list[Report] = []
        for use in meters:
            summing = Summing(
                where={"reservation": use.meter},
                by=("meter", "passed_on"),
                total="quantity",
                latest=LATEST,
                spans=Spans(start="starts", end="ends", bounds=bounds),
            )
            sums = await self._past.totals(USAGE_FACTS, summing)
            self.shards.update((row["log"], row["shard"]) for row in sums)
            found += [_report(row, use) for row in sums]
        return found

    async def changed_from(self, then: Sequence[MeterUse], now: Sequence[MeterUse], since: Cut) -> int | None:
        """The first second from which on what a line's meters say differs from what they said at a cut.

        None where nothing does. `then` and `now`: the meters that counted at the cut, and that count now.
        """
        before = {use.meter: use for use in then}
        after = {use.meter: use for use in now}
        found: list[int | None] = []
        for meter in {**before, **after}:
            a, b = before.get(meter), after.get(meter)
            if a is not None and b is not None and a.since == b.since:
                found.append(await self._first(meter, since))
                found += _earlier(a.until, b.until)
            else:
                found.append(await self._first(meter, Cut({})))
        return min((second for second in found if second is not None), default=None)

    async def _first(self, meter: str, since: Cut) -> int | None:
        return await self._past.touched_from(USAGE_FACTS, {"reservation": meter}, "starts", LATEST, since)


def _earlier(a: int | None, b: int | None) -> list[int | None]:
    """Where two bounds differ, from the earlier one on things are different."""
    return [] if a == b else [min(bound for bound in (a, b) if bound is not None)]


def _report(row: Mapping[str, Any], use: MeterUse) -> Report:
    return Report(
        row["start"], row["end"], row["total"], row["meter"], use.since, use.until, bool(row["passed_on"])
    )
