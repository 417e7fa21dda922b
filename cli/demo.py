"""`capledger demo`: the stack, the Colossus deals played live, and what they mean."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from cli import boards
from cli.connection import Connection
from cli.operations import Where
from cli.playing import player
from cli.stack import STATE, Dir, up
from cli.verify import line_of, summed, verdicts_of
from infra.client import ClientError
from infra.local.status import StatusFile
from infra.scenario.live import LivePlayer
from infra.scenario.model import Loaded, Step, load
from infra.scenario.play import Played, Player, Refusal, play
from schemas.catalog import LOGS

STORY = Path(__file__).resolve().parent.parent / "scenarios" / "deals" / "colossus.yaml"
POOLS = ("colossus-1", "colossus-2-gb200", "colossus-2-gb300")


class DemoFailedError(ClientError):
    """The story did not come out as it says: the message names the step and the difference."""


class Asking:
    """Asks a player in the words of the boards."""

    def __init__(self, ledger: Player) -> None:
        """Take the player."""
        self._ledger = ledger

    async def __call__(self, name: str, what: Mapping[str, Any], step: Step | None = None) -> Any:  # noqa: ANN401 JSON
        """Return an answer; `step` may say as whom it is asked, and as of when.

        Raises:
            DemoFailedError: the question was refused.
        """
        asked = msgspec.structs.replace(step or Step(as_="spacex"), ask=name, with_=what)
        answer = await self._ledger.ask(asked)
        if isinstance(answer, Refusal):
            raise DemoFailedError(f"{name} was refused: {answer.code}")
        return answer


def demo(*, directory: Dir = STATE) -> int:
    """Bring up the stack, play the Colossus deals, show what they mean, and prove the ledger.

    Args:
        directory: The state folder of the stack; one that runs there already is used and left running.
    """
    out = Console(highlight=False)
    if StatusFile(directory).read() is None:
        out.print(Text("PostgreSQL, Kafka and the services", "bold"))
        up(directory=directory, detach=True)
    loaded = load(STORY)

    async def told() -> None:
        async with player(loaded.scenario.clock, Connection(directory=directory)) as ledger:
            await tell(ledger, out, loaded)
            assert isinstance(ledger, LivePlayer), "it plays on a running stack"
            await prove(Where(ledger=ledger.ledger, directory=directory), out)

    asyncio.run(told())
    out.print("The stack goes on: ./capledger status, ./capledger contracts --help, ./capledger down")
    return 0


async def tell(ledger: Player, out: Console, loaded: Loaded) -> None:
    """Play the deals with a line for each step, then show what they mean.

    Raises:
        DemoFailedError: a step did not come out as expected.
    """
    started, clock = time.monotonic(), loaded.scenario.clock
    out.print(Text(loaded.scenario.scenario, "bold"))
    async for played in play(loaded, ledger):
        clock = played.step.at or clock
        out.print(_line(played, clock, time.monotonic() - started))
        if played.wrong:
            raise DemoFailedError(f"step {played.index + 1}: {played.wrong[0]}")
    await show(ledger, out)


async def prove(where: Where, out: Console) -> None:
    """Prove every shard of the ledger that was played on, and say what was looked at.

    Raises:
        DemoFailedError: something is broken.
    """
    out.print(Text("Every event proved: place, time, chain, what is kept beside it, topics", "bold"))
    verdicts = await verdicts_of(tuple(LOGS), {}, where, topics=True)
    for verdict in verdicts:
        if verdict.first_break is not None:
            raise DemoFailedError(str(verdict.first_break))
        if verdict.position:
            out.print(f"[green]whole[/]   {line_of(verdict)}")
    out.print(f"{summed(verdicts)}: capledger verify, on any ledger, at any time")


async def show(ledger: Player, out: Console) -> None:
    """Ask what people ask after such deals, and draw the answers."""
    asking = Asking(ledger)
    await _holdings(asking, out)
    await _capacity(asking, out)
    await _money(asking, out)
    await _knowledge(asking, out)


async def _holdings(ask: Asking, out: Console) -> None:
    what = {"tenant": "spacex", "step": "month", "from": "2026-07-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
    out.print(boards.by_month(await ask("contracts.commitments", what)))


async def _capacity(ask: Asking, out: Console) -> None:
    for pool in POOLS:
        out.print(boards.phases(pool, await ask("capacity.pool", {"pool": pool})))
    what = {"pool": POOLS[-1], "from": "2026-07-01T00:00:00Z", "to": "2027-10-01T00:00:00Z"}
    answer = await ask("capacity.timeline", what)
    out.print(boards.timeline(POOLS[-1], answer, boards.months(datetime(2026, 7, 1, tzinfo=UTC), 14)))


async def _money(ask: Asking, out: Console) -> None:
    name, google = "spacex/google-2026-11", Step(as_="google")
    out.print(boards.statement(await ask("settlement.statement", {"statement": name}, google)))
    out.print(boards.explanation(await ask("settlement.explain", {"statement": name, "line": 2}, google)))
    at_start = Step(as_="spacex", valid_at=datetime(2026, 10, 1, tzinfo=UTC))
    whole = await ask("contracts.exposure", {"tenant": "spacex", "seen_by": "supplier"}, at_start)
    out.print(boards.exposures(whole))


async def _knowledge(ask: Asking, out: Console) -> None:
    what = {"contract": "anthropic", "seen_by": "supplier"}
    valid_at = datetime(2026, 5, 6, tzinfo=UTC)
    then, now = [
        await ask("contracts.exposure", what, Step(as_="spacex", valid_at=valid_at, known_at=mark))
        for mark in ("known-in-may", "known-in-december")
    ]
    out.print(boards.known_then_and_now(then, now))


def _line(played: Played, clock: datetime, seconds: float) -> Text:
    step = played.step
    what = step.do or step.ask or (f"mark {step.mark}" if step.mark else "invariants")
    subject = next(
        (str(step.with_[key]) for key in ("contract", "pool", "tenant", "statement") if key in step.with_), ""
    )
    sign = ("✗", "red") if played.wrong else ("✓", "green")
    return Text.assemble(
        (f"{seconds:6.1f} s  ", "dim"), sign, f"  {clock:%Y-%m-%d}  {step.as_ or '':<10} {what:<26} {subject}"
    )
