"""Sealed tokens: receipts, bases, cursors, places of events. They tell us everything, their holder nothing.

A token is sealed deterministically (AES-SIV, RFC 5297) under a key that it names, so that the same content
has the same bytes; its kind and ledger are authenticated with it. Content is padded, so that its length does
not say how much was read. A key that is no longer used for sealing still opens what it sealed.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256, sha512
from typing import Any, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from infra.event_store import Cut

KEY_BYTES = 64
BLOCK_BYTES = 64
KEY_ID_CHARACTERS = 6
TOKEN_CHARACTERS_MAX = 8192

Kind = Literal["receipt", "basis", "page", "stream", "event"]
PREFIXES: Mapping[Kind, str] = {
    "receipt": "rcp",
    "basis": "bas",
    "page": "pag",
    "stream": "str",
    "event": "evt",
}
_TOKEN = re.compile(r"([a-z]{3})_([a-z0-9]{1,16})_([A-Za-z0-9_-]+)\Z")
_END = b"\x80"

Positions = tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
T = TypeVar("T", bound=msgspec.Struct)


class TokenError(ValueError):
    """A token that does not hold: mistyped, of another kind or ledger, or sealed under a key that is gone."""


class ReceiptMark(msgspec.Struct, frozen=True, array_like=True):
    """Where an accepted command's events lie; positions are None if it brought nothing about."""

    log: str
    shard: int
    first: int | None
    last: int | None


class Basis(msgspec.Struct, frozen=True, array_like=True):
    """What an answer rests on.

    Attributes:
        ask: its name, None for a mark of everything known.
        version: of the ask.
        valid_at: the instant asked about, None if the clock was meant.
        positions: of every shard that mattered, by log; one that is not named counts as 0.
        question: what was asked by whom, 8 bytes of a hash; empty for a mark.
        digest: of the answer, 16 bytes of a hash; empty for a mark.
    """

    ask: str | None
    version: int
    valid_at: datetime | None
    positions: Positions
    question: bytes = b""
    digest: bytes = b""

    @property
    def cut(self) -> Cut:
        """What was known."""
        return cut_of(self.positions)


class PageMark(msgspec.Struct, frozen=True, array_like=True):
    """Where a history goes on: its reader, about whom, what its first page knew, how far it came."""

    reader: str | None
    about: str | None
    up_to: Positions
    after: Positions


class StreamMark(msgspec.Struct, frozen=True, array_like=True):
    """How far a feed has come in each shard, and who reads it about whom."""

    reader: str | None
    about: str | None
    after: Positions


class EventMark(msgspec.Struct, frozen=True, array_like=True):
    """Where one event lies, for those who may see it but not its place."""

    log: str
    shard: int
    position: int


MARKS: Mapping[Kind, type[msgspec.Struct]] = {
    "receipt": ReceiptMark,
    "basis": Basis,
    "page": PageMark,
    "stream": StreamMark,
    "event": EventMark,
}


class Opened(msgspec.Struct, frozen=True):
    """What a token holds, and the key that it was sealed under."""

    mark: Any
    key: str


class Sealer:
    """Seals under one key, opens under all it has."""

    def __init__(self, keys: Mapping[str, bytes], active: str) -> None:
        """Take the keys by id (1 to 16 of a-z and 0-9; 64 bytes each), and the id of the one that seals.

        Raises:
            ValueError: a key of another length, or the active one is missing.
        """
        if active not in keys:
            raise ValueError(f"the active sealing key {active!r} is not among the keys")
        if any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a sealing key has {KEY_BYTES} bytes")
        self._ciphers = {name: AESSIV(key) for name, key in keys.items()}
        self._active = active

    def seal(self, kind: Kind, ledger: str, mark: msgspec.Struct, key: str | None = None) -> str:
        """Return the token of a mark; `key` repeats an earlier token's bytes after a rotation."""
        name = key or self._active
        plain = msgspec.msgpack.encode(mark) + _END
        plain += bytes(-len(plain) % BLOCK_BYTES)
        sealed = self._ciphers[name].encrypt(plain, _bound(kind, ledger, name))
        return f"{PREFIXES[kind]}_{name}_{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def open(self, kind: Kind, ledger: str, token: str) -> Opened:
        """Return what a token holds.

        Raises:
            TokenError: it does not hold.
        """
        match = _TOKEN.match(token) if len(token) <= TOKEN_CHARACTERS_MAX else None
        if match is None or match[1] != PREFIXES[kind] or match[2] not in self._ciphers:
            raise TokenError(f"no {kind} of this ledger")
        name = match[2]
        try:
            sealed = base64.urlsafe_b64decode(match[3] + "=" * (-len(match[3]) % 4))
            plain = self._ciphers[name].decrypt(sealed, _bound(kind, ledger, name))
            mark: Any = msgspec.msgpack.decode(plain.rstrip(b"\0").removesuffix(_END), type=MARKS[kind])
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise TokenError(f"no {kind} of this ledger") from error
        return Opened(mark, name)

    def kind(self, token: str) -> Kind | None:
        """Return what kind of token a text claims to be, None if it is none."""
        match = _TOKEN.match(token)
        if match is None:
            return None
        return next((kind for kind, prefix in PREFIXES.items() if prefix == match[1]), None)


def open_sealer() -> Sealer:
    """Return the sealer of a ledger that is read where nobody is kept from anything, such as in memory.

    Its key is no secret: the tokens have their form, and hide nothing.
    """
    return Sealer({"open": sha512(b"capledger").digest()}, "open")


def sealer_of(text: str) -> Sealer:
    """Return the sealer whose keys a secret file holds: one hexadecimal key a line, the first one seals.

    A key's id is made from the key, so that a rotation is one more line on top, and nothing else.

    Raises:
        ValueError: no key, or not hexadecimal.
    """
    keys = [bytes.fromhex(line) for line in text.split()]
    if not keys:
        raise ValueError("there is no sealing key")
    named = {sha256(key).hexdigest()[:KEY_ID_CHARACTERS]: key for key in keys}
    return Sealer(named, sha256(keys[0]).hexdigest()[:KEY_ID_CHARACTERS])


def positions_of(cut: Cut) -> Positions:
    """Return a cut in its one canonical form: by log and shard, without zeros."""
    logs = sorted({log for (log, _), position in cut.positions.items() if position})
    return tuple(
        (log, tuple(sorted((s, p) for (at, s), p in cut.positions.items() if at == log and p)))
        for log in logs
    )


def cut_of(positions: Positions) -> Cut:
    """Return the cut that a canonical form stands for."""
    return Cut({(log, shard): position for log, found in positions for shard, position in found})


def _bound(kind: Kind, ledger: str, key: str) -> list[bytes]:
    return [kind.encode(), ledger.encode(), key.encode()]
