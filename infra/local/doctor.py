"""Looks at this machine and says what would keep the stack from running, and what to do about it."""

import enum
import json
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra.local import ports
from infra.local.disk import MIB, free_mib
from infra.local.errors import LocalStackError
from infra.local.identity import can_unshare, server_identity
from infra.local.jars import LOCK, cache_folder, missing, read_lock
from infra.local.stack import FolderLock
from infra.local.wheels import ENVIRONMENT, java, postgres_program

PYTHON_MIN = (3, 11)
DISK_MIB_MIN = 1024
MEMORY_MIB_MIN = 1024
PROBE_SECONDS_MAX = 20


class Verdict(enum.StrEnum):
    """How bad a finding is: nothing, slower or limited, or the stack will not run."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, what was found, and (unless all is well) what to do."""

    subject: str
    verdict: Verdict
    found: str
    cure: str = ""


def examine(folder: Path) -> list[Finding]:
    """Every finding for a state folder on this machine."""
    return [
        _python(),
        _disk(folder),
        _memory(),
        _ports(folder),
        _identity(),
        _program("java", [str(java()), "-version"]),
        _program("postgres", [str(postgres_program("postgres")), "--version"]),
        _jars(),
    ]


def _judge(subject: str, good: bool, found: str, cure: str, bad: Verdict = Verdict.PROBLEM) -> Finding:  # noqa: FBT001
    return Finding(
        subject=subject, verdict=Verdict.OK if good else bad, found=found, cure="" if good else cure
    )


def _python() -> Finding:
    found = f"{platform.python_version()} ({sys.executable})"
    return _judge("python", sys.version_info >= PYTHON_MIN, found, "install Python 3.11 or later")


def _disk(folder: Path) -> Finding:
    free = free_mib(folder)
    return _judge("disk", free >= DISK_MIB_MIN, f"{free} MiB free", f"free {DISK_MIB_MIN} MiB at {folder}")


def _memory() -> Finding:
    free = psutil.virtual_memory().available // MIB
    cure = f"close other programs: about {MEMORY_MIB_MIN} MiB are needed"
    return _judge("memory", free >= MEMORY_MIB_MIN, f"{free} MiB available", cure, Verdict.WARNING)


def _ports(folder: Path) -> Finding:
    file = folder / "ports.json"
    if FolderLock(folder).is_held():
        return _judge("ports", good=True, found="in use by our own running stack", cure="")
    if not file.exists():
        return _judge("ports", good=True, found="chosen at the first start", cure="")
    chosen: dict[str, int] = json.loads(file.read_text())
    taken = [f"{name} {port}" for name, port in chosen.items() if not ports.is_free(port)]
    found = f"taken by others: {', '.join(taken)}" if taken else "free"
    return _judge("ports", not taken, found, "choose others: capledger up --new-ports")


def _identity() -> Finding:
    try:
        identity = server_identity()
    except LocalStackError as trouble:
        return _judge("user", good=False, found=str(trouble), cure="run capledger as a normal user")
    if identity.prefix:
        return _judge("user", good=True, found="root; PostgreSQL runs in a user namespace", cure="")
    if identity.user is not None:
        found = "root without user namespaces; PostgreSQL runs as 'nobody'"
        cure = "if it cannot enter the state folder: capledger up --dir /var/tmp/capledger"
        return _judge("user", can_unshare(), found, cure, Verdict.WARNING)
    return _judge("user", good=True, found="a normal user", cure="")


def _program(subject: str, argv: list[str]) -> Finding:
    cure = "remove .venv and run capledger again; where no wheel fits this system, use docker-compose.yml"
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            check=False,
            timeout=PROBE_SECONDS_MAX,
            env=dict(ENVIRONMENT),
        )
    except (OSError, subprocess.TimeoutExpired) as trouble:
        return _judge(subject, good=False, found=str(trouble), cure=cure)
    said = (done.stdout + done.stderr).strip().splitlines() or [f"exit code {done.returncode}"]
    return _judge(subject, done.returncode == 0, said[0], cure)


def _jars() -> Finding:
    folder, jars = cache_folder() / LOCK.stem, read_lock()
    absent = missing(folder, jars) if folder.exists() else list(jars)
    found = f"{len(jars) - len(absent)} of {len(jars)} in {folder}, checked against the lock"
    return _judge("kafka jars", not absent, found, "capledger up fetches them (43 MB)", Verdict.WARNING)
