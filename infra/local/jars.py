"""Kafka's jars: pinned by coordinate and sha256 in a lock, downloaded once for all clones on a machine."""

import fcntl
import hashlib
import itertools
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import platformdirs

from infra.local.disk import require_space
from infra.local.errors import DownloadError

KAFKA_VERSION = "4.4.0"
LOCK = Path(__file__).with_name(f"kafka-{KAFKA_VERSION}.lock")
DOWNLOAD_ATTEMPTS = 3
CACHE_MIB_NEEDED = 150

Progress = Callable[[int, int], None]
"""Called with (jars present, jars in all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One line of the lock: a Maven coordinate and the sha256 of its jar in hex."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name Maven gives the file."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def coordinate(self) -> str:
        """`group:artifact:version`."""
        return f"{self.group}:{self.artifact}:{self.version}"


def cache_folder() -> Path:
    """Where downloads that every clone shares lie (`XDG_CACHE_HOME` is respected)."""
    return platformdirs.user_cache_path("capledger")


def read_lock(lock: Path = LOCK) -> tuple[Jar, ...]:
    """The jars of a lock file, in its order.

    Raises:
        ValueError: a line is not `group:artifact:version sha256`.
    """
    jars: list[Jar] = []
    for line in lock.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        coordinate, sha256 = line.split(" ")
        group, artifact, version = coordinate.split(":")
        jars.append(Jar(group=group, artifact=artifact, version=version, sha256=sha256))
    return tuple(jars)


def sha256_of(path: Path) -> str:
    """The sha256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def missing(folder: Path, jars: tuple[Jar, ...]) -> list[Jar]:
    """The jars that are absent from a folder, or there with another content."""
    return [
        jar
        for jar in jars
        if not (folder / jar.file_name).is_file() or sha256_of(folder / jar.file_name) != jar.sha256
    ]


@contextmanager
def exclusive(folder: Path) -> Generator[None]:
    """Holds a folder against every other process on this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def ensure_jars(progress: Progress, folder: Path | None = None, lock: Path = LOCK) -> Path:
    """Makes sure that every jar of the lock is there and is the one that was locked; returns their folder.

    Args:
        progress: called as jars arrive; not called when nothing was missing.
        folder: where to; the cache of this user by default.
        lock: which jars.

    Raises:
        DownloadError: a jar could not be had after several attempts, or is another one.
        DiskFullError: there is no room for them.
    """
    jars = read_lock(lock)
    folder = folder or cache_folder() / lock.stem
    with exclusive(folder):
        if missing(folder, jars):
            _download(jars, folder, progress)
    return folder


def _download(jars: tuple[Jar, ...], folder: Path, progress: Progress) -> None:
    from infra.local.maven import fetch  # noqa: PLC0415 - half a second to import, needed once on a machine

    require_space(folder, CACHE_MIB_NEEDED)
    for attempt in range(1, DOWNLOAD_ATTEMPTS + 1):
        absent = missing(folder, jars)
        count = itertools.count(len(jars) - len(absent) + 1)
        try:
            fetch(absent, folder, partial(_step, progress, count, len(jars)))
        except DownloadError:
            if attempt == DOWNLOAD_ATTEMPTS:
                raise
        else:
            return


def _step(progress: Progress, count: Iterator[int], total: int) -> None:
    progress(next(count), total)


def class_path(folder: Path, lock: Path = LOCK) -> str:
    """The class path of the locked jars, always in the same order (an AOT cache depends on it)."""
    return ":".join(str(folder / name) for name in sorted(jar.file_name for jar in read_lock(lock)))
