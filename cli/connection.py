"""Where the services are and with which key to ask them: the stack on this machine unless said otherwise."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from cyclopts import Parameter

from cli.stack import STATE
from infra.client import Client, ClientError, quiet_retries
from infra.local.errors import NotRunningError
from infra.local.status import StatusFile

OPERATIONS = "operations"
SERVICES = ("contracts", "capacity", "settlement")
RETRY_SECONDS_MAX = 10.0
T = TypeVar("T")


class NoKeyError(ClientError):
    """There is no key to ask with."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach the services.

    Attributes:
        url: the address of any service; without it the stack on this machine.
        as_: the tenant whose key is used.
        key_file: a file that holds the key; without it the one kept for the tenant.
        directory: the state folder of the stack.
    """

    url: Annotated[str | None, Parameter(help="Address of any service; otherwise the local stack.")] = None
    as_: Annotated[str, Parameter(name="--as", help="The tenant whose key is used.")] = OPERATIONS
    key_file: Annotated[Path | None, Parameter(help="A file that holds the key.")] = None
    directory: Annotated[Path, Parameter(name="--dir", help="State folder of the stack.")] = STATE

    def key(self) -> str:
        """Return the key.

        Raises:
            NoKeyError: there is none.
        """
        file = self.key_file or kept_key(self.directory, self.as_)
        if not file.exists():
            raise NoKeyError(f"no key for {self.as_} in {file.parent}: {self._cure()}, or name a --key-file")
        return file.read_text().strip()

    def _cure(self) -> str:
        """What to do where a key is not kept: the first is made by the stack itself."""
        if not kept_key(self.directory, OPERATIONS).exists():
            return "start the stack, which makes the first key (capledger up)"
        return f"make one (capledger tenants create {self.as_})"

    async def client(self) -> Client:
        """Return a client of all services.

        Raises:
            NoKeyError: there is no key.
            NotRunningError: no stack runs here, and no address was given.
            UnreachableError: nobody answers.
        """
        key = self.key()
        if self.url is not None:
            return await Client.find(self.url, key, retry_seconds=RETRY_SECONDS_MAX)
        return Client(self.local_services(), key, retry_seconds=RETRY_SECONDS_MAX)

    def local_services(self) -> dict[str, str]:
        """Return the addresses of the services on this machine.

        Raises:
            NotRunningError: no stack runs here.
        """
        running = StatusFile(self.directory).read()
        if running is None:
            raise NotRunningError(
                f"no stack runs in {self.directory}; start it: capledger up, or give an address: --url"
            )
        return {
            name: part.detail
            for name, part in running.parts.items()
            if name in SERVICES and urlsplit(part.detail).scheme in {"http", "https"}
        }


def kept_key(directory: Path, tenant: str) -> Path:
    """Return the file in which a tenant's key is kept."""
    return directory / "secrets" / "keys" / tenant


def keep_key(directory: Path, tenant: str, key: str) -> Path:
    """Keep a key where only its owner can read it; return the file."""
    file = kept_key(directory, tenant)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.with_name(f".{file.name}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        written.write(key + "\n")
    partial.replace(file)
    return file


def with_client(connection: Connection, do: Callable[[Client], Awaitable[T]]) -> T:
    """Run something with a client, and close it."""
    quiet_retries()

    async def run() -> T:
        async with await connection.client() as client:
            return await do(client)

    return asyncio.run(run())
