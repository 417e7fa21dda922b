import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.startup_cache import CACHES_KEPT, StartupCache


@pytest.fixture
def java(tmp_path: Path) -> Path:
    (tmp_path / "jdk" / "lib").mkdir(parents=True)
    (tmp_path / "jdk" / "lib" / "modules").write_bytes(b"classes")
    return tmp_path / "jdk" / "bin" / "java"


def written(cache: StartupCache) -> Path:
    (flag,) = cache.flags()
    option, path = flag.split("=")
    assert option == "-XX:AOTCacheOutput"
    Path(path).write_bytes(b"cache")
    return Path(path)


def test_the_first_start_writes_and_the_next_reads(tmp_path: Path, java: Path) -> None:
    cache = StartupCache(tmp_path, java, ("-Xmx1m",), "a.jar")
    written(cache)
    cache.settle(clean=True)
    (flag,) = StartupCache(tmp_path, java, ("-Xmx1m",), "a.jar").flags()
    assert flag.startswith("-XX:AOTCache=")


def test_what_a_killed_java_wrote_is_not_kept(tmp_path: Path, java: Path) -> None:
    cache = StartupCache(tmp_path, java, (), "a.jar")
    partial = written(cache)
    cache.settle(clean=False)
    assert not partial.exists()
    assert cache.flags()[0].startswith("-XX:AOTCacheOutput=")


@pytest.mark.parametrize(("flags", "class_path"), [(("-Xmx2m",), "a.jar"), (("-Xmx1m",), "b.jar")])
def test_other_flags_or_jars_have_a_cache_of_their_own(
    tmp_path: Path, java: Path, flags: tuple[str, ...], class_path: str
) -> None:
    first = StartupCache(tmp_path, java, ("-Xmx1m",), "a.jar")
    written(first)
    first.settle(clean=True)
    assert StartupCache(tmp_path, java, flags, class_path).flags()[0].startswith("-XX:AOTCacheOutput=")


def test_only_the_newest_caches_are_kept(tmp_path: Path, java: Path) -> None:
    for number in range(CACHES_KEPT + 2):
        cache = StartupCache(tmp_path, java, (f"-Xmx{number}m",), "a.jar")
        written(cache)
        cache.settle(clean=True)
    assert len(list(tmp_path.glob("*.aot"))) == CACHES_KEPT
    newest = StartupCache(tmp_path, java, (f"-Xmx{CACHES_KEPT + 1}m",), "a.jar")
    assert newest.flags()[0].startswith("-XX:AOTCache=")


def test_what_a_killed_supervisor_left_half_written_is_removed(tmp_path: Path, java: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    orphan = tmp_path / f"0123456789abcdef.{ended.pid}.partial"
    orphan.touch()
    cache = StartupCache(tmp_path, java, (), "a.jar")
    written(cache)
    cache.settle(clean=True)
    assert not orphan.exists()
