"""`capledger prepare`: makes what the services need in servers that somebody else runs."""

import asyncio
from pathlib import Path

from rich.console import Console

from infra.database import address
from infra.local.services import Site
from infra.local.services import prepare as prepare_site

ADMINISTRATOR = "postgres"


def prepare(
    *,
    postgres: str,
    password_file: Path,
    kafka: str,
    folder: Path,
    host: str = "0.0.0.0",  # noqa: S104 - in a container
    port: int = 8080,
) -> None:
    """Makes secrets, roles, the ledger and the services' configuration files, or brings them up to date.

    Args:
        postgres: Address of the database `capledger` without a password, as postgresql://host:port/capledger.
        password_file: Holds the password of the role `postgres`.
        kafka: The broker as host:port.
        folder: Where secrets and configuration files are kept.
        host: Where each service listens.
        port: The port of each service.
    """
    from cli.composition import SERVICES  # noqa: PLC0415 - all services, which few commands need

    site = Site(
        folder=folder,
        admin_dsn=address(postgres, user=ADMINISTRATOR, password=password_file.read_text().strip()),
        kafka=kafka,
        host=host,
        ports={service.name: port for service in SERVICES},
    )
    files = asyncio.run(prepare_site(site, SERVICES))
    for name, file in files.items():
        Console(stderr=True).print(f"{name}: {file}", soft_wrap=True)
