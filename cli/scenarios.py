"""`capledger run` and `capledger check`: play scenario files, and compare with what they expect."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress

from cli.composition import SERVICES
from infra.scenario.memory import MemoryPlayer
from infra.scenario.model import Loaded, load
from infra.scenario.play import Played, play
from infra.scenario.source import ScenarioError
from infra.system import NotAtRestError

FAILED, UNREADABLE = 1, 2


def check(*files: Path) -> int:
    """Play scenario files in memory and compare with what they expect.

    Exits with 0 if everything came as expected, 1 if not, 2 if a file cannot be read.
    """
    if not files:
        raise ScenarioError("name at least one scenario file")
    out, results = Console(highlight=False, soft_wrap=True), []
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("playing", total=len(files))
        for path in files:
            results.append(_checked(path, out))
            progress.advance(task)
    passed = results.count(0)
    out.print(f"{passed} of {len(results)} scenarios came as expected")
    return max(results)


def run(file: Path, *, json: bool = False) -> int:
    """Play a scenario file in memory and print its answers."""
    out = Console(highlight=False, soft_wrap=True)

    async def printed() -> int:
        worst = 0
        async for played in _played(load(file)):
            worst = max(worst, FAILED if played.wrong else 0)
            _print(out, played, json=json)
        return worst

    return asyncio.run(printed())


def _checked(path: Path, out: Console) -> int:
    try:
        loaded = load(path)
        wrong = asyncio.run(_wrong(loaded))
    except (ScenarioError, NotAtRestError) as error:
        out.print(
            f"[red]unreadable[/] {error}"
            if isinstance(error, ScenarioError)
            else f"[red]stuck[/] {path}: {error}"
        )
        return UNREADABLE
    if not wrong:
        out.print(f"[green]as expected[/] {path}")
        return 0
    out.print(f"[red]not as expected[/] {path}", *wrong, sep="\n")
    return FAILED


async def _wrong(loaded: Loaded) -> list[str]:
    found = []
    async for played in _played(loaded):
        what = played.step.do or played.step.ask or "invariants"
        found += [f"  step {played.index + 1} ({what}): {wrong}" for wrong in played.wrong]
    return found


async def _played(loaded: Loaded) -> AsyncIterator[Played]:
    player = await MemoryPlayer.open(SERVICES, loaded.scenario.clock)
    async for played in play(loaded, player):
        yield played


def _print(out: Console, played: Played, *, json: bool) -> None:
    if played.step.ask is not None and played.answer is not None:
        answer = msgspec.json.encode(played.answer)
        if json:
            out.print(
                msgspec.json.encode(
                    {"step": played.index + 1, "ask": played.step.ask, "answer": played.answer}
                ).decode()
            )
        else:
            out.print(f"[bold]{played.step.ask}[/]", msgspec.json.format(answer).decode(), sep="\n")
    for wrong in played.wrong:
        out.print(f"[red]step {played.index + 1}: {wrong}[/]")
