import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import ports
from infra.local.errors import AlreadyRunningError, PortTakenError
from infra.local.identity import nobody
from infra.local.kafka_metadata import ask_brokers
from infra.local.parts import PartReport, PartState, silent
from infra.local.postgres import Postgres
from infra.local.stack import LocalStack
from infra.local.status import StatusFile
from infra.local.wheels import postgres_program

ROOT = Path(__file__).resolve().parents[3]
COMMAND_SECONDS_MAX = 60

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


def sql(dsn: str, text: str, password: str | None = None) -> str:
    program = [str(postgres_program("psql")), "--no-psqlrc", "-qtAc", text, dsn]
    done = subprocess.run(
        program,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS_MAX,
        env={} if password is None else {"PGPASSWORD": password},
    )
    return done.stdout.strip() or done.stderr.strip()


def capledger(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "capledger"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS_MAX,
        stdin=subprocess.DEVNULL,
    )


async def test_both_servers_answer_and_what_they_hold_survives_a_crash(tmp_path: Path) -> None:
    async with LocalStack(tmp_path) as stack:
        assert [one[2] for one in await ask_brokers(ports.HOST, stack.kafka.port)] == [stack.kafka.port]
        sql(stack.postgres_dsn, "create table kept (a int); insert into kept values (7)")
        await stack.kill_postgres()
        await stack.kill_kafka()
        assert await ask_brokers(ports.HOST, stack.kafka.port) == []
        await stack.start_postgres()
        await stack.start_kafka()
        assert sql(stack.postgres_dsn, "select a from kept") == "7"


async def test_a_stopped_stack_comes_back_at_the_same_addresses(tmp_path: Path) -> None:
    async with LocalStack(tmp_path) as stack:
        addresses = stack.postgres_dsn, stack.kafka_bootstrap
        with pytest.raises(AlreadyRunningError):
            await LocalStack(tmp_path).start()
    seen: list[PartReport] = []
    async with LocalStack(tmp_path, seen.append) as stack:
        assert (stack.postgres_dsn, stack.kafka_bootstrap) == addresses
    assert PartState.PREPARING not in {report.state for report in seen}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="capledger-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_postgres_is_durable_private_and_wants_a_password(tmp_path: Path) -> None:
    server = Postgres(tmp_path, ports.choose(), silent)
    await server.start()
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert sql(server.dsn, f"show {setting}") == "on"
    assert sql(server.dsn, "show listen_addresses") == "127.0.0.1"
    assert "password authentication failed" in sql(server.dsn.replace(server.password, "guess"), "select 1")
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
    await server.stop()


def nobody_can_run_postgres() -> bool:
    try:
        subprocess.run(
            [postgres_program("postgres"), "--version"], user="nobody", check=True, capture_output=True
        )
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
async def test_root_without_namespaces_runs_postgres_as_nobody(folder: Path) -> None:
    if not nobody_can_run_postgres():
        pytest.skip("nobody cannot enter the folder of our programs here")
    server = Postgres(folder / "postgres", ports.choose(), silent, identity=nobody())
    await server.start()
    assert sql(server.dsn, "select 1") == "1"
    assert (folder / "postgres" / "data").stat().st_uid == nobody().user
    await server.stop()


async def test_a_taken_port_is_named_and_the_other_server_is_not_left_running(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path)
    with socket.socket() as other:
        other.bind((ports.HOST, stack.postgres.port))
        other.listen()
        with pytest.raises(PortTakenError, match=str(stack.postgres.port)):
            await stack.start()
    assert not stack.kafka.running


def test_up_status_and_down_from_the_command_line(tmp_path: Path) -> None:
    where = ("--dir", str(tmp_path))
    assert capledger("status", *where).returncode == 1
    up = capledger("up", "--servers-only", "--detach", *where)
    assert up.returncode == 0, up.stderr
    assert "ready" in up.stderr
    assert "already runs" in capledger("up", *where).stderr
    assert capledger("status", *where).returncode == 0
    assert "add --yes" in capledger("down", "--wipe", *where).stderr
    assert capledger("down", *where).returncode == 0
    assert capledger("down", *where).returncode == 1
    assert capledger("down", "--wipe", "--yes", *where).returncode == 0
    assert not tmp_path.exists()


def test_a_killed_supervisor_leaves_no_server_and_can_be_started_again(tmp_path: Path) -> None:
    where = ("--dir", str(tmp_path))
    assert capledger("up", "--servers-only", "--detach", *where).returncode == 0
    running = StatusFile(tmp_path).read()
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    again = capledger("up", "--servers-only", "--detach", *where)
    assert again.returncode == 0, again.stderr
    assert capledger("down", *where).returncode == 0
