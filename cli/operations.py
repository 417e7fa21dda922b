"""What the commands of operations share: which ledger, where its servers are, and how progress is shown."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.composition import SERVICES
from cli.stack import STATE
from infra.config import Config, ConfigError, load
from infra.service import Service

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON for programs.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which ledger is meant, and where its servers are.

    Attributes:
        ledger: its name; the one of the configuration otherwise.
        config: the configuration file of a service; those of the stack otherwise.
        directory: the state folder of the stack.
    """

    ledger: Annotated[str | None, Parameter(help="The ledger; otherwise the configured one.")] = None
    config: Annotated[Path | None, Parameter(help="A service's configuration file.")] = None
    directory: Annotated[Path, Parameter(name="--dir", help="State folder of the stack.")] = STATE

    def settings(self, service: str | None = None) -> Config:
        """Return the configuration: the file named, or that of a service (any) in the state folder.

        Raises:
            ConfigError: there is none.
        """
        name = service or SERVICES[0].name
        file = self.config or self.directory / "config" / f"{name}.yaml"
        if self.config is None and not file.exists():
            raise ConfigError(
                f"{file} is not there: start the stack (capledger up), or name a service's file: --config"
            )
        return load(file)

    def name(self, config: Config) -> str:
        """Return the ledger's name.

        Raises:
            ConfigError: none was named, and the configuration serves none or several.
        """
        if self.ledger is not None:
            return self.ledger
        if len(config.ledgers) != 1:
            raise ConfigError("which ledger? name it: --ledger NAME")
        return config.ledgers[0]


HERE = Where()


class UnknownNameError(ConfigError):
    """A name that stands for nothing here; the message lists those that do."""


def service_of(read_model: str) -> Service:
    """Return the service that keeps a read model, or has a consumer of that name.

    Raises:
        UnknownNameError: no service does.
    """
    for service in SERVICES:
        if read_model.partition(".")[0] == service.name:
            return service
    raise UnknownNameError(
        f"no service is named in {read_model!r}; expected <service>.<name>, services are "
        + ", ".join(service.name for service in SERVICES)
    )


def instant(text: str) -> datetime:
    """Return an instant as written on the command line; without an offset it is UTC.

    Raises:
        ConfigError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no instant; expected 2026-10-01T00:00:00Z") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class Bar:
    """One bar, told in `done, total`; it appears with the first."""

    def __init__(self, progress: Progress, what: str) -> None:
        """Nothing is shown yet."""
        self._progress, self._task = progress, progress.add_task(what, total=None)

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        self._progress.update(self._task, completed=done, total=total)

    def say(self, what: str) -> None:
        """Show what is being done."""
        self._progress.update(self._task, description=what)


@contextmanager
def progress_bar(what: str) -> Generator[Bar]:
    """Show a bar on a terminal while something runs; in a pipe nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as progress:
        yield Bar(progress, what)


def tell(value: object) -> None:
    """Print one value as one line of JSON."""
    print(msgspec.json.encode(value).decode(), flush=True)
