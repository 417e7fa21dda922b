"""As whom PostgreSQL runs: it refuses to be root.

A normal user runs it as itself. Root shows itself to it as another user in a user namespace: its files stay
root's, it works below private folders, and nothing is chowned. Where namespaces are forbidden, root hands the
data folder to `nobody`, who must be able to enter the folders above it.
"""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from infra.local.errors import UnsupportedError
from infra.local.processes import Identity

NOBODY = "nobody"
UNSHARE = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
PROBE_SECONDS_MAX = 5


def can_unshare() -> bool:
    """Whether this system lets us make a user namespace."""
    if shutil.which(UNSHARE[0]) is None:
        return False
    probe = subprocess.run([*UNSHARE, "true"], capture_output=True, check=False, timeout=PROBE_SECONDS_MAX)
    return probe.returncode == 0


def server_identity() -> Identity:
    """How PostgreSQL is to be started by the present user.

    Raises:
        UnsupportedError: root, no namespaces, and no user `nobody`.
    """
    if os.geteuid() != 0:
        return Identity()
    if can_unshare():
        return Identity(prefix=UNSHARE)
    return nobody()


def nobody() -> Identity:
    """The unprivileged user, for root without namespaces.

    Raises:
        UnsupportedError: there is no such user.
    """
    try:
        entry = pwd.getpwnam(NOBODY)
    except KeyError as problem:
        message = "PostgreSQL refuses root; here are neither user namespaces nor a user 'nobody' to run it as"
        raise UnsupportedError(message) from problem
    return Identity(user=entry.pw_uid, group=entry.pw_gid)


def hand_over(folder: Path, identity: Identity) -> None:
    """Gives a folder and what is in it to the user that an identity switches to, if it does.

    Raises:
        UnsupportedError: that user could not enter one of the folders above it.
    """
    if identity.user is None or identity.group is None:
        return
    closed = [str(above) for above in folder.parents if not above.stat().st_mode & stat.S_IXOTH]
    if closed:
        raise UnsupportedError(
            f"PostgreSQL has to run as '{NOBODY}' here, who cannot enter {closed[-1]}. "
            f"Put the state elsewhere, for example: capledger up --dir /var/tmp/capledger"
        )
    for path in (folder, *folder.rglob("*")):
        os.chown(path, identity.user, identity.group)
