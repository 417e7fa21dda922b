"""Who may do what: where credentials and their audit are kept, and the one object that decides on them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from infra.auth import Credential

LIVE_KEYS_MAX = 2


class TooManyKeysError(Exception):
    """Two keys of this tenant and label are live already."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit: who did what to what, with which key. Never a secret."""

    number: int = 0
    at: datetime
    actor: str
    credential: str | None
    action: str
    subject: str | None = None
    details: Mapping[str, Any] = {}


class KeyStore(Protocol):
    """The credentials of one ledger."""

    async def get(self, id_: str) -> Credential | None:
        """Return a credential, None if there is none of that id."""
        ...

    async def add(self, credential: Credential) -> None:
        """Keep a new credential.

        Raises:
            TooManyKeysError: two of its tenant and label are live.
        """
        ...

    async def revoke(self, id_: str, at: datetime) -> Credential | None:
        """Revoke a credential, if it is not revoked yet; return it as it is then, None if there is none."""
        ...

    async def of(self, tenant: str | None) -> Sequence[Credential]:
        """Return the credentials of a tenant (None: of all), by tenant, label and time, revoked ones too."""
        ...


class AuditLog(Protocol):
    """The audit of one ledger: only ever added to."""

    async def add(self, entries: Sequence[Entry]) -> None:
        """Keep entries; their numbers are given here."""
        ...

    async def read(self, tenant: str | None, after: int, limit: int) -> Sequence[Entry]:
        """Return entries about a tenant's keys (None: all) with `number > after`, oldest first."""
        ...
