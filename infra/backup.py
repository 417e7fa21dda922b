"""Backups of one ledger: a folder with a dump of its database, and a manifest with the heads it holds.

A restored ledger is closed: no service can connect to it until `recover` has compared it with its topics
and brought back what came after the backup (`infra/recovery.py`).
"""

import shutil
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from infra.bus import Place
from infra.database import Connection, address, connect, quoted
from infra.event_store import StoreError
from infra.event_store.postgres.statements import statement as log_statement
from infra.local.errors import UnsupportedError
from infra.local.processes import Command, finish
from infra.local.wheels import ENVIRONMENT, postgres_program
from infra.migrations import Plan, fingerprint
from infra.migrations.ledgers import (
    LedgerExistsError,
    LedgerUnknownError,
    database_name,
    find_ledger,
    ledger_names,
    open_to_roles,
    upgrade_ledger,
)
from infra.verify import GivenHead

FORMAT = 1
DUMP_SECONDS_MAX = 24 * 3600.0
LIVING_SECONDS = 5.0
COMPRESSION = "1"
MANIFEST, DUMP = "manifest.json", "database.dump"
MAINTENANCE = "postgres"
"""The database that every server has: who renames or drops one must be connected to another."""

Verify = Callable[[str, Mapping[Place, GivenHead]], Awaitable[None]]
"""`verify(dsn, heads)`: raises StoreError where a database does not hold a whole ledger with these heads."""


class BackupError(StoreError):
    """A backup that cannot be made or used; the message says why."""


class LedgerInUseError(BackupError):
    """Services run on the ledger that is to be replaced."""


class KeptHead(msgspec.Struct, frozen=True):
    """A head that the dump holds at least."""

    log: str
    shard: int
    position: int
    chain: bytes


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is.

    Attributes:
        ledger: its name; `mode`: live or sandbox; `shards`: of each log.
        made_at: the database's clock before the dump began.
        schema: what tells the schema of one release from another's.
        heads: of every shard, read before the dump began.
        dump_bytes: size of the dump; `dump_sha256`: its hash.
    """

    ledger: str
    mode: str
    shards: int
    made_at: datetime
    schema: str
    heads: tuple[KeptHead, ...]
    dump_bytes: int = 0
    dump_sha256: bytes = b""
    backup: int = FORMAT

    @property
    def given(self) -> dict[Place, GivenHead]:
        """The heads, for a verification."""
        return {(one.log, one.shard): GivenHead(one.position, one.chain) for one in self.heads}


async def back_up(admin_dsn: str, name: str, plan: Plan, folder: Path) -> Manifest:
    """Write a backup of a ledger into a new folder, while it is in use; return its manifest.

    The dump is one consistent moment of logs, read models, checkpoints and keys. The folder gets its name
    when it is whole.

    Raises:
        BackupError: the folder is there already.
        LedgerUnknownError: there is no such ledger.
        LocalStackError: the dump failed; the text says why.
    """
    if folder.exists():
        raise BackupError(f"{folder} is there already")
    ledger = await find_ledger(admin_dsn, name)
    partial = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    dsn = address(admin_dsn, database=database_name(name))
    manifest = Manifest(
        ledger=name,
        mode=ledger.mode,
        shards=ledger.shards,
        made_at=await _clock(dsn),
        schema=fingerprint(plan),
        heads=await _heads(dsn, plan),
    )
    try:
        dump = partial / DUMP
        arguments = ("--format=custom", f"--compress={COMPRESSION}", "--no-password", f"--file={dump}")
        await _run("pg_dump", dsn, partial, *arguments)
        manifest = msgspec.structs.replace(manifest, dump_bytes=dump.stat().st_size, dump_sha256=_hash(dump))
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        (partial / MANIFEST).write_bytes(text + b"\n")
        (partial / "pg_dump.log").unlink(missing_ok=True)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return manifest


def manifest_of(folder: Path) -> Manifest:
    """Return the manifest of a backup whose dump is as it was made.

    Raises:
        BackupError: it is no backup, of a later format, or its dump was changed.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        if manifest.backup != FORMAT:
            raise BackupError(f"{folder}: a backup of format {manifest.backup}, this release reads {FORMAT}")
        if _hash(folder / DUMP) != manifest.dump_sha256:
            raise BackupError(f"{folder}: the dump is not the one that was made")
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"{folder}: no backup: {error}") from error
    return manifest


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger that was restored: closed until it is recovered. `kept`: the database that it replaced."""

    ledger: str
    manifest: Manifest
    kept: str | None


async def restore(
    admin_dsn: str,
    folder: Path,
    plan: Plan,
    verify: Verify,
    *,
    name: str | None = None,
    replace: bool = False,
) -> Restored:
    """Make a ledger from a backup, prove it, and put it in place, closed; what it replaces is kept aside.

    Args:
        admin_dsn: an administrator; the roles are there already.
        folder: the backup.
        plan: the schema of this release, to which an older backup is brought up.
        verify: proves the restored database against the heads of the manifest.
        name: of the ledger; None for the name it had.
        replace: a ledger of that name may be replaced.

    Raises:
        BackupError: the backup cannot be used, or services run on the ledger.
        LedgerExistsError: there is one, and it may not be replaced.
        StoreError: what was restored is not whole.
    """
    manifest = manifest_of(folder)
    name = name or manifest.ledger
    await _may_be_made(admin_dsn, name, replace=replace)
    fresh = f"restoring_{database_name(name)}"
    await _fill(admin_dsn, folder, fresh)
    try:
        dsn = address(admin_dsn, database=fresh)
        await _rename_identity(dsn, name)
        await verify(dsn, manifest.given)
        kept = await _put_in_place(admin_dsn, fresh, name, plan)
    except BaseException:
        await _drop(admin_dsn, fresh)
        raise
    await upgrade_ledger(admin_dsn, name, plan)
    return Restored(ledger=name, manifest=manifest, kept=kept)


async def _may_be_made(admin_dsn: str, name: str, *, replace: bool) -> None:
    if name not in await ledger_names(admin_dsn):
        return
    if not replace:
        raise LedgerExistsError(f"there is a ledger {name} already; to replace it, say so")
    living = await _living(address(admin_dsn, database=database_name(name)))
    if living:
        raise LedgerInUseError(f"stop the services of {name} first: {', '.join(living)}")


async def open_ledger(admin_dsn: str, name: str) -> None:
    """Let services connect to a ledger again."""
    await _limit(admin_dsn, database_name(name), -1)


async def is_closed(admin_dsn: str, name: str) -> bool:
    """Say whether a ledger was restored and not opened yet.

    Raises:
        LedgerUnknownError: there is no such ledger.
    """
    connection = await connect(admin_dsn)
    try:
        limit = await connection.fetchval(
            "select datconnlimit from pg_database where datname = $1", database_name(name)
        )
    finally:
        await connection.close()
    if limit is None:
        raise LedgerUnknownError(f"there is no ledger {name}")
    return bool(limit == 0)


async def _fill(admin_dsn: str, folder: Path, database: str) -> None:
    await _drop(admin_dsn, database)
    connection = await connect(address(admin_dsn, database=MAINTENANCE))
    try:
        await connection.execute(f"create database {quoted(database)} template template0 connection limit 0")
    finally:
        await connection.close()
    log = folder / "pg_restore.log"
    try:
        arguments = ("--no-password", "--exit-on-error", str(folder / DUMP))
        await _run("pg_restore", address(admin_dsn, database=database), folder, *arguments)
    except BaseException:
        await _drop(admin_dsn, database)
        raise
    finally:
        log.unlink(missing_ok=True)


async def _put_in_place(admin_dsn: str, fresh: str, name: str, plan: Plan) -> str | None:
    """Rename the restored database to the ledger's, and the ledger's aside; return where that is now."""
    database, kept = database_name(name), None
    connection = await connect(address(admin_dsn, database=MAINTENANCE))
    try:
        if name in await ledger_names(admin_dsn):
            stamp = await connection.fetchval("select to_char(clock_timestamp(), 'YYYYMMDDHH24MISS')")
            kept = f"replaced_{database}_{stamp}"
            await _rename(connection, database, kept)
        await _rename(connection, fresh, database)
        await open_to_roles(connection, database, plan)
    finally:
        await connection.close()
    return kept


async def _rename(connection: Connection, old: str, new: str) -> None:
    """Rename a database that nobody can connect to any more."""
    await connection.execute(f"alter database {quoted(old)} connection limit 0")
    await connection.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
        " where datname = $1 and pid <> pg_backend_pid()",
        old,
    )
    await connection.execute(f"alter database {quoted(old)} rename to {quoted(new)}")


async def _drop(admin_dsn: str, database: str) -> None:
    connection = await connect(address(admin_dsn, database=MAINTENANCE))
    try:
        await connection.execute(f"drop database if exists {quoted(database)} with (force)")
    finally:
        await connection.close()


async def _limit(admin_dsn: str, database: str, connections: int) -> None:
    connection = await connect(address(admin_dsn, database=MAINTENANCE))
    try:
        await connection.execute(f"alter database {quoted(database)} connection limit {connections}")
    finally:
        await connection.close()


async def _rename_identity(dsn: str, name: str) -> None:
    connection = await connect(dsn)
    try:
        await connection.execute("update ledger.identity set name = $1", name)
        # whoever served the old one does not serve this one
        await connection.execute("delete from ledger.replica")
    finally:
        await connection.close()


async def _living(dsn: str) -> list[str]:
    connection = await connect(dsn)
    try:
        rows = await connection.fetch(
            "select id from ledger.replica where seen_at > clock_timestamp() - make_interval(secs => $1)"
            " order by id",
            LIVING_SECONDS,
        )
    finally:
        await connection.close()
    return [row["id"] for row in rows]


async def _clock(dsn: str) -> datetime:
    connection = await connect(dsn)
    try:
        at: datetime = await connection.fetchval("select clock_timestamp()")
    finally:
        await connection.close()
    return at


async def _heads(dsn: str, plan: Plan) -> tuple[KeptHead, ...]:
    connection = await connect(dsn)
    try:
        found = [
            KeptHead(log, row["shard"], row["position"], row["chain"])
            for log in plan.logs
            for row in await connection.fetch(log_statement("heads", log))
        ]
    finally:
        await connection.close()
    return tuple(found)


async def _run(program: str, dsn: str, folder: Path, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; the password goes by the environment, never by an argument."""
    parts = urlsplit(dsn)
    place = (
        f"--host={parts.hostname}",
        f"--port={parts.port or 5432}",
        f"--username={unquote(parts.username or '')}",
        f"--dbname={unquote(parts.path.removeprefix('/'))}",
    )
    command = Command(
        name=program,
        argv=(str(_program(program)), *place, *arguments),
        log=folder / f"{program}.log",
        folder=Path("/"),
        environment={**ENVIRONMENT, "PGPASSWORD": unquote(parts.password or "")},
    )
    await finish(command, DUMP_SECONDS_MAX)


def _program(name: str) -> Path:
    """Return a program of PostgreSQL: from its wheel, or the one on the PATH."""
    try:
        return postgres_program(name)
    except UnsupportedError:
        found = shutil.which(name)
        if found is None:
            raise
        return Path(found)


def _hash(file: Path) -> bytes:
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").digest()
