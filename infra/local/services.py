"""What the services need before they can run here: secrets, roles, a ledger, and a configuration file each.

Everything is made once and kept in the state folder, readable only by its owner.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from infra.access.keys import OPERATIONS, Access, bootstrap
from infra.access.postgres import PostgresAuditLog, PostgresKeyStore
from infra.backup import is_closed
from infra.clock import MachineClock
from infra.config import Config, HttpSettings, KafkaSettings, PostgresSettings, secret
from infra.database import Database, address
from infra.event_store import StoreError
from infra.local import ports
from infra.local.errors import LedgerClosedError, LedgerUnreadyError
from infra.local.program import Program, python_module
from infra.local.stack import LocalStack
from infra.local.supervisor import Plan as StackPlan
from infra.migrations import READER, Plan, writer_role
from infra.migrations.ledgers import create_ledger, database_name, ledger_names, prepare_roles, upgrade_ledger
from infra.service import Service

ROOT = Path(__file__).resolve().parent.parent.parent
LEDGER = "local"
SHARDS = 4
PEPPER_BYTES = 32
SEALING_KEY_BYTES = 64


def stored_secret(file: Path, make: Callable[[], str]) -> str:
    """The text of a file that only its owner can read; made when absent."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not file.exists():
        partial = file.with_suffix(".new")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write(make())
        partial.replace(file)
    return file.read_text()


def role_passwords(folder: Path, plan: Plan) -> dict[str, str]:
    """A password for each role that logs in, in `roles.json`; roles that came later get theirs added."""
    file = folder / "roles.json"
    known: dict[str, str] = json.loads(stored_secret(file, lambda: "{}"))
    made = {role: known.get(role) or secrets.token_urlsafe(24) for role in plan.roles}
    if made != known:
        file.unlink()
        stored_secret(file, lambda: json.dumps(made, indent=2) + "\n")
    return made


def plan_of(services: Sequence[Service]) -> Plan:
    """The schema that these services need."""
    return Plan(services={service.name: service.logs for service in services}, shards=SHARDS)


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Where services run and what they find there.

    Attributes:
        folder: keeps secrets and configuration files.
        admin_dsn: of a role that may make roles and databases.
        kafka: `host:port` of the broker.
        host: where services listen.
        ports: of each service.
    """

    folder: Path
    admin_dsn: str
    kafka: str
    host: str
    ports: Mapping[str, int]

    @property
    def addresses(self) -> dict[str, str]:
        """Where each service listens, as a URL."""
        return {service: f"http://{self.host}:{port}" for service, port in self.ports.items()}


def configuration(site: Site, service: str, passwords: Mapping[str, str]) -> Config:
    """What one service is told: its own role, the broker, its port, every ledger of the cluster."""
    role = writer_role(service)
    return Config(
        postgres=PostgresSettings(
            dsn=address(site.admin_dsn, user=role, password=passwords[role]),
            admin_dsn=site.admin_dsn,
            reader_dsn=address(site.admin_dsn, user=READER, password=passwords[READER]),
        ),
        kafka=KafkaSettings(bootstrap=site.kafka),
        http=HttpSettings(host=site.host, port=site.ports[service], peers=site.addresses),
        ledgers=(LEDGER,),
        sandboxes=True,
        shards=SHARDS,
        pepper_file=str(site.folder / "secrets" / "pepper"),
        sealing_file=str(site.folder / "secrets" / "sealing"),
    )


def write_configuration(folder: Path, service: str, config: Config) -> Path:
    """Writes a service's configuration file, which holds a password; JSON, which is YAML too."""
    file = folder / "config" / f"{service}.yaml"
    file.unlink(missing_ok=True)
    stored_secret(file, lambda: msgspec.json.format(msgspec.json.encode(config), indent=2).decode() + "\n")
    return file


async def prepare_ledger(admin_dsn: str, plan: Plan, passwords: Mapping[str, str]) -> None:
    """Makes the roles and the live ledger of this machine, or brings an older one up to this release.

    Raises:
        LedgerClosedError: it was restored and not recovered.
    """
    await prepare_roles(admin_dsn, plan, passwords)
    if LEDGER in await ledger_names(admin_dsn):
        if await is_closed(admin_dsn, LEDGER):
            raise LedgerClosedError(LEDGER)
        await upgrade_ledger(admin_dsn, LEDGER, plan)
    else:
        await create_ledger(admin_dsn, LEDGER, "live", plan)


async def prepare_key(site: Site, passwords: Mapping[str, str]) -> None:
    """Keeps the ledger's first key, which may do everything, where the command line looks for it."""
    service, folder = next(iter(site.ports)), site.folder / "secrets"
    file = folder / "keys" / OPERATIONS
    role = writer_role(service)
    dsn = address(site.admin_dsn, database=database_name(LEDGER), user=role, password=passwords[role])
    async with Database(dsn, appends=1, reads=1) as database:
        access = Access(
            LEDGER,
            PostgresKeyStore(database),
            PostgresAuditLog(database),
            secret(str(folder / "pepper")),
            now=MachineClock(),
            seconds=time.monotonic,
        )
        key = await bootstrap(access)
    if key is not None:
        file.unlink(missing_ok=True)
        stored_secret(file, lambda: f"{key}\n")


async def prepare(site: Site, services: Sequence[Service]) -> dict[str, Path]:
    """Makes whatever is missing and returns the configuration file of each service."""
    plan, folder = plan_of(services), site.folder / "secrets"
    passwords = role_passwords(folder, plan)
    stored_secret(folder / "pepper", lambda: secrets.token_hex(PEPPER_BYTES) + "\n")
    stored_secret(folder / "sealing", lambda: secrets.token_hex(SEALING_KEY_BYTES) + "\n")
    await prepare_ledger(site.admin_dsn, plan, passwords)
    await prepare_key(site, passwords)
    return {
        name: write_configuration(site.folder, name, configuration(site, name, passwords))
        for name in plan.services
    }


def with_services(services: Sequence[Service]) -> StackPlan:
    """The plan that starts these services beside the servers of a local stack."""

    async def programs(stack: LocalStack) -> Sequence[Program]:
        chosen = ports.stored(stack.folder / "ports.json", tuple(service.name for service in services))
        site = Site(
            folder=stack.folder,
            admin_dsn=stack.postgres_dsn,
            kafka=stack.kafka_bootstrap,
            host=ports.HOST,
            ports={service.name: chosen[service.name] for service in services},
        )
        try:
            files = await prepare(site, services)
        except StoreError as error:
            raise LedgerUnreadyError(f"the ledger {LEDGER} could not be made ready: {error}") from error
        return [_program(name, file, chosen[name]) for name, file in files.items()]

    return programs


def _program(name: str, configuration_file: Path, port: int) -> Program:
    return Program(
        name=name,
        argv=python_module(f"services.{name}", "--config", str(configuration_file)),
        ready_url=f"http://{ports.HOST}:{port}/health/ready",
        folder=ROOT,
    )
