"""Reading a body so that all of its faults are told at once: in its numbers, and in its form."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from infra.intake import UnknownTypeError
from infra.problems import Fault, FaultCode
from infra.strict_json import UnreadableError, read
from infra.validation import FaultyMessageError

Judge = Callable[[Any], object]
"""Raises FaultyMessageError or UnknownTypeError for what is wrong with a value; has no effect."""


def read_judged(body: bytes, judge: Judge) -> Any:
    """Return the value that a body holds.

    A number that is not whole is never taken, and yet it leaves no doubt what all other values are: these
    are judged too before the body is refused.

    Raises:
        FaultyMessageError: with every fault of a body that is JSON and has such numbers.
        UnreadableError: it cannot be read at all.
    """
    try:
        return read(body)
    except UnreadableError as error:
        if any(fault.code is not FaultCode.NUMBER_NOT_WHOLE for fault in error.faults):
            raise
        raise FaultyMessageError(_with_others(error.faults, body, judge)) from None


def _with_others(odd: Sequence[Fault], body: bytes, judge: Judge) -> list[Fault]:
    """Return faults with what else is wrong, the odd numbers taken as the text that they should have been."""
    places = {fault.pointer for fault in odd}
    others = faults_in(judge, json.loads(body, parse_float=str))
    found = [*odd, *(fault for fault in others if fault.pointer not in places)]
    return sorted(found, key=lambda fault: (fault.pointer, fault.code))


def faults_in(judge: Judge, value: Any) -> Sequence[Fault]:
    """Return what a judge finds wrong with a value."""
    try:
        judge(value)
    except FaultyMessageError as error:
        return error.faults
    except UnknownTypeError as error:
        return (error.fault,)
    return ()
