"""Credentials and audit in memory: for tests and for ledgers that end with the process."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from infra.access import LIVE_KEYS_MAX, Entry, TooManyKeysError
from infra.auth import Credential


class MemoryKeyStore:
    """See `KeyStore`."""

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        """Start with some credentials."""
        self._kept = {credential.id: credential for credential in credentials}

    async def get(self, id_: str) -> Credential | None:
        """See `KeyStore.get`."""
        return self._kept.get(id_)

    async def add(self, credential: Credential) -> None:
        """See `KeyStore.add`."""
        of_label = [
            kept
            for kept in self._kept.values()
            if (kept.tenant, kept.label) == (credential.tenant, credential.label) and kept.revoked_at is None
        ]
        if len(of_label) >= LIVE_KEYS_MAX:
            raise TooManyKeysError(credential.label)
        self._kept[credential.id] = credential

    async def revoke(self, id_: str, at: datetime) -> Credential | None:
        """See `KeyStore.revoke`."""
        kept = self._kept.get(id_)
        if kept is not None and kept.revoked_at is None:
            kept = self._kept[id_] = msgspec.structs.replace(kept, revoked_at=at)
        return kept

    async def of(self, tenant: str | None) -> Sequence[Credential]:
        """See `KeyStore.of`."""
        found = [kept for kept in self._kept.values() if tenant is None or kept.tenant == tenant]
        return sorted(found, key=lambda kept: (kept.tenant, kept.label, kept.created_at, kept.id))


class MemoryAuditLog:
    """See `AuditLog`."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: list[Entry] = []

    async def add(self, entries: Sequence[Entry]) -> None:
        """See `AuditLog.add`."""
        for entry in entries:
            self._entries.append(msgspec.structs.replace(entry, number=len(self._entries) + 1))

    async def read(self, tenant: str | None, after: int, limit: int) -> Sequence[Entry]:
        """See `AuditLog.read`."""
        found = [entry for entry in self._entries[after:] if tenant is None or _about(entry, tenant)]
        return found[:limit]


def _about(entry: Entry, tenant: str) -> bool:
    return tenant in {entry.actor, entry.details.get("tenant")}
