"""The file of a bundle: gzip of JSON lines. A header, events and leaves by log, shard and position, an end.

Each event carries the chain before it and its leaf, so that its own link in the chain can be computed again
although the events between two of a bundle are another's and are left out. Where leaves of those are put in
(hashes, which tell nothing of what they stand for), the chain holds from the first event to the last.
"""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Self
from uuid import UUID

import msgspec

from infra.event_store import Recorded, StoreError

FORMAT = 1
LEVEL = 6


class BundleDamagedError(StoreError):
    """A file that is no bundle, is cut off, or was changed; the message names the line."""


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="header"):
    """What a bundle holds.

    Attributes:
        bundle: version of this format.
        ledger: its ledger's name; `mode`: live or sandbox.
        shards: how many shards each log has.
        tenant: whose events, or in whose book the stream lies.
        stream: the one stream, with its `log`; None for everything that the tenant may see.
        heads: positions that were known, by `log/shard`: everything up to there was looked at.
        made_at: the ledger's clock when it was made.
        leaves: whether the leaves of all other events are in it.
        types: the event types in it, each with the hash of its JSON Schema.
        states: version of the state of each category, by `log/category`.
    """

    ledger: str
    mode: str
    shards: int
    tenant: str
    heads: Mapping[str, int]
    made_at: datetime
    leaves: bool
    types: Mapping[str, str]
    states: Mapping[str, int]
    log: str | None = None
    stream: str | None = None
    bundle: int = FORMAT


class Sealed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="event"):
    """An event with its link: `previous` is the chain before it; payload and meta are the texts hashed."""

    log: str
    shard: int
    position: int
    tenant: str
    stream: str
    version: int
    event_id: UUID
    type: str
    effective_at: datetime
    recorded_at: datetime
    payload: str
    meta: str
    leaf: bytes
    previous: bytes
    chain: bytes
    counterparty: str | None = None

    @property
    def recorded(self) -> Recorded:
        """The event as a log has it."""
        return Recorded(
            log=self.log,
            shard=self.shard,
            position=self.position,
            tenant=self.tenant,
            counterparty=self.counterparty,
            stream=self.stream,
            version=self.version,
            event_id=self.event_id,
            type=self.type,
            effective_at=self.effective_at,
            recorded_at=self.recorded_at,
            payload=self.payload.encode(),
            meta_bytes=self.meta.encode(),
            chain=self.chain,
        )


class OtherLeaf(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="leaf"):
    """The link of an event that is not in the bundle: only its hash, and when it was recorded."""

    log: str
    shard: int
    position: int
    recorded_at: datetime
    leaf: bytes


class End(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="end"):
    """The last line: how many lines there are before it, and the hash of them all."""

    lines: int
    digest: bytes


Line = Header | Sealed | OtherLeaf | End
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle as read; links in the order of the file."""

    header: Header
    links: tuple[Sealed | OtherLeaf, ...]

    @property
    def events(self) -> list[Sealed]:
        """The events in it."""
        return [link for link in self.links if isinstance(link, Sealed)]


def sealed(recorded: Recorded, previous: bytes) -> Sealed:
    """Return an event with its link, `previous` being the chain before it."""
    return Sealed(
        log=recorded.log,
        shard=recorded.shard,
        position=recorded.position,
        tenant=recorded.tenant,
        counterparty=recorded.counterparty,
        stream=recorded.stream,
        version=recorded.version,
        event_id=UUID(int=recorded.event_id.int),
        type=recorded.type,
        effective_at=recorded.effective_at,
        recorded_at=recorded.recorded_at,
        payload=recorded.payload.decode(),
        meta=recorded.meta_bytes.decode(),
        leaf=recorded.leaf(),
        previous=previous,
        chain=recorded.chain,
    )


def other_leaf(recorded: Recorded) -> OtherLeaf:
    """Return the link of an event without the event."""
    return OtherLeaf(
        log=recorded.log,
        shard=recorded.shard,
        position=recorded.position,
        recorded_at=recorded.recorded_at,
        leaf=recorded.leaf(),
    )


class Writer:
    """Writes lines to a file under another name, which takes its own when it is whole; use as a context."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self._path, self._partial = path, path.with_name(f".{path.name}.new")
        self._digest, self._lines = sha256(), 0
        self._raw: BinaryIO | None = None
        self._file: gzip.GzipFile | None = None

    def add(self, line: Header | Sealed | OtherLeaf) -> None:
        """Write one line."""
        self._put(msgspec.json.encode(line) + b"\n")

    def add_all(self, lines: Iterable[Sealed | OtherLeaf]) -> None:
        """Write some lines."""
        for line in lines:
            self.add(line)

    def __enter__(self) -> Self:
        """Open the file."""
        self._raw = self._partial.open("wb")
        # neither name nor time in it: the same events are the same bytes
        self._file = gzip.GzipFile("", "wb", LEVEL, self._raw, mtime=0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        """Write the end and give the file its name; after a fault nothing is left."""
        assert self._raw is not None, "it was entered"
        assert self._file is not None, "it was entered"
        if kind is None:
            self._put(msgspec.json.encode(End(lines=self._lines, digest=self._digest.digest())) + b"\n")
        self._file.close()
        self._raw.close()
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink()

    def _put(self, line: bytes) -> None:
        assert self._file is not None, "it was entered"
        self._digest.update(line)
        self._lines += 1
        self._file.write(line)


def read(path: Path) -> Bundle:
    """Return the bundle in a file; that it is whole is checked, that it is true is `prove`'s.

    Raises:
        BundleDamagedError: it is no bundle, of a later format, cut off or changed.
        OSError: it cannot be read.
    """
    header: Header | None = None
    links: list[Sealed | OtherLeaf] = []
    for number, line in enumerate(_lines(path), start=1):
        match line:
            case Header() if number == 1:
                header = line
                if line.bundle != FORMAT:
                    raise BundleDamagedError(f"{path}: of format {line.bundle}, this release reads {FORMAT}")
            case Sealed() | OtherLeaf() if header is not None:
                links.append(line)
            case End() if header is not None:
                return Bundle(header=header, links=tuple(links))
            case _:
                raise BundleDamagedError(f"{path}, line {number}: unexpected here")
    raise BundleDamagedError(f"{path}: cut off, it has no end")


def _lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a file up to its end, whose digest must be that of what came before."""
    digest, number = sha256(), 0
    with path.open("rb") as raw:
        try:
            with gzip.GzipFile(fileobj=raw) as file:
                for text in file:
                    number += 1
                    line = _decoder.decode(text)
                    if isinstance(line, End) and (line.lines, line.digest) != (number - 1, digest.digest()):
                        raise BundleDamagedError(f"{path}: changed: its digest is not that of its lines")
                    digest.update(text)
                    yield line
        except (msgspec.DecodeError, gzip.BadGzipFile, EOFError, UnicodeDecodeError) as error:
            raise BundleDamagedError(f"{path}, line {number}: {error}") from error
        except OSError as error:
            raise BundleDamagedError(f"{path}: {error}") from error
