"""The keys of one ledger: who a request is from, and what becomes of keys.

What is read of a credential is believed for 15 seconds, so that a revocation holds everywhere within 30.
Refused access is audited as one sum for each credential, reason and minute: nobody can fill the audit.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from infra.access import AuditLog, Entry, KeyStore
from infra.auth import SCOPES, Credential, Key, digest, fits, new_key

BELIEVED_SECONDS = 15.0
CACHED_MAX = 10_000
SUMS_MAX = 10_000
UNKNOWN = "(unknown)"
OPERATIONS = "operations"


class Access:
    """Decides on the credentials of one ledger."""

    def __init__(
        self,
        ledger: str,
        store: KeyStore,
        audit: AuditLog,
        pepper: bytes,
        *,
        now: Callable[[], datetime],
        seconds: Callable[[], float],
    ) -> None:
        """Take where things are kept.

        Args:
            ledger: whose keys these are.
            store: the credentials.
            audit: the audit.
            pepper: of the keyed hash, 32 bytes at least; not kept beside the credentials.
            now: the machine's time (a sandbox's clock stands still; access does not).
            seconds: a clock that only runs forward, for what is believed how long.
        """
        self.ledger, self.store, self.audit = ledger, store, audit
        self._pepper, self._now, self._seconds = pepper, now, seconds
        self._believed: OrderedDict[str, tuple[float, Credential | None]] = OrderedDict()
        self._tenants: tuple[float, frozenset[str]] | None = None
        self._refused: Counter[tuple[datetime, str, str, str]] = Counter()

    async def authenticate(self, key: Key) -> Credential | None:
        """Return the credential behind a key, None if the key does not hold; that is noted."""
        known = await self._credential(key.id)
        if fits(key, known, self._pepper) and known is not None and known.revoked_at is None:
            return known
        if known is None:
            self.note_refusal(UNKNOWN, UNKNOWN, "unknown")
        else:
            revoked = known.revoked_at is not None
            self.note_refusal(known.tenant, known.id, "revoked" if revoked else "wrong_secret")
        return None

    def note_refusal(self, tenant: str, credential: str, reason: str) -> None:
        """Count one refused access; `flush` writes the sums."""
        place = (self._now().replace(second=0, microsecond=0), tenant, credential, reason)
        if place in self._refused or len(self._refused) < SUMS_MAX:
            self._refused[place] += 1

    async def flush(self, *, everything: bool = False) -> None:
        """Write the sums of the minutes that are over (or of all)."""
        minute = self._now().replace(second=0, microsecond=0)
        ended = [place for place in self._refused if everything or place[0] < minute]
        entries = [
            Entry(
                at=at,
                actor=tenant,
                credential=None if credential == UNKNOWN else credential,
                action="access.refused",
                details={"reason": reason, "times": self._refused[at, tenant, credential, reason]},
            )
            for at, tenant, credential, reason in sorted(ended)
        ]
        for place in ended:
            del self._refused[place]
        if entries:
            await self.audit.add(entries)

    async def create(
        self,
        tenant: str,
        scopes: Sequence[str],
        label: str,
        by: Credential | None,
        action: str = "key.created",
    ) -> tuple[Credential, Key]:
        """Make a key; it is told once and never again.

        Raises:
            TooManyKeysError: two of this tenant and label are live.
        """
        key = new_key(self.ledger)
        credential = Credential(
            id=key.id,
            tenant=tenant,
            scopes=tuple(sorted(set(scopes))),
            digest=digest(key, self._pepper),
            label=label,
            created_at=self._now(),
            created_by=None if by is None else by.id,
        )
        await self.store.add(credential)
        details = {"tenant": tenant, "scopes": list(credential.scopes), "label": label}
        await self._note(by, action, key.id, details)
        self._believed.pop(key.id, None)
        self._tenants = None
        return credential, key

    async def rotate(self, old: Credential, by: Credential) -> tuple[Credential, Key]:
        """Make a second key like `old`, which goes on holding until it is revoked.

        Raises:
            TooManyKeysError: two are live already.
        """
        return await self.create(old.tenant, old.scopes, old.label, by, "key.rotated")

    async def revoke(self, id_: str, by: Credential) -> Credential | None:
        """Revoke a key: at once here, within 30 seconds everywhere; None if there is none."""
        before = await self.store.get(id_)
        revoked = await self.store.revoke(id_, self._now())
        if revoked is not None and before is not None and before.revoked_at is None:
            await self._note(by, "key.revoked", id_, {"tenant": revoked.tenant, "label": revoked.label})
        self._believed.pop(id_, None)
        self._tenants = None
        return revoked

    async def tenants(self) -> frozenset[str]:
        """Return the tenants with a key that holds; believed for a moment."""
        now = self._seconds()
        if self._tenants is None or now - self._tenants[0] >= BELIEVED_SECONDS:
            live = [kept for kept in await self.store.of(None) if kept.revoked_at is None]
            self._tenants = (now, frozenset(kept.tenant for kept in live))
        return self._tenants[1]

    async def _note(
        self, by: Credential | None, action: str, subject: str, details: Mapping[str, object]
    ) -> None:
        actor, credential = (UNKNOWN, None) if by is None else (by.tenant, by.id)
        await self.audit.add(
            [
                Entry(
                    at=self._now(),
                    actor="(bootstrap)" if by is None else actor,
                    credential=credential,
                    action=action,
                    subject=subject,
                    details=details,
                )
            ]
        )

    async def _credential(self, id_: str) -> Credential | None:
        now = self._seconds()
        kept = self._believed.get(id_)
        if kept is not None and now - kept[0] < BELIEVED_SECONDS:
            self._believed.move_to_end(id_)
            return kept[1]
        found = await self.store.get(id_)
        self._believed[id_] = (now, found)
        while len(self._believed) > CACHED_MAX:
            self._believed.popitem(last=False)
        return found


async def bootstrap(access: Access) -> Key | None:
    """Make a ledger's first key, which may do everything; None if the ledger has had a key before."""
    if await access.store.of(None):
        return None
    _, key = await access.create(OPERATIONS, tuple(SCOPES), "first", None)
    return key


def shown(credential: Credential) -> dict[str, object]:
    """Return what may be told of a credential: everything but its digest."""
    told: dict[str, object] = msgspec.structs.asdict(credential)
    del told["digest"]
    return told
