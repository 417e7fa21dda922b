import pytest

from infra.local.errors import LocalStackError, NotRunningError, PortTakenError
from infra.local.parts import Part, silent, start_together


class Refusing(Part):
    name = "refusing"
    address = "nowhere"

    def __init__(self, trouble: Exception) -> None:
        super().__init__(silent)
        self._trouble = trouble

    async def start(self) -> None:
        raise self._trouble


async def test_of_several_parts_that_fail_the_first_error_is_told_by_itself() -> None:
    taken = PortTakenError("kafka", 1)
    with pytest.raises(PortTakenError) as told:
        await start_together([Refusing(taken), Refusing(LocalStackError("later"))])
    assert told.value is taken


async def test_a_fault_among_the_errors_is_not_hidden() -> None:
    with pytest.raises(ExceptionGroup):
        await start_together([Refusing(LocalStackError("known")), Refusing(ZeroDivisionError())])


async def test_a_part_that_does_not_run_cannot_be_frozen_but_may_be_stopped() -> None:
    part = Refusing(LocalStackError("never asked"))
    with pytest.raises(NotRunningError):
        part.freeze()
    assert not await part.stop()
