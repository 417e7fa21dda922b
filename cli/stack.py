"""`capledger up | down | status | doctor`: the whole stack on this machine."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from cli.detach import run_detached
from cli.progress import PartLines
from infra.local.doctor import Verdict, examine
from infra.local.errors import LocalStackError, NotRunningError
from infra.local.parts import PartState
from infra.local.polling import Deadline
from infra.local.stack import FolderLock
from infra.local.status import StatusFile
from infra.local.supervisor import Plan, Supervisor, servers_only

STATE = Path(__file__).resolve().parent.parent / ".stack"
DOWN_SECONDS_MAX = 60.0
STYLES = {
    PartState.READY: "green",
    PartState.FAILED: "bold red",
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.PROBLEM: "bold red",
}

Dir = Annotated[Path, Parameter(name="--dir", help="The folder that holds all state of the stack.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON for programs.")]


def register(app: App) -> None:
    """Adds the commands of this group."""
    for command in (up, down, status, doctor):
        app.command(command)
    app.command("cli.prepare:prepare", name="prepare")  # imported when it is run


def up(
    *,
    directory: Dir = STATE,
    detach: Annotated[bool, Parameter(negative="")] = False,
    servers: Annotated[bool, Parameter(name="--servers-only", negative="")] = False,
    new_ports: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Starts PostgreSQL, Kafka and the services, and keeps them up until Ctrl-C.

    Args:
        directory: The state folder.
        detach: Return once everything is ready, and leave it running.
        servers: Only PostgreSQL and Kafka, for those who run the services themselves.
        new_ports: Choose new ports (needed when another program took the old ones).
    """
    if new_ports:
        if FolderLock(directory).is_held():
            raise LocalStackError("the stack runs: ports can be changed after capledger down")
        (directory / "ports.json").unlink(missing_ok=True)
    plan = servers_only if servers else _all_services()
    if detach:
        return run_detached(directory, plan)
    with PartLines() as lines:
        supervisor = Supervisor(directory, plan, lines.show, lambda: lines.note("ready; Ctrl-C ends it"))
        asyncio.run(supervisor.run())
    return 0


def _all_services() -> Plan:
    from cli.composition import SERVICES  # noqa: PLC0415 - all services, which few commands need
    from infra.local.services import with_services  # noqa: PLC0415

    return with_services(SERVICES)


def down(
    *,
    directory: Dir = STATE,
    wipe: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Stops the stack.

    Args:
        directory: The state folder.
        wipe: Also remove all state: every ledger in it is gone. Asks first.
        yes: Do not ask.
    """
    running = StatusFile(directory).read()
    if running is None and not wipe:
        raise NotRunningError(f"no stack runs in {directory}")
    if wipe and not yes and not _agreed(directory):
        return 1
    if running is not None:
        os.kill(running.pid, signal.SIGTERM)
        asyncio.run(_released(directory))
    if wipe:
        _wipe(directory)
    Console(stderr=True).print("stopped" + (f", {directory} removed" if wipe else ""))
    return 0


def status(*, directory: Dir = STATE, as_json: Json = False) -> int:
    """Shows what runs and where it listens; exit code 1 when not everything is ready."""
    running = StatusFile(directory).read()
    if as_json:
        print(json.dumps(msgspec.to_builtins(running)))
    elif running is None:
        Console().print(f"no stack runs in {directory}; start it: capledger up")
    else:
        rows = [(name, part.state, part.detail) for name, part in running.parts.items()]
        _print_table(rows)
    return 0 if running is not None and running.ready else 1


def doctor(*, directory: Dir = STATE, as_json: Json = False) -> int:
    """Checks this machine and says what to do about what it finds; exit code 1 when the stack cannot run."""
    findings = examine(directory)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        _print_table(
            [
                (one.subject, one.verdict, one.found + (f"; {one.cure}" if one.cure else ""))
                for one in findings
            ]
        )
    return int(any(finding.verdict is Verdict.PROBLEM for finding in findings))


def _print_table(rows: Sequence[tuple[str, PartState | Verdict, str]]) -> None:
    if not sys.stdout.isatty():
        for subject, verdict, text in rows:
            print(f"{subject}\t{verdict}\t{text}")
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for subject, verdict, text in rows:
        table.add_row(subject, f"[{STYLES.get(verdict, 'yellow')}]{verdict}[/]", text)
    Console().print(table)


def _agreed(directory: Path) -> bool:
    if not sys.stdin.isatty():
        raise LocalStackError(
            "nobody is there to be asked: to remove all state without a question, add --yes"
        )
    answer = input(f"Remove {directory} with every ledger in it? Type 'wipe' to agree: ")
    return answer.strip() == "wipe"


def _wipe(directory: Path) -> None:
    if not directory.exists():
        return
    if not (directory / "ports.json").exists():
        raise LocalStackError(f"{directory} does not look like the state of a stack; nothing was removed")
    shutil.rmtree(directory)


async def _released(directory: Path) -> None:
    lock, deadline = FolderLock(directory), Deadline(DOWN_SECONDS_MAX)
    while lock.is_held():
        if deadline.passed:
            raise LocalStackError(f"the stack has not ended after {DOWN_SECONDS_MAX:g} s")
        await deadline.pause()
