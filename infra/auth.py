"""Credentials: what a key looks like, what is kept of it, and what it allows.

A key is `clk_<ledger>_<id>_<secret>_<crc>`. Its secret has 256 random bits, so that a keyed hash
(HMAC-SHA-256 under a pepper that is not in the database) is as good as a slow one, and cannot be used to
take the service down. Only the hash is kept; it is compared in constant time.
"""

import hmac
import re
import secrets
import zlib
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

import msgspec

PEPPER_BYTES_MIN = 32
ID_CHARACTERS = 16
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_SECRET_CHARACTERS = 52
_KEY = re.compile(
    r"clk_(?P<ledger>[a-z0-9][a-z0-9-]{0,62})_(?P<id>[a-z2-7]{16})_(?P<secret>[a-z2-7]{52})_(?P<crc>[0-9a-f]{8})\Z"
)

KEYS_ADMIN = "keys:admin"
LEDGER_ADMIN = "ledger:admin"
LEDGER_FOLLOW = "ledger:follow"
LEDGER_READ = "ledger:read"
LEDGER_REPLAY = "ledger:replay"
HISTORY_READ = "history:read"

SCOPES: Mapping[str, str] = {
    "contracts:write": "sign, amend, end contracts and act on them",
    "contracts:read": "ask about one's own contracts",
    "capacity:write": "register pools, reserve, pass on, recall",
    "capacity:report": "report phases, outages and usage",
    "capacity:read": "ask about one's own pools and holdings",
    "settlement:write": "issue statements, record payments, dispute, net",
    "settlement:read": "ask about one's own statements, balances and books",
    HISTORY_READ: "read and follow the events in which one is a party",
    KEYS_ADMIN: "create, rotate and revoke the keys of one's own tenant, and read their audit",
    LEDGER_READ: "operations: read every tenant's events, open bases",
    LEDGER_FOLLOW: "operations: read whole logs with their positions",
    LEDGER_REPLAY: "operations: make sandboxes, move their clocks, check their invariants",
    LEDGER_ADMIN: "operations: create tenants, manage every tenant's keys",
}
TENANT_SCOPES: tuple[str, ...] = tuple(scope for scope in SCOPES if not scope.startswith("ledger:"))


class MalformedKeyError(ValueError):
    """A text that cannot be a key: mistyped or cut off."""


class Key(msgspec.Struct, frozen=True):
    """A key as its holder has it. Never logged, never kept."""

    ledger: str
    id: str
    secret: str

    def __str__(self) -> str:
        """Return its one written form."""
        body = f"clk_{self.ledger}_{self.id}_{self.secret}"
        return f"{body}_{zlib.crc32(body.encode()):08x}"

    def __repr__(self) -> str:
        """Return it without its secret, for whatever may end in a log."""
        return f"Key({self.ledger}, {self.id})"


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key.

    Attributes:
        id: names the key in audits and logs.
        tenant: as whom it acts.
        scopes: what it may do.
        digest: HMAC-SHA-256 of the written key without its checksum.
        label: what it is for; two keys with one label may be live at once, for a rotation.
        created_at: when.
        created_by: the id of the key that created it, None for the first one.
        revoked_at: from when on it does not hold, None while it does.
    """

    id: str
    tenant: str
    scopes: tuple[str, ...]
    digest: bytes
    label: str
    created_at: datetime
    created_by: str | None = None
    revoked_at: datetime | None = None

    def allows(self, scope: str) -> bool:
        """Say whether it has a scope."""
        return scope in self.scopes


def parse(text: str) -> Key:
    """Return the key that a text is.

    Raises:
        MalformedKeyError: it is none; a typing slip is found by its checksum without asking anybody.
    """
    match = _KEY.match(text)
    if match is None:
        raise MalformedKeyError("not of the form clk_<ledger>_<id>_<secret>_<crc>")
    key = Key(match["ledger"], match["id"], match["secret"])
    if not hmac.compare_digest(str(key), text):
        raise MalformedKeyError("the checksum does not fit: mistyped or cut off")
    return key


def new_key(ledger: str) -> Key:
    """Return a fresh key of a ledger."""
    return Key(ledger, _random(ID_CHARACTERS), _random(_SECRET_CHARACTERS))


def digest(key: Key, pepper: bytes) -> bytes:
    """Return what is kept of a key (32 bytes).

    Raises:
        ValueError: the pepper is shorter than 32 bytes.
    """
    if len(pepper) < PEPPER_BYTES_MIN:
        raise ValueError(f"a pepper has {PEPPER_BYTES_MIN} bytes at least")
    return hmac.new(pepper, f"clk_{key.ledger}_{key.id}_{key.secret}".encode(), sha256).digest()


def fits(key: Key, credential: Credential | None, pepper: bytes) -> bool:
    """Say whether a key is the one that a credential was made for, in the same time whatever the answer."""
    kept = bytes(32) if credential is None else credential.digest
    return hmac.compare_digest(digest(key, pepper), kept) and credential is not None


def _random(characters: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(characters))
