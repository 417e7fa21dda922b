"""Maven, reached through jgo (pure Python): fetches pinned jars, and resolves what to pin.

`python -m infra.local.maven` resolves the lock anew (for a change of `KAFKA_VERSION`).
"""

import logging
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from jgo.env import EnvironmentBuilder, LinkStrategy
from jgo.maven import MavenContext

from infra.local.errors import DownloadError
from infra.local.jars import KAFKA_VERSION, LOCK, Jar, sha256_of

DOWNLOADS_AT_ONCE = 8
DOWNLOAD_TIMEOUT_SECONDS = 60


def _fetch_one(maven: MavenContext, jar: Jar, folder: Path) -> None:
    component = maven.project(jar.group, jar.artifact).at_version(jar.version)
    try:
        source = Path(component.artifact().resolve())
    except (OSError, RuntimeError, ValueError) as problem:  # requests' errors are OSError
        raise DownloadError(
            f"{jar.coordinate} could not be downloaded ({problem}). "
            f"{_cure(problem)}, then run this again: what has arrived is kept."
        ) from problem
    found = sha256_of(source)
    if found != jar.sha256:
        raise DownloadError(
            f"{jar.coordinate} is not the file that was locked: sha256 {found}, expected {jar.sha256}. "
            f"It was not used."
        )
    partial = folder / f".{jar.file_name}"
    shutil.copyfile(source, partial)
    partial.replace(folder / jar.file_name)


def _cure(problem: Exception) -> str:
    """What to do; behind a proxy that signs for everybody, requests must be told whom the machine trusts."""
    if "CERTIFICATE_VERIFY_FAILED" in str(problem):
        return "Set REQUESTS_CA_BUNDLE to the file of certificates that this machine trusts"
    return "Check the network"


def fetch(jars: list[Jar], folder: Path, arrived: Callable[[], None]) -> None:
    """Downloads jars into a folder, several at once, each checked before it gets its name there.

    Raises:
        DownloadError: at the first jar that could not be had or is another one.
    """
    # jgo warns of unpinned things and leaves checking to us: its words would only confuse
    logging.getLogger("jgo").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(dir=folder) as repository, ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        maven = MavenContext(repo_cache=Path(repository), timeout=DOWNLOAD_TIMEOUT_SECONDS)
        tasks = [pool.submit(_fetch_one, maven, jar, folder) for jar in jars]
        for task in as_completed(tasks):
            try:
                task.result()
            except DownloadError:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            arrived()


def resolve(version: str, work: Path) -> list[Jar]:
    """Asks Maven which jars a broker needs; for making the lock.

    The broker is resolved alone: asked for together with the log backend, jgo picks older kafka-clients.
    """
    maven = MavenContext(repo_cache=work / "repository", timeout=DOWNLOAD_TIMEOUT_SECONDS)
    builder = EnvironmentBuilder(
        context=maven, link_strategy=LinkStrategy.HARD, cache_dir=work / "environments"
    )
    environment = builder.from_endpoint(f"org.apache.kafka:kafka_2.13:{version}")
    resolved = tomllib.loads((Path(environment.path) / "jgo.lock.toml").read_text())["dependencies"]
    jars = [
        Jar(group=one["groupId"], artifact=one["artifactId"], version=one["version"], sha256=one["sha256"])
        for one in resolved
    ]
    logging_version = next(jar.version for jar in jars if jar.artifact == "log4j-core")
    group, backend = "org.apache.logging.log4j", "log4j-slf4j-impl"
    file = Path(maven.project(group, backend).at_version(logging_version).artifact().resolve())
    return [*jars, Jar(group=group, artifact=backend, version=logging_version, sha256=sha256_of(file))]


def write_lock() -> None:
    """Resolves `KAFKA_VERSION` and writes its lock."""
    with tempfile.TemporaryDirectory() as work:
        jars = resolve(KAFKA_VERSION, Path(work))
    LOCK.write_text("".join(f"{line}\n" for line in sorted(f"{jar.coordinate} {jar.sha256}" for jar in jars)))
    sys.stdout.write(f"{len(jars)} jars locked in {LOCK.name}\n")


if __name__ == "__main__":
    write_lock()
