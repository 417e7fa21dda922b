from pathlib import Path

import pytest

from infra.local.jars import LOCK, Jar, class_path, missing, read_lock, sha256_of

COORDINATE = "org.example:thing:1.2"


def lock_of(folder: Path, *lines: str) -> Path:
    lock = folder / "test.lock"
    lock.write_text("".join(f"{line}\n" for line in lines))
    return lock


def jar(content: Path) -> Jar:
    return Jar(group="org.example", artifact="thing", version="1.2", sha256=sha256_of(content))


def test_the_committed_lock_pins_a_broker_and_one_log_backend() -> None:
    jars = read_lock()
    assert {"kafka_2.13", "kafka-clients", "log4j-slf4j-impl"} <= {jar.artifact for jar in jars}
    assert len({jar.file_name for jar in jars}) == len(jars)
    assert all(len(jar.sha256) == 64 for jar in jars)
    kafka = {jar.version for jar in jars if jar.group == "org.apache.kafka"}
    assert kafka == {LOCK.stem.removeprefix("kafka-")}


def test_a_lock_is_read_in_its_order_without_comments(tmp_path: Path) -> None:
    lock = lock_of(tmp_path, "# why", "b:b:1 00", "a:a:2 11")
    assert [jar.coordinate for jar in read_lock(lock)] == ["b:b:1", "a:a:2"]


def test_a_line_that_is_no_coordinate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unpack"):
        read_lock(lock_of(tmp_path, "only-one-word"))


def test_a_jar_with_the_locked_content_is_not_missing(tmp_path: Path) -> None:
    (tmp_path / "thing-1.2.jar").write_bytes(b"the jar")
    assert missing(tmp_path, (jar(tmp_path / "thing-1.2.jar"),)) == []


def test_an_absent_jar_and_one_of_other_content_are_missing(tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_bytes(b"the jar")
    wanted = jar(original)
    assert missing(tmp_path, (wanted,)) == [wanted]
    (tmp_path / wanted.file_name).write_bytes(b"another jar")
    assert missing(tmp_path, (wanted,)) == [wanted]


def test_the_class_path_has_the_same_order_whatever_the_locks(tmp_path: Path) -> None:
    one = class_path(Path("/jars"), lock_of(tmp_path, "b:b:1 00", "a:a:2 11"))
    other = class_path(Path("/jars"), lock_of(tmp_path, "a:a:2 11", "b:b:1 00"))
    assert one == other == "/jars/a-2.jar:/jars/b-1.jar"
