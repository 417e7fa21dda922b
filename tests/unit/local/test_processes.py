import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.errors import LocalStackError, UnsupportedError
from infra.local.processes import LOG_BYTES_MAX, Command, finish, rotate, start, tail

ROOT = Path(__file__).resolve().parents[3]
WAIT_SECONDS_MAX = 10.0


def python(folder: Path, code: str) -> Command:
    return Command(
        name="a program",
        argv=(sys.executable, "-c", code),
        log=folder / "logs" / "log",
        folder=folder,
        environment={},
    )


async def test_what_a_process_says_is_in_its_log(tmp_path: Path) -> None:
    child = await start(python(tmp_path, "print('hello')"))
    assert await child.wait() == 0
    assert child.said() == "hello"


async def test_a_process_answers_only_for_its_own_lines(tmp_path: Path) -> None:
    await (await start(python(tmp_path, "print('first')"))).wait()
    child = await start(python(tmp_path, "print('second')"))
    await child.wait()
    assert child.said() == "second"
    assert tail(child.command.log) == "first\nsecond"


async def test_nothing_of_our_environment_reaches_a_process(tmp_path: Path) -> None:
    child = await start(python(tmp_path, "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))"))
    await child.wait()
    assert child.said() == "[]"


async def test_a_process_that_ends_when_asked_was_stopped_cleanly(tmp_path: Path) -> None:
    fifo = tmp_path / "up"
    os.mkfifo(fifo)
    child = await start(python(tmp_path, f"open({str(fifo)!r}, 'w').close(); import signal; signal.pause()"))
    fifo.read_text()
    assert await child.stop(WAIT_SECONDS_MAX)
    assert child.exit_code == -signal.SIGTERM


async def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    fifo = tmp_path / "up"
    os.mkfifo(fifo)
    code = (
        f"import signal; signal.signal(15, signal.SIG_IGN); open({str(fifo)!r}, 'w').close(); signal.pause()"
    )
    child = await start(python(tmp_path, code))
    fifo.read_text()
    assert not await child.stop(0.05)
    assert child.exit_code == -signal.SIGKILL


async def test_a_failed_program_is_named_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="a program failed with exit code 3\nbecause"):
        await finish(python(tmp_path, "print('because'); raise SystemExit(3)"), WAIT_SECONDS_MAX)


async def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"a program took over 0\.05 s"):
        await finish(python(tmp_path, "import signal; signal.pause()"), 0.05)


async def test_a_missing_program_is_said_to_be_missing(tmp_path: Path) -> None:
    command = Command(name="it", argv=("/nowhere/it",), log=tmp_path / "log", folder=tmp_path, environment={})
    with pytest.raises(UnsupportedError, match="it: /nowhere/it is not on this machine"):
        await start(command)


def test_a_log_past_its_bound_is_moved_aside(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * (LOG_BYTES_MAX + 1))
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "log.1").stat().st_size == LOG_BYTES_MAX + 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the rule is the Linux kernel's")
@pytest.mark.parametrize("as_root_in_a_namespace", [False, True])
def test_a_killed_parent_leaves_no_child(tmp_path: Path, *, as_root_in_a_namespace: bool) -> None:
    if as_root_in_a_namespace and (os.geteuid() != 0 or shutil.which("unshare") is None):
        pytest.skip("only root runs servers in a namespace")
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    child = f"import signal; pipe = open({str(fifo)!r}, 'w'); pipe.write('up'); pipe.flush(); signal.pause()"
    parent = f"""
import asyncio, signal, sys
from pathlib import Path
from infra.local.identity import server_identity
from infra.local.processes import Command, Identity, start
async def main():
    identity = server_identity() if {as_root_in_a_namespace} else Identity()
    folder = Path({str(tmp_path)!r})
    command = Command(name="child", argv=(sys.executable, "-c", {child!r}), log=folder / "log", folder=folder,
                      environment={{}}, identity=identity)
    await start(command)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT) as process, fifo.open() as pipe:
        assert pipe.read(2) == "up"
        process.kill()
        assert pipe.read() == ""  # the other end is closed: the child is gone
