from pathlib import Path

import pytest

from infra.local.errors import AlreadyRunningError
from infra.local.parts import PartReport, PartState
from infra.local.stack import FolderLock
from infra.local.status import PartStatus, StackStatus, StatusFile, with_report

STATUS = StackStatus(pid=1, ready=True, parts={"kafka": PartStatus(state=PartState.READY, detail="here")})


def test_the_status_of_a_held_folder_is_what_was_written(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.acquire()
    StatusFile(tmp_path).write(STATUS)
    assert StatusFile(tmp_path).read() == STATUS
    lock.release()


def test_a_status_whose_supervisor_is_gone_is_not_believed(tmp_path: Path) -> None:
    StatusFile(tmp_path).write(STATUS)
    assert StatusFile(tmp_path).read() is None


def test_a_folder_that_never_ran_has_no_status(tmp_path: Path) -> None:
    assert StatusFile(tmp_path / "never").read() is None


def test_a_second_holder_of_a_folder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.acquire()
    with pytest.raises(AlreadyRunningError, match="capledger down"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_report_changes_only_its_own_part() -> None:
    after = with_report(STATUS, PartReport(part="postgres", state=PartState.STARTING))
    assert after.parts["kafka"] == STATUS.parts["kafka"]
    assert after.parts["postgres"].state is PartState.STARTING
