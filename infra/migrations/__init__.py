"""The schema of a ledger, in plain SQL, and what brings a database up to it.

A *step* is one SQL file run in one scope (the ledger, a log, a service's read schema). Numbered files run
once and may never change; the others (functions, grants) run again whenever their text has changed.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec

from infra.database import Connection
from infra.event_store import StoreError
from infra.event_store.postgres.statements import statement

HERE = Path(__file__).parent
FUNCTIONS = HERE.parent / "event_store" / "sql"
OWNER, READER, OPERATIONS = "capledger_owner", "capledger_reader", "capledger_operations"


class MigrationChangedError(StoreError):
    """A numbered migration that this database has run differs from the file of the same name."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a ledger consists of: its services with the logs that each writes, and the shards of each log."""

    services: Mapping[str, tuple[str, ...]]
    shards: int

    @property
    def logs(self) -> dict[str, str]:
        """The logs, each with the role that writes it."""
        return {log: writer_role(service) for service, logs in self.services.items() for log in logs}

    @property
    def roles(self) -> list[str]:
        """The roles that log in: one a service, the reader, operations."""
        return [*map(writer_role, self.services), READER, OPERATIONS]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One SQL file with its names filled in. `role`: as whom it runs."""

    scope: str
    name: str
    sql: str
    role: str

    @property
    def once(self) -> bool:
        """Whether it runs once; otherwise whenever its text has changed."""
        return self.name[:1].isdigit()

    @property
    def digest(self) -> bytes:
        """The hash of its text (32 bytes)."""
        return sha256(self.sql.encode()).digest()


def writer_role(service: str) -> str:
    """Return the role under which a service writes."""
    return f"capledger_{service}"


def read_schema(service: str) -> str:
    """Return the schema of a service's read models."""
    return f"{service}_read"


def steps(plan: Plan) -> Iterator[Step]:
    """Yield everything that a ledger's database needs, in order."""
    services = ", ".join(map(writer_role, plan.services))
    yield _step("ledger", "0001_ledger.sql", OWNER)
    yield _step("ledger", "0002_live.sql", OWNER, services=services)
    yield _step("ledger", "ledger_grants.sql", OWNER, services=services)
    for log, writer in plan.logs.items():
        yield _step(log, "0001_log.sql", OWNER, log=log)
        yield _step(log, "0002_log.sql", OWNER, log=log)
        for name in ("append.sql", "append_one.sql", "resolve.sql", "verify.sql"):
            yield _step(log, name, OWNER, log=log)
        yield _step(log, "log_grants.sql", OWNER, log=log, writer=writer, services=services)
    for service in plan.services:
        schema, role = read_schema(service), writer_role(service)
        yield Step(
            scope=schema, name="0000_schema", sql=f"create schema {schema} authorization {role}", role="none"
        )
        yield _step(schema, "0001_read.sql", role, schema=schema)


def fingerprint(plan: Plan) -> str:
    """Return what tells one version of the schema from another (12 hex digits)."""
    texts = [step.scope + step.name + step.sql for step in steps(plan)]
    return sha256("".join([*texts, str(plan.shards)]).encode()).hexdigest()[:12]


async def migrate(connection: Connection, plan: Plan) -> list[Step]:
    """Bring the database of a connection up to `plan`; return the steps that ran. All of it, or nothing.

    The connection is an administrator's: it may act as the owner and as the services.

    Raises:
        MigrationChangedError: a numbered file is not what it was when it ran.
    """
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(hashtext('capledger.migrations'))")
        done = await _done(connection)
        ran = _needed(steps(plan), done)
        for step in ran:
            await connection.execute(f"set local role {step.role}")
            await connection.execute(step.sql)
            await connection.execute("reset role")
            await connection.execute(
                "insert into ledger.migration (scope, name, digest) values ($1, $2, $3)"
                " on conflict (scope, name) do update"
                " set digest = excluded.digest, applied_at = clock_timestamp()",
                step.scope,
                step.name,
                step.digest,
            )
        await _add_shards(connection, plan)
    return ran


async def _done(connection: Connection) -> dict[tuple[str, str], bytes]:
    if await connection.fetchval("select to_regclass('ledger.migration')") is None:
        await connection.execute(f"grant create on database {await _database(connection)} to {OWNER}")
        return {}
    rows = await connection.fetch("select scope, name, digest from ledger.migration")
    return {(row["scope"], row["name"]): row["digest"] for row in rows}


async def _database(connection: Connection) -> str:
    return str(await connection.fetchval("select quote_ident(current_database())"))


def _needed(wanted: Iterator[Step], done: Mapping[tuple[str, str], bytes]) -> list[Step]:
    """Return the steps to run: what is new or has changed, and the grants of whatever was made anew."""
    found: list[Step] = []
    for step in wanted:
        before = done.get((step.scope, step.name))
        if before is not None and step.once and before != step.digest:
            raise MigrationChangedError(
                f"{step.scope}: {step.name} was changed after it ran; add a new one instead"
            )
        grants_anew = step.name.endswith("_grants.sql") and any(ran.scope == step.scope for ran in found)
        if before != step.digest or grants_anew:
            found.append(step)
    return found


async def _add_shards(connection: Connection, plan: Plan) -> None:
    await connection.execute(f"set local role {OWNER}")
    for log in plan.logs:
        there = {row["shard"] for row in await connection.fetch(statement("heads", log))}
        for shard in set(range(plan.shards)) - there:
            await connection.execute(f"select {log}.add_shard($1)", shard)
    await connection.execute("reset role")


def _step(scope: str, name: str, role: str, **names: str) -> Step:
    sql = _text(name)
    for key, value in names.items():
        sql = sql.replace("{" + key + "}", value)
    return Step(scope=scope, name=name, sql=sql, role=role)


@cache
def _text(name: str) -> str:
    """Return a file of this folder, or one of the functions beside the event store."""
    path = HERE / name
    return (path if path.exists() else FUNCTIONS / name).read_text()
