"""What can go wrong with the stack on this machine, each with words that say what to do.

LocalStackError
├── PortTakenError       another program listens where ours wants to
├── DiskFullError        no room for data or downloads
├── DownloadError        a jar could not be had, or is not the one that was locked
├── NotReadyError        a server did not come up in time, or ended while it started
├── AlreadyRunningError  another supervisor holds the state folder
├── NotRunningError      nothing to stop or to ask
├── LedgerClosedError    the ledger was restored from a backup, and not recovered yet
├── LedgerUnreadyError   the ledger could not be made ready for the services
└── UnsupportedError     this machine lacks something that no wheel brings
"""


class LocalStackError(Exception):
    """Any trouble with the local stack; its text is meant for people."""


class PortTakenError(LocalStackError):
    """A stored port is in use by somebody else."""

    def __init__(self, part: str, port: int) -> None:
        """Names the part of the stack and the port."""
        super().__init__(
            f"{part}: port {port} on 127.0.0.1 is taken by another program. "
            f"Stop that program, or choose new ports with: capledger up --new-ports"
        )
        self.part = part
        self.port = port


class DiskFullError(LocalStackError):
    """The disk that holds a folder is full."""

    def __init__(self, folder: str, free_mib: int, needed_mib: int) -> None:
        """Sizes in MiB."""
        super().__init__(
            f"the disk of {folder} is full: {free_mib} MiB free, {needed_mib} MiB needed. Free some."
        )
        self.free_mib = free_mib
        self.needed_mib = needed_mib


class DownloadError(LocalStackError):
    """A pinned file could not be downloaded, or its content is not what was pinned."""


class NotReadyError(LocalStackError):
    """A server ended while starting or did not answer in time; holds the last lines of its log."""


class AlreadyRunningError(LocalStackError):
    """A supervisor already runs this state folder."""


class NotRunningError(LocalStackError):
    """No supervisor runs this state folder."""


class UnsupportedError(LocalStackError):
    """This machine or system cannot run a part of the stack."""


class LedgerClosedError(LocalStackError):
    """The ledger was restored from a backup and takes no service before it is recovered."""

    def __init__(self, ledger: str) -> None:
        """Names the ledger."""
        super().__init__(
            f"the ledger {ledger} is closed: it was restored from a backup, and what its topics hold beyond"
            " that must come back before anything is written. Start PostgreSQL and Kafka alone (capledger up"
            " --servers-only --detach), bring it back and open it (capledger recover), end them (capledger"
            " down), then start again"
        )
        self.ledger = ledger


class LedgerUnreadyError(LocalStackError):
    """The database refuses what the services need; the text says what."""
