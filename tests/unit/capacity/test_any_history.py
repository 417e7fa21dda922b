"""Random histories of a pool: never an error, a repeat brings nothing, all is as a naive model has it."""

import random
from collections.abc import Callable

import pytest

from schemas.capacity import (
    AmendReservation,
    CancelPhase,
    ConfirmHold,
    DeclareOutage,
    EndOutage,
    Fill,
    ForecastPhase,
    PassOnCapacity,
    PlanPhase,
    PlanUse,
    RecallCapacity,
    ReleaseReservation,
    ReserveCapacity,
    ReserveTogether,
    ReturnCapacity,
    Tier,
    TransferReservation,
)
from schemas.capacity import Part as GangPart
from schemas.decision import Refused
from schemas.kernel.instants import seconds
from schemas.kernel.schedule import Schedule
from schemas.message import Command
from services.capacity.domain.holding import Holding
from tests.unit.capacity.hall import Hall, gpus, hall_with, hour
from tests.unit.capacity.naive import CAUSES, Hour

HOURS = 60
TENANTS = ("ant", "bee", "cat")


class Chance:
    """Random commands on what there is in a hall."""

    def __init__(self, hall: Hall, seed: int, lot: int) -> None:
        self.hall, self.random, self.lot, self.number = hall, random.Random(seed), lot, 0

    def command(self) -> tuple[Command, str]:
        self.number += 1
        makers: list[Callable[[], tuple[Command, str] | None]] = [
            *[self.reserve] * 4,
            self.together,
            self.amend,
            self.release,
            self.outage,
            self.end_outage,
            *[self.pass_on] * 3,
            self.recall,
            self.give_back,
            self.transfer,
            self.phase,
            self.forecast,
            self.cancel,
            self.confirm,
            self.plan,
        ]
        while (made := self.random.choice(makers)()) is None:
            pass
        return made

    def shape(self, least: int = 0) -> Schedule:
        start = self.random.randrange(max(least, 0), HOURS)
        steps: list[tuple[float, float | None, int]] = []
        for _ in range(self.random.choice((1, 1, 2, 3))):
            end = start + self.random.randrange(1, 20)
            steps.append((start, end, self.lot * self.random.randrange(1, 8)))
            start = end + self.random.choice((0, 0, 3))
        if self.random.random() < 0.1:
            begin, _, quantity = steps[-1]
            steps[-1] = (begin, None, quantity)
        return gpus(*steps)

    def held(self, *, reservation: bool) -> Holding | None:
        found = [h for h in self.hall.pool().holdings.values() if h.is_reservation == reservation]
        return self.random.choice(found) if found else None

    def reserve(self) -> tuple[Command, str]:
        until = hour(self.clock() + self.random.randrange(1, 4)) if self.random.random() < 0.2 else None
        command = ReserveCapacity(
            pool="p",
            reservation=f"r-{self.number}",
            holder=self.random.choice(TENANTS),
            tier=self.random.choice(list(Tier)),
            quantity=self.shape(),
            fill=self.random.choice((Fill.ALL, Fill.ALL, Fill.AS_AVAILABLE)),
            hold_until=until,
        )
        return command, "op"

    def together(self) -> tuple[Command, str]:
        parts = tuple(
            GangPart(
                pool="p",
                reservation=f"g-{self.number}-{n}",
                holder=self.random.choice(TENANTS),
                tier=self.random.choice(list(Tier)),
                quantity=self.shape(),
            )
            for n in range(2)
        )
        return ReserveTogether(parts=parts), "op"

    def amend(self) -> tuple[Command, str] | None:
        held = self.held(reservation=True)
        if held is None:
            return None
        return AmendReservation(pool="p", reservation=held.name, quantity=self.shape()), "op"

    def release(self) -> tuple[Command, str] | None:
        held = self.held(reservation=True)
        if held is None:
            return None
        start = hour(self.random.randrange(HOURS))
        return ReleaseReservation(pool="p", reservation=held.name, start=start), "op"

    def outage(self) -> tuple[Command, str]:
        start = self.random.randrange(HOURS)
        end = None if self.random.random() < 0.1 else hour(start + self.random.randrange(1, 20) + 0.5)
        command = DeclareOutage(
            pool="p",
            outage=f"o-{self.number}",
            quantity=self.random.randrange(1, 60),
            start=hour(start + 0.25),
            end=end,
            planned=self.random.random() < 0.4,
        )
        return command, "op"

    def end_outage(self) -> tuple[Command, str] | None:
        if not self.hall.pool().outages:
            return None
        name = self.random.choice(list(self.hall.pool().outages))
        return EndOutage(pool="p", outage=name, ended_at=hour(self.random.randrange(HOURS))), "op"

    def pass_on(self) -> tuple[Command, str] | None:
        held = self.held(reservation=self.random.random() < 0.6)
        if held is None or held.quantity.is_empty:
            return None
        start, end, quantity = self.random.choice(held.quantity.raw)
        part = Schedule.constant(start, end, max(1, quantity // self.lot // 2) * self.lot)
        command = PassOnCapacity(
            pool="op/p",
            reservation=held.name,
            holding=f"h-{self.number}",
            to=self.random.choice(TENANTS),
            quantity=part,
            recall_notice_hours=self.random.choice((None, 0, 2)),
        )
        return command, held.holder

    def recall(self) -> tuple[Command, str] | None:
        held = self.held(reservation=False)
        if held is None:
            return None
        giver = self.hall.pool().holdings[held.sources[-1].name].holder
        start = self.random.randrange(self.clock(), HOURS + 1)
        command = RecallCapacity(
            pool="op/p",
            holding=held.name,
            start=hour(start),
            until=self.random.choice((None, hour(start + 5))),
            quantity=self.random.choice((None, self.lot, 3 * self.lot)),
        )
        return command, giver

    def give_back(self) -> tuple[Command, str] | None:
        held = self.held(reservation=False)
        if held is None:
            return None
        quantity = self.random.choice((None, self.lot))
        start = hour(self.random.randrange(HOURS))
        return ReturnCapacity(pool="op/p", holding=held.name, start=start, quantity=quantity), held.holder

    def transfer(self) -> tuple[Command, str] | None:
        held = self.held(reservation=True)
        if held is None:
            return None
        command = TransferReservation(
            pool="p",
            reservation=held.name,
            to=self.random.choice(TENANTS),
            new_reservation=f"t-{self.number}",
            quantity=self.random.choice((None, held.quantity.min(gpus((self.clock(), None, self.lot))))),
        )
        return command, "op"

    def phase(self) -> tuple[Command, str]:
        planned = hour(self.random.randrange(self.clock() + 1, HOURS + 5))
        quantity = self.lot * self.random.randrange(1, 6)
        name = f"f-{self.number}"
        return PlanPhase(pool="p", phase=name, quantity=quantity, megawatts="1", planned_at=planned), "op"

    def forecast(self) -> tuple[Command, str]:
        name = self.random.choice(list(self.hall.pool().phases))
        at = hour(self.random.randrange(self.clock() + 1, HOURS + 5))
        return ForecastPhase(pool="p", phase=name, forecast_at=at), "op"

    def cancel(self) -> tuple[Command, str]:
        return CancelPhase(pool="p", phase=self.random.choice(list(self.hall.pool().phases))), "op"

    def confirm(self) -> tuple[Command, str] | None:
        held = self.held(reservation=True)
        return None if held is None else (ConfirmHold(pool="p", reservation=held.name), "op")

    def plan(self) -> tuple[Command, str] | None:
        held = self.held(reservation=self.random.random() < 0.5)
        if held is None:
            return None
        return PlanUse(pool="op/p", reservation=held.name, quantity=self.shape()), held.holder

    def clock(self) -> int:
        return (seconds(self.hall.now) - seconds(hour(0))) // 3600


@pytest.mark.parametrize("seed", range(24))
def test_a_random_history_is_as_a_naive_model_has_it(seed: int) -> None:
    lot = (1, 4)[seed % 2]
    hall = hall_with(
        lot * 20,
        lot=lot,
        spare=lot * (seed % 3),
        overbook_percent=("0", "10")[seed // 2 % 2],
        sell=("accepted", "planned", "forecast")[seed % 3],
        cut=("pro_rata", "first_come")[seed // 4 % 2],
    )
    chance = Chance(hall, seed, lot)
    for step in range(60):
        command, actor = chance.command()
        outcome = hall.do(command, actor)
        if not isinstance(outcome, Refused):
            assert hall.decide(command, actor) == [], command
        hall.sound()
        if step % 10 == 9:
            agrees(hall)
            hall.now = hour(chance.clock() + 1)


def agrees(hall: Hall) -> None:
    pool = hall.pool()
    for number in range(HOURS + 40):
        model = Hour(pool, number)
        for name, cut in model.cuts().items():
            held = pool.holdings[name]
            told = {cause: getattr(held.cuts, cause.value).at(model.at) for cause in CAUSES}
            assert told == cut, (number, name)
        for tier in Tier:
            (step,) = pool.book.free(tier, model.at, model.at + 3600)
            assert step.free == model.free(tier), (number, tier)
