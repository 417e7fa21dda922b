"""Random histories of contracts in a pool: law is never refused, all stays sound, a repeat brings nothing."""

import random

import pytest

from schemas.capacity import (
    DeclareOutage,
    EndOutage,
    Fill,
    LineRecall,
    MovedLine,
    RecallCapacity,
    RecallRight,
    ReserveCapacity,
    TakeTerms,
    Tier,
    WantedLine,
)
from schemas.decision import Refused
from schemas.kernel.schedule import Schedule
from tests.unit.capacity.hall import Hall, gpus, hall_with, hour
from tests.unit.capacity.test_any_history import agrees

HOURS = 60
ANT, BEE = "op/main", "ant/sub"
RIGHT = (LineRecall(start=hour(0), until=None, right=RecallRight(notice_hours=0, max_percent="50")),)


class Chance:
    """Random terms of a contract of op with ant, and of a sublease of ant's with bee."""

    def __init__(self, hall: Hall, seed: int) -> None:
        self.hall, self.random = hall, random.Random(seed)
        self.version = {ANT: 0, BEE: 0}
        self.names = {ANT: [ANT], BEE: [BEE]}

    def shape(self) -> Schedule:
        start = self.random.randrange(HOURS) + self.random.choice((0, 0, 0.5))
        middle = start + self.random.randrange(1, 20)
        end = self.random.choice((None, middle + self.random.randrange(1, 20) + 0.25))
        return gpus(
            (start, middle, self.random.randrange(1, 60)), (middle, end, self.random.randrange(1, 60))
        )

    def line(self, *, sublease: bool, asked: bool) -> WantedLine:
        return WantedLine(
            line="gpus",
            holder="bee" if sublease else "ant",
            tier=self.random.choice(list(Tier)),
            quantity=self.shape() if self.random.random() < 0.8 else Schedule.EMPTY,
            fill=self.random.choice((Fill.ALL, Fill.AS_AVAILABLE)),
            asked=asked,
            pool="op/p",
            source=f"{ANT}/gpus" if sublease else None,
            recall=self.random.choice(((), RIGHT)),
        )

    def terms(self) -> TakeTerms:
        contract = self.random.choice((ANT, BEE))
        self.version[contract] += 1
        version = self.version[contract]
        moved: tuple[MovedLine, ...] = ()
        if self.random.random() < 0.15:
            share = self.random.choice((None, self.shape()))
            new = f"{contract}-{version}"
            moved = (MovedLine(line="gpus", to="cat", contract=new, quantity=share),)
        return TakeTerms(
            contract=contract,
            book="op",
            terms_version=version,
            at=hour(self.random.randrange(HOURS) + self.random.choice((0, 0.5))),
            lines=(self.line(sublease=contract == BEE, asked=version == 1 or self.random.random() < 0.2),),
            moved=moved,
        )

    def other(self) -> None:
        number = len(self.hall.emitted)
        start = self.random.randrange(HOURS)
        self.hall.do(
            self.random.choice(
                (
                    ReserveCapacity(
                        pool="p",
                        reservation=f"r-{number}",
                        holder="dog",
                        tier=self.random.choice(list(Tier)),
                        quantity=gpus((start, start + 9, self.random.randrange(1, 40))),
                    ),
                    DeclareOutage(
                        pool="p",
                        outage=f"o-{number}",
                        quantity=self.random.randrange(1, 50),
                        start=hour(start),
                        end=hour(start + self.random.randrange(1, 30)),
                    ),
                    EndOutage(pool="p", outage="o-4", ended_at=hour(start)),
                    RecallCapacity(
                        pool="p",
                        reservation=f"{ANT}/gpus",
                        start=hour(max(start, self.number())),
                        until=hour(HOURS + 9),
                        quantity=self.random.randrange(1, 9),
                    ),
                )
            )
        )

    def number(self) -> int:
        return (self.hall.now - hour(0)).days * 24 + (self.hall.now - hour(0)).seconds // 3600


@pytest.mark.parametrize("seed", range(16))
def test_a_random_history_of_contracts_leaves_the_pool_sound(seed: int) -> None:
    hall = hall_with(
        100, rotation_hours=(None, None, None, 3)[seed % 4], overbook_percent=("0", "10")[seed % 2]
    )
    chance = Chance(hall, seed)
    for step in range(50):
        if chance.random.random() < 0.35:
            chance.other()
            hall.sound()
            continue
        terms = chance.terms()
        outcome = hall.do(terms, "~reaction/capacity.contracts")
        assert not isinstance(outcome, Refused)
        assert outcome
        assert hall.decide(terms, "~reaction/capacity.contracts") == []
        hall.sound()
        if step % 10 == 9:
            hall.now = hour(chance.number() + 1)
    for contract in (ANT, BEE):
        assert hall.states[f"request-{contract}"].version == chance.version[contract]
    if not any(not each.uncovered.is_empty for each in hall.pool().holdings.values()) and seed % 4 != 3:
        agrees(hall)
