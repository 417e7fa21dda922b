"""Leaves a supervisor running in the background once everything is ready."""

import asyncio
import os
from pathlib import Path

import msgspec

from cli.progress import PartLines
from infra.local.errors import LocalStackError
from infra.local.parts import PartReport, PartState
from infra.local.supervisor import Plan, Supervisor


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the background process tells the foreground: a step, that all is ready, or what went wrong."""

    part: str = ""
    state: PartState = PartState.STARTING
    detail: str = ""
    ready: bool = False
    problem: str = ""


def run_detached(directory: Path, plan: Plan) -> int:
    """Starts the stack in a process of its own, shows how it comes up, and returns when it is ready.

    Raises:
        LocalStackError: it could not be started; the text is that of its own error.
    """
    directory.mkdir(parents=True, exist_ok=True)
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.close(read_end)
        _background(directory, plan, write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as lines, PartLines() as shown:
        for text in lines:
            line = msgspec.json.decode(text, type=Line)
            if line.problem:
                raise LocalStackError(line.problem)
            if line.ready:
                shown.note("ready; runs in the background: capledger status, capledger down")
                return 0
            shown.show(PartReport(part=line.part, state=line.state, detail=line.detail))
    raise LocalStackError(f"the supervisor ended while it started; see {directory / 'supervisor.log'}")


def _background(directory: Path, plan: Plan, write_end: int) -> None:
    """The life of the background process; never returns."""
    os.setsid()
    log = os.open(directory / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, standard)
    teller = _Teller(write_end)
    try:
        supervisor = Supervisor(
            directory, plan, teller.report, lambda: teller.tell(Line(ready=True), last=True)
        )
        asyncio.run(supervisor.run())
    except LocalStackError as problem:
        teller.tell(Line(problem=str(problem)), last=True)
        os._exit(1)
    os._exit(0)


class _Teller:
    """Writes lines to the foreground for as long as it listens, and every line to the supervisor's log."""

    def __init__(self, write_end: int) -> None:
        self._write_end: int | None = write_end

    def report(self, report: PartReport) -> None:
        self.tell(Line(part=report.part, state=report.state, detail=report.detail))

    def tell(self, line: Line, *, last: bool = False) -> None:
        text = msgspec.json.encode(line) + b"\n"
        os.write(1, text)
        if self._write_end is None:
            return
        try:
            os.write(self._write_end, text)
        except BrokenPipeError:
            last = True
        if last:
            os.close(self._write_end)
            self._write_end = None
