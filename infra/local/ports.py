"""Ports of the stack: chosen once, kept in the state folder, all on 127.0.0.1."""

import errno
import json
import secrets
import socket
from pathlib import Path

from infra.local.errors import LocalStackError, PortTakenError
from infra.local.polling import Deadline

HOST = "127.0.0.1"
# Below the range that systems hand out to outgoing connections: a stored port must still be free tomorrow.
FIRST, LAST = 20000, 31999
ATTEMPTS = 200
RELEASE_SECONDS_MAX = 5.0


def is_free(port: int) -> bool:
    """Whether a server could listen on a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def choose(taken: frozenset[int] = frozenset()) -> int:
    """A free port, other than those already given away.

    Raises:
        LocalStackError: none was found.
    """
    for _ in range(ATTEMPTS):
        port = FIRST + secrets.randbelow(LAST - FIRST + 1)
        if port not in taken and is_free(port):
            return port
    raise LocalStackError(f"no free port between {FIRST} and {LAST}")


def stored(file: Path, names: tuple[str, ...]) -> dict[str, int]:
    """The port of each name; those not yet in the file are chosen and written to it."""
    ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    absent = [name for name in names if name not in ports]
    for name in absent:
        ports[name] = choose(frozenset(ports.values()))
    if absent:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".new")
        partial.write_text(json.dumps(ports, indent=2) + "\n")
        partial.replace(file)
    return ports


async def require_free(part: str, port: int) -> None:
    """Waits for a port that an ended server of ours may still hold for a moment.

    Raises:
        PortTakenError: it stays taken.
    """
    deadline = Deadline(RELEASE_SECONDS_MAX)
    while not is_free(port):
        if deadline.passed:
            raise PortTakenError(part, port)
        await deadline.pause()
