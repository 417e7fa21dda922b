"""Credentials and audit in the ledger's own database."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from infra.access import LIVE_KEYS_MAX, Entry, TooManyKeysError
from infra.auth import Credential
from infra.database import Database, Row, committing
from infra.statements import statement

_statement = partial(statement, Path(__file__).parent / "access.sql")


class PostgresKeyStore:
    """See `KeyStore`."""

    def __init__(self, database: Database) -> None:
        """Take the ledger's database, opened as a service."""
        self._database = database

    async def get(self, id_: str) -> Credential | None:
        """See `KeyStore.get`."""
        async with self._database.reading() as connection:
            row = await connection.fetchrow(_statement("get"), id_)
        return None if row is None else _credential(row)

    async def add(self, credential: Credential) -> None:
        """See `KeyStore.add`."""
        with committing():
            async with self._database.appending() as connection, connection.transaction():
                await connection.execute(_statement("lock"), f"{credential.tenant}/{credential.label}")
                live = await connection.fetchval(_statement("live"), credential.tenant, credential.label)
                if live >= LIVE_KEYS_MAX:
                    raise TooManyKeysError(credential.label)
                await connection.execute(
                    _statement("add"),
                    credential.id,
                    credential.tenant,
                    credential.digest,
                    list(credential.scopes),
                    credential.label,
                    credential.created_at,
                    credential.created_by,
                )

    async def revoke(self, id_: str, at: datetime) -> Credential | None:
        """See `KeyStore.revoke`."""
        with committing():
            async with self._database.appending() as connection:
                row = await connection.fetchrow(_statement("revoke"), id_, at)
        return None if row is None else _credential(row)

    async def of(self, tenant: str | None) -> Sequence[Credential]:
        """See `KeyStore.of`."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(_statement("of"), tenant)
        return [_credential(row) for row in rows]


class PostgresAuditLog:
    """See `AuditLog`."""

    def __init__(self, database: Database) -> None:
        """Take the ledger's database, opened as a service."""
        self._database = database

    async def add(self, entries: Sequence[Entry]) -> None:
        """See `AuditLog.add`."""
        rows = [
            (
                entry.at,
                entry.actor,
                entry.credential,
                entry.action,
                entry.subject,
                msgspec.json.encode(entry.details).decode(),
            )
            for entry in entries
        ]
        with committing():
            async with self._database.appending() as connection:
                await connection.executemany(_statement("audit"), rows)

    async def read(self, tenant: str | None, after: int, limit: int) -> Sequence[Entry]:
        """See `AuditLog.read`."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(_statement("audited"), tenant, after, limit)
        return [
            Entry(
                number=row["number"],
                at=row["at"],
                actor=row["actor"],
                credential=row["credential"],
                action=row["action"],
                subject=row["subject"],
                details=msgspec.json.decode(row["details"]),
            )
            for row in rows
        ]


def _credential(row: Row) -> Credential:
    return Credential(
        id=row["id"],
        tenant=row["tenant"],
        scopes=tuple(row["scopes"]),
        digest=bytes(row["digest"]),
        label=row["label"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        revoked_at=row["revoked_at"],
    )
