"""What a supervisor tells the other commands: a small file in the state folder, replaced whole each time."""

from pathlib import Path

import msgspec

from infra.local.parts import PartReport, PartState
from infra.local.stack import FolderLock


class PartStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far one part is, and where it listens or what went wrong."""

    state: PartState
    detail: str = ""


class StackStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole stack: `ready` once every part was; `pid` is the supervisor's."""

    pid: int
    ready: bool = False
    parts: dict[str, PartStatus] = {}


class StatusFile:
    """The file of a state folder; written by its supervisor, read by anybody."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read or written yet."""
        self._folder = folder
        self._path = folder / "status.json"

    def write(self, status: StackStatus) -> None:
        """Replaces the file."""
        partial = self._path.with_suffix(".new")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(status), indent=2) + b"\n")
        partial.replace(self._path)

    def read(self) -> StackStatus | None:
        """The status of the supervisor that runs this folder; None when none does."""
        if not FolderLock(self._folder).is_held() or not self._path.exists():
            return None
        return msgspec.json.decode(self._path.read_bytes(), type=StackStatus)


def with_report(status: StackStatus, report: PartReport) -> StackStatus:
    """The status after a step of progress."""
    part = PartStatus(state=report.state, detail=report.detail)
    return msgspec.structs.replace(status, parts={**status.parts, report.part: part})
