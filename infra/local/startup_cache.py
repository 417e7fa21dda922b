"""Java's ahead-of-time cache: classes as an earlier start left them, so that the next is three times as fast.

The first broker on a machine writes it while it stops (some five seconds, once); the later ones read it. Java
itself refuses one that was made by another Java or for other jars, and goes on without.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import psutil

CACHES_KEPT = 4  # 64 MB each; every clone has a Java, and so a cache, of its own


class StartupCache:
    """The cache for one Java, one set of flags and one class path."""

    def __init__(self, folder: Path, java: Path, flags: tuple[str, ...], class_path: str) -> None:
        """Nothing is written; `folder` is where such caches lie."""
        modules = (java.parent.parent / "lib" / "modules").stat()
        told_apart_by = (str(java), modules.st_size, modules.st_mtime_ns, flags, class_path)
        key = hashlib.sha256(repr(told_apart_by).encode()).hexdigest()[:16]
        self._path = folder / f"{key}.aot"
        self._partial = folder / f"{key}.{os.getpid()}.partial"
        self.writing = False

    def flags(self) -> tuple[str, ...]:
        """The flag that makes Java read the cache, or write one when there is none."""
        self.writing = not self._path.exists()
        if self.writing:
            return (f"-XX:AOTCacheOutput={self._partial}",)
        return (f"-XX:AOTCache={self._path}",)

    def settle(self, *, clean: bool) -> None:
        """After Java's end: keeps what it wrote if it ended by itself, and removes it otherwise."""
        if self.writing and clean and self._partial.exists():
            self._partial.replace(self._path)
            self._prune()
        elif self.writing:
            with suppress(FileNotFoundError):
                self._partial.unlink()
        self.writing = False

    def _prune(self) -> None:
        folder = self._path.parent
        newest_first = sorted(folder.glob("*.aot"), key=lambda path: -path.stat().st_mtime_ns)
        # a supervisor that was killed while its Java wrote has left a part behind
        orphans = [path for path in folder.glob("*.partial*") if not psutil.pid_exists(_writer(path))]
        for path in (*newest_first[CACHES_KEPT:], *orphans):
            path.unlink(missing_ok=True)


def _writer(partial: Path) -> int:
    return int(partial.name.split(".")[1])
