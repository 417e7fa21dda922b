"""What capacity says of a contract's lines and pools, from the fact rows at a cut."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from infra.codec import decode_event
from infra.past import Past
from schemas.kernel.agreement import Agreement
from schemas.kernel.instants import seconds
from schemas.kernel.schedule import Schedule
from schemas.message import Event
from services.settlement.domain.holdings import HeldState, held, holding
from services.settlement.domain.pool import pool, unsold
from services.settlement.domain.rating.facts import Holding
from services.settlement.projections import CAPACITY_FACTS

FactRow = Mapping[str, Any]


class MeterUse(msgspec.Struct, frozen=True, kw_only=True):
    """A meter that counts for a line, within [since, until) in epoch seconds; None = without bound."""

    meter: str
    since: int | None = None
    until: int | None = None


class LineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is held for a line (None where nothing ever was), and the meters that count for it."""

    holding: Holding | None
    meters: tuple[MeterUse, ...]


class CapacityFacts:
    """The fact rows of one contract, with the shards that they came from."""

    def __init__(self, past: Past) -> None:
        """Nothing was read yet."""
        self._past = past
        self.shards: set[tuple[str, int]] = set()

    async def line(self, agreement: Agreement, line: str) -> LineFacts:
        """What is held for a line, and where its use is metered."""
        name = f"{agreement.contract}/{line}"
        state = await self._held(name)
        return LineFacts(
            holding=None if state is None else holding(state),
            meters=await self._meters(agreement, name, state),
        )

    async def unsold(self, name: str) -> Schedule:
        """What of a pool is unsold."""
        rows = await self._rows({"pool": name})
        return unsold(pool(_event(row) for row in rows))

    async def _held(self, reservation: str) -> HeldState | None:
        rows = await self._rows({"reservation": reservation})
        taken = [row for row in rows if row["type"] != "capacity.UsePlanned.v1"]
        return held(_event(row) for row in taken) if taken else None

    async def _meters(self, agreement: Agreement, name: str, state: HeldState | None) -> tuple[MeterUse, ...]:
        """The meters that count for a line; after whole transfers, under all its names.

        Where a reservation went over whole, usage belongs to the holder of its time, under whichever name.
        """
        if state is None:
            return (MeterUse(meter=name),)
        chain: list[str] = [name]
        since = until = None
        if state.before is not None:
            origin = agreement.novated_from
            since = seconds(state.before.at if origin is None else origin.effective_at)
            chain += await self._along(state, "before")
        if state.after is not None:
            taker = state.after.reservation.rpartition("/")[0]
            found = [n.effective_at for n in agreement.novations if n.new_contract == taker]
            until = seconds(found[0] if found else state.after.at)
            chain += await self._along(state, "after")
        return tuple(MeterUse(meter=meter, since=since, until=until) for meter in chain)

    async def _along(self, state: HeldState, side: str) -> list[str]:
        names: list[str] = []
        found: HeldState | None = state
        while found is not None:
            link = found.before if side == "before" else found.after
            if link is None or link.reservation in names:
                break
            names.append(link.reservation)
            found = await self._held(link.reservation)
        return names

    async def _rows(self, where: Mapping[str, Any]) -> Sequence[FactRow]:
        rows = await self._past.rows(CAPACITY_FACTS, where)
        self.shards.update((row["log"], row["shard"]) for row in rows)
        return rows


def _event(row: FactRow) -> Event:
    return decode_event(row["type"], row["payload"])
