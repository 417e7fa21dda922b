"""Reading JSON without guessing: what other readers let through silently is an error here.

A well-formed message is read in one pass at the speed of the standard library. Only what is wrong is read
a second time, to name every fault with its place.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, TypeGuard

from infra.problems import Fault, FaultCode

NESTING_MAX = 32
DIGITS_MAX = 40
FAULTS_MAX = 100
_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableError(ValueError):
    """JSON that cannot be taken: every fault, with its place."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Keep all faults; the first is the message."""
        super().__init__(faults[0].detail)
        self.faults = tuple(faults)


class _SomethingWrongError(ValueError):
    """The fast pass has met something; the slow pass says what."""


class _Repeated(dict[str, Any]):
    """An object in which a key stands more than once."""

    repeated: tuple[str, ...] = ()


class _Odd:
    """Stands for a number that is not taken: its text and why not."""

    def __init__(self, code: FaultCode, text: str, detail: str) -> None:
        self.code, self.text, self.detail = code, text, detail


def read(data: bytes) -> Any:
    """Return the value that `data` holds: objects, lists, text, whole numbers, true, false, null.

    Raises:
        UnreadableError: not UTF-8, not JSON, a key twice, NaN, a number that is not whole, lone surrogates,
            more than 32 levels.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        detail = f"not UTF-8 at byte {error.start}"
        raise UnreadableError([Fault("", FaultCode.NOT_UNICODE, detail)]) from None
    try:
        value = _FAST.decode(text)
    except (ValueError, RecursionError):
        return _slowly(text)
    # only an escape can bring in half a character; depth is bounded by the declared types, see `check`
    if "\\ud" in text or "\\uD" in text:
        check(value)
    return value


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Say whether a value is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Say whether a value is a list."""
    return isinstance(value, list)


def pointer(parts: Sequence[str | int]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _slowly(text: str) -> Any:
    try:
        value = _SLOW.decode(text)
    except RecursionError:
        detail = f"nested deeper than {NESTING_MAX} levels"
        raise UnreadableError([Fault("", FaultCode.TOO_DEEP, detail, NESTING_MAX)]) from None
    except json.JSONDecodeError as error:
        detail = f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        raise UnreadableError([Fault("", FaultCode.NOT_JSON, detail)]) from None
    check(value)
    return value


def check(value: Any) -> None:
    """Look through a value for what no declared type would stop, before anything walks it freely.

    Raises:
        UnreadableError: more than 32 levels, or what `read` refuses.
    """
    faults: list[Fault] = []
    for fault in _faults(value, ()):
        faults.append(fault)
        if len(faults) == FAULTS_MAX:
            break
    if faults:
        raise UnreadableError(faults)


def _faults(value: Any, path: tuple[str | int, ...]) -> Iterator[Fault]:
    if len(path) > NESTING_MAX:
        yield Fault(
            pointer(path), FaultCode.TOO_DEEP, f"nested deeper than {NESTING_MAX} levels", NESTING_MAX
        )
        return
    if isinstance(value, _Repeated):
        yield from (
            Fault(pointer((*path, key)), FaultCode.DUPLICATE_KEY, "the key stands more than once")
            for key in value.repeated
        )
    if is_object(value):
        for key, item in value.items():
            yield from _text(key, path)
            yield from _faults(item, (*path, key))
    elif is_list(value):
        for index, item in enumerate(value):
            yield from _faults(item, (*path, index))
    elif isinstance(value, str):
        yield from _text(value, path)
    elif isinstance(value, _Odd):
        yield Fault(pointer(path), value.code, value.detail)


def _text(value: str, path: tuple[str | int, ...]) -> Iterator[Fault]:
    if _SURROGATE.search(value):
        yield Fault(pointer(path), FaultCode.NOT_UNICODE, "holds half of a surrogate pair")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _SomethingWrongError
    return found


def _refuse(_: str) -> NoReturn:
    raise _SomethingWrongError


def _whole(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise _SomethingWrongError
    return int(text)


def _noted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _Repeated(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        found.repeated = tuple(key for key in found if keys.count(key) > 1)
    return found


def _odd_constant(text: str) -> _Odd:
    return _Odd(FaultCode.NOT_FINITE, text, f"{text} is no number here")


def _odd_float(text: str) -> _Odd:
    shown = text[:DIGITS_MAX]
    return _Odd(
        FaultCode.NUMBER_NOT_WHOLE, text, f'{shown} is not whole; an amount or rate is text: "{shown}"'
    )


def _odd_whole(text: str) -> Any:
    if len(text) <= DIGITS_MAX:
        return int(text)
    return _Odd(FaultCode.RANGE, text, f"a number of {len(text)} digits")


_FAST = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_refuse, parse_constant=_refuse, parse_int=_whole
)
_SLOW = json.JSONDecoder(
    object_pairs_hook=_noted, parse_float=_odd_float, parse_constant=_odd_constant, parse_int=_odd_whole
)
