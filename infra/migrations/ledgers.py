"""Making, opening and dropping ledgers: one database each, from a template that is made once a schema."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from infra.database import (
    Connection,
    DuplicateDatabaseError,
    NoDatabaseError,
    Unpooled,
    address,
    connect,
    quoted,
)
from infra.event_store import StoreError
from infra.migrations import HERE, Plan, fingerprint, migrate, writer_role
from infra.node import Ledger

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
DATABASE_PREFIX = "capledger_"


class LedgerExistsError(StoreError):
    """There is a ledger of that name."""


class LedgerUnknownError(StoreError):
    """There is no ledger of that name."""


class LedgerLiveError(StoreError):
    """Only a sandbox may be dropped."""


def database_name(ledger: str) -> str:
    """Return the database of a ledger.

    Raises:
        ValueError: not a name for a ledger.
    """
    if not NAME.fullmatch(ledger):
        raise ValueError(f"not a ledger's name: {ledger!r}; expected letters a-z, digits and -, 40 at most")
    return DATABASE_PREFIX + ledger


async def prepare_roles(admin_dsn: str, plan: Plan, passwords: Mapping[str, str]) -> None:
    """Make the roles of a database cluster, with their limits of time, and set the passwords given by role.

    `admin_dsn` is that of an administrator who may make roles.
    """
    connection = await connect(admin_dsn)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(hashtext('capledger.roles'))")
            await connection.execute((HERE / "roles.sql").read_text())
            one = (HERE / "service_role.sql").read_text()
            for service in plan.services:
                await connection.execute(one.replace("{role}", writer_role(service)))
            for role, password in passwords.items():
                literal = await connection.fetchval("select quote_literal($1::text)", password)
                await connection.execute(f"alter role {quoted(role)} password {literal}")
    finally:
        await connection.close()


async def create_ledger(
    admin_dsn: str, name: str, mode: Literal["live", "sandbox"], plan: Plan, *, clock: datetime | None = None
) -> Ledger:
    """Make a ledger; its database is copied from a template of the same schema, made at first.

    Args:
        admin_dsn: an administrator, in any database of the cluster; the roles are there already.
        name: of the ledger.
        mode: live, or a sandbox, whose clock then stands at `clock`.
        plan: its services, logs and shards.
        clock: of a sandbox.

    Raises:
        LedgerExistsError: the name is taken.
        ValueError: a bad name; a sandbox without a clock or a live ledger with one.
    """
    if (mode == "sandbox") != (clock is not None):
        raise ValueError("a sandbox needs a clock; a live ledger has the machine's")
    database = database_name(name)
    connection = await connect(admin_dsn)
    try:
        template = await _template(connection, admin_dsn, plan)
        try:
            await connection.execute(f"create database {quoted(database)} template {quoted(template)}")
        except DuplicateDatabaseError as error:
            raise LedgerExistsError(f"there is a ledger {name} already") from error
        await open_to_roles(connection, database, plan)
    finally:
        await connection.close()
    made = await connect(address(admin_dsn, database=database))
    try:
        await made.execute("insert into ledger.identity (name, shards) values ($1, $2)", name, plan.shards)
        await made.execute("insert into ledger.clock (mode, at) values ($1, $2)", mode, clock)
    finally:
        await made.close()
    return Ledger(name=name, mode=mode, shards=plan.shards)


async def upgrade_ledger(admin_dsn: str, name: str, plan: Plan) -> list[str]:
    """Bring a ledger's database up to this release's schema; return what ran, as `scope: file`."""
    connection = await _connect_to(admin_dsn, name)
    try:
        ran = await migrate(connection, plan)
        await connection.execute("update ledger.identity set shards = greatest(shards, $1)", plan.shards)
    finally:
        await connection.close()
    return [f"{step.scope}: {step.name}" for step in ran]


async def find_ledger(dsn: str, name: str) -> Ledger:
    """Return what a ledger is, as any role that may connect to it.

    Raises:
        LedgerUnknownError: there is none of that name.
    """
    connection = await _connect_to(dsn, name)
    try:
        row = await connection.fetchrow(
            "select i.name, i.shards, c.mode from ledger.identity i, ledger.clock c"
        )
    finally:
        await connection.close()
    if row is None:
        raise LedgerUnknownError(f"the database of {name} holds no ledger")
    return Ledger(name=row["name"], mode=row["mode"], shards=row["shards"])


async def ledger_names(admin_dsn: str) -> list[str]:
    """Return the names of all ledgers of a cluster, sorted."""
    connection = await connect(admin_dsn)
    try:
        rows = await connection.fetch(
            "select datname from pg_database where starts_with(datname, $1) and not datistemplate",
            DATABASE_PREFIX,
        )
    finally:
        await connection.close()
    return sorted(row["datname"].removeprefix(DATABASE_PREFIX) for row in rows)


async def drop_ledger(admin_dsn: str, name: str) -> None:
    """Drop a sandbox and close whatever is connected to it.

    Raises:
        LedgerUnknownError: there is none of that name.
        LedgerLiveError: it is live.
    """
    ledger = await find_ledger(admin_dsn, name)
    if ledger.mode != "sandbox":
        raise LedgerLiveError(f"{name} is a live ledger")
    connection = await connect(admin_dsn)
    try:
        await connection.execute(f"drop database {quoted(database_name(name))} with (force)")
    finally:
        await connection.close()


async def _connect_to(dsn: str, name: str) -> Unpooled:
    try:
        return await connect(address(dsn, database=database_name(name)))
    except NoDatabaseError as error:
        raise LedgerUnknownError(f"there is no ledger {name}") from error


async def _template(connection: Connection, admin_dsn: str, plan: Plan) -> str:
    """Return the template of this schema; make it under a lock if it is not there yet, whole or not."""
    name = f"template_capledger_{fingerprint(plan)}"
    if await _is_template(connection, name):
        return name
    await connection.execute("select pg_advisory_lock(hashtext($1))", name)
    try:
        if not await _is_template(connection, name):
            await connection.execute(f"drop database if exists {quoted(name)}")
            await connection.execute(f"create database {quoted(name)} template template0")
            made = await connect(address(admin_dsn, database=name))
            try:
                await migrate(made, plan)
            finally:
                await made.close()
            await connection.execute(f"alter database {quoted(name)} is_template true")
    finally:
        await connection.execute("select pg_advisory_unlock(hashtext($1))", name)
    return name


async def _is_template(connection: Connection, name: str) -> bool:
    return bool(
        await connection.fetchval(
            "select exists (select from pg_database where datname = $1 and datistemplate)", name
        )
    )


async def open_to_roles(connection: Connection, database: str, plan: Plan) -> None:
    """Let our roles connect and nobody else; the rights on a database are not copied from its template."""
    roles = ", ".join(plan.roles)
    await connection.execute(f"revoke all on database {quoted(database)} from public")
    await connection.execute(f"grant connect on database {quoted(database)} to {roles}")
