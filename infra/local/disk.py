"""Room on the disk, asked before something is written rather than explained after it failed."""

import errno
import shutil
from pathlib import Path

from infra.local.errors import DiskFullError

MIB = 1 << 20


def free_mib(folder: Path) -> int:
    """The free space of the disk that holds a folder (or its nearest existing parent), in MiB."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(existing).free // MIB


def require_space(folder: Path, needed_mib: int) -> None:
    """Refuses when less than `needed_mib` MiB are free.

    Raises:
        DiskFullError: with what is free and what is needed.
    """
    free = free_mib(folder)
    if free < needed_mib:
        raise DiskFullError(str(folder), free, needed_mib)


def is_disk_full(problem: OSError) -> bool:
    """Whether a failed write failed for want of room (or of quota)."""
    return problem.errno in {errno.ENOSPC, errno.EDQUOT}
