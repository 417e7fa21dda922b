"""Our own services on this machine: any program that says over HTTP when it is ready."""

import asyncio
import http.client
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.errors import NotReadyError
from infra.local.parts import Part, PartState, Reporter
from infra.local.polling import Deadline
from infra.local.processes import Command, start
from infra.local.wheels import ENVIRONMENT

READY_SECONDS_MAX = 60.0
ANSWER_SECONDS_MAX = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One service: its name, its arguments, and the URL that answers 200 once it is ready."""

    name: str
    argv: tuple[str, ...]
    ready_url: str
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def python_module(module: str, *arguments: str) -> tuple[str, ...]:
    """The argument list that runs a module of this project with this Python."""
    return (sys.executable, "-m", module, *arguments)


def answers(url: str) -> bool:
    """Whether a GET brings 200 now."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port or 80, timeout=ANSWER_SECONDS_MAX
    )
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class ProgramPart(Part):
    """A program as a part of the stack."""

    def __init__(self, program: Program, log: Path, report: Reporter) -> None:
        """Nothing is started; `log` takes what it writes."""
        super().__init__(report)
        parts = urlsplit(program.ready_url)
        self.name = program.name
        self.address = f"{parts.scheme}://{parts.netloc}"
        self._ready_url = program.ready_url
        self._command = Command(
            name=program.name,
            argv=program.argv,
            log=log,
            folder=program.folder,
            environment={**ENVIRONMENT, **program.environment},
        )

    async def start(self) -> None:
        """Starts the program and waits until its URL answers.

        Raises:
            NotReadyError: it ended, or did not answer in time.
        """
        self.say(PartState.STARTING)
        child = self.child = await start(self._command)
        deadline = Deadline(READY_SECONDS_MAX)
        while not await asyncio.to_thread(answers, self._ready_url):
            if child.exit_code is not None:
                raise NotReadyError(
                    f"{self.name} ended while it started, exit code {child.exit_code}\n{child.said()}"
                )
            if deadline.passed:
                raise NotReadyError(f"{self.name} was not ready in {READY_SECONDS_MAX:g} s\n{child.said()}")
            await deadline.pause()
        self.say(PartState.READY, self.address)
