import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from infra.local import ports
from infra.local.errors import NotReadyError
from infra.local.parts import PartReport, PartState, Reporter, silent
from infra.local.program import Program, ProgramPart, answers, python_module
from infra.local.supervisor import keep_up

SERVER = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


class Unready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(503)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the parent's
        pass


@pytest.fixture
def unready() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Unready) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/health/ready"
        server.shutdown()
        thread.join()


def part(folder: Path, code: str, report: Reporter = silent) -> ProgramPart:
    (folder / "program.py").write_text(code)
    port = ports.choose()
    program = Program(
        name="contracts",
        argv=python_module("program", str(port)),
        ready_url=f"http://127.0.0.1:{port}/health/ready",
        folder=folder,
    )
    return ProgramPart(program, folder / "log", report)


def test_a_server_that_is_not_ready_does_not_count_as_an_answer(unready: str) -> None:
    assert not answers(unready)


def test_nobody_there_is_no_answer() -> None:
    assert not answers(f"http://127.0.0.1:{ports.choose()}/health/ready")


async def test_a_program_is_ready_when_its_url_answers(tmp_path: Path) -> None:
    seen: list[PartReport] = []
    service = part(tmp_path, SERVER, seen.append)
    await service.start()
    assert service.running
    await service.stop()
    assert not service.running
    states = [report.state for report in seen]
    assert states == [PartState.STARTING, PartState.READY, PartState.STOPPING, PartState.STOPPED]


async def test_a_program_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(
        NotReadyError, match="contracts ended while it started, exit code 1\nno configuration"
    ):
        await part(tmp_path, "raise SystemExit('no configuration')").start()


async def test_a_program_that_dies_is_started_again(tmp_path: Path) -> None:
    again = asyncio.Event()
    seen: list[PartState] = []

    def report(step: PartReport) -> None:
        seen.append(step.state)
        if seen.count(PartState.READY) == 2:
            again.set()

    service = part(tmp_path, SERVER, report)
    await service.start()
    watch = asyncio.create_task(keep_up(service))
    assert service.child is not None
    await service.child.kill()
    await again.wait()
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    await service.stop()
    assert PartState.FAILED in seen
