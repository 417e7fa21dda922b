"""`capledger run` and `capledger check`: play scenario files, and compare with what they expect."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from cli.connection import Connection
from cli.playing import player
from infra.client import ClientError
from infra.scenario.model import Loaded, load
from infra.scenario.play import Played, play
from infra.scenario.source import ScenarioError
from infra.system import NotAtRestError

FAILED, UNREADABLE = 1, 2
_HERE = Connection()

Live = Annotated[bool, Parameter(negative="", help="Play on a sandbox ledger of the running stack.")]


def check(*files: Path, live: Live = False, connection: Connection = _HERE) -> int:
    """Play scenario files and compare with what they expect.

    Exits with 0 if everything came as expected, 1 if not, 2 if a file cannot be read.

    Args:
        files: Scenario files, YAML or JSON.
        live: Play on a sandbox ledger of the running stack; otherwise in memory.
        connection: How to reach the services.
    """
    if not files:
        raise ScenarioError("name at least one scenario file")
    out, results = Console(highlight=False, soft_wrap=True, emoji=False), list[int]()
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("playing", total=len(files))
        for path in files:
            results.append(_checked(path, out, connection if live else None))
            progress.advance(task)
    out.print(f"{results.count(0)} of {len(results)} scenarios came as expected")
    return max(results)


def run(
    file: Path,
    *,
    json: Annotated[bool, Parameter(negative="", help="Print JSON for programs.")] = False,
    live: Live = False,
    connection: Connection = _HERE,
) -> int:
    """Play a scenario file and print its answers.

    Args:
        file: A scenario file, YAML or JSON.
        json: Print JSON for programs, one line an answer.
        live: Play on a sandbox ledger of the running stack; otherwise in memory.
        connection: How to reach the services.
    """
    out = Console(highlight=False, soft_wrap=True, emoji=False)

    async def printed() -> int:
        worst = 0
        async for played in _played(load(file), connection if live else None):
            worst = max(worst, FAILED if played.wrong else 0)
            _print(out, played, json=json)
        return worst

    return asyncio.run(printed())


def _checked(path: Path, out: Console, connection: Connection | None) -> int:
    try:
        wrong = asyncio.run(_wrong(load(path), connection))
    except ScenarioError as error:
        out.print("[red]unreadable[/]", escape(str(error)))
        return UNREADABLE
    except (NotAtRestError, ClientError) as error:
        out.print("[red]stuck[/]", escape(f"{path}: {error}"))
        return FAILED
    if not wrong:
        out.print("[green]as expected[/]", escape(str(path)))
        return 0
    out.print(f"[red]not as expected[/] {escape(str(path))}", *map(escape, wrong), sep="\n")
    return FAILED


async def _wrong(loaded: Loaded, connection: Connection | None) -> list[str]:
    found: list[str] = []
    async for played in _played(loaded, connection):
        what = played.step.do or played.step.ask or "invariants"
        found += [f"  step {played.index + 1} ({what}): {wrong}" for wrong in played.wrong]
    return found


async def _played(loaded: Loaded, connection: Connection | None) -> AsyncIterator[Played]:
    async with player(loaded.scenario.clock, connection) as ledger:
        async for played in play(loaded, ledger):
            yield played


def _print(out: Console, played: Played, *, json: bool) -> None:
    step = played.step
    if step.ask is not None and played.answer is not None:
        if json:
            line = {"step": played.index + 1, "ask": step.ask, "answer": played.answer}
            out.print(msgspec.json.encode(line).decode(), markup=False)
        else:
            text = msgspec.json.format(msgspec.json.encode(played.answer)).decode()
            out.print(f"[bold]{step.ask}[/]")
            out.print(text, markup=False)
    for wrong in played.wrong:
        out.print(f"step {played.index + 1}: {wrong}", style="red", markup=False)
