"""What each thing that can go wrong is to whoever asked."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from infra.access import TooManyKeysError
from infra.bus import BusError
from infra.event_store import (
    InstantInFutureError,
    OutcomeUnknownError,
    StoreError,
    StoreUnavailableError,
)
from infra.http.site import SandboxExistsError
from infra.intake import UnknownTypeError
from infra.logging import logger
from infra.outcomes import NotOneBookError, QueueFullError
from infra.problems import Code, Fault, FaultCode, ProblemError, invalid
from infra.strict_json import UnreadableError
from infra.system import NotAtRestError
from infra.validation import FaultyMessageError

_log = logger("capledger.http")

_BY_STATUS = {
    400: Code.UNREADABLE,
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    408: Code.REQUEST_TIMEOUT,
    413: Code.TOO_LARGE,
    415: Code.MEDIA_TYPE_UNKNOWN,
}


_ERRORS: Sequence[tuple[type[BaseException], Code]] = (
    (NotOneBookError, Code.NOT_ONE_BOOK),
    (QueueFullError, Code.BUSY),
    (OutcomeUnknownError, Code.OUTCOME_UNKNOWN),
    (asyncio.CancelledError, Code.OUTCOME_UNKNOWN),
    (InstantInFutureError, Code.KNOWN_AT_IN_FUTURE),
    (StoreUnavailableError, Code.STORE_UNAVAILABLE),
    (ConnectionError, Code.STORE_UNAVAILABLE),
    (BusError, Code.STORE_UNAVAILABLE),
    (TooManyKeysError, Code.KEYS_ALREADY_TWO),
    (SandboxExistsError, Code.LEDGER_EXISTS),
)


def problem_of(error: BaseException) -> ProblemError:
    """Return the problem that an error is; what nobody foresaw is logged, and told as a fault of our own."""
    for kind, code in _ERRORS:
        if isinstance(error, kind):
            return ProblemError(code)
    match error:
        case ProblemError():
            return error
        case FaultyMessageError() | UnreadableError():
            return invalid(error.faults)
        case UnknownTypeError():
            return ProblemError(Code.TYPE_UNKNOWN, str(error), errors=[error.fault])
        case NotAtRestError():
            return ProblemError(Code.NOT_AT_REST, str(error))
        case web.HTTPException():
            return _of_router(error)
        case StoreError():
            _log.error("store_stopped", exc_info=error)
            return ProblemError(Code.STORE_UNAVAILABLE, "the store stopped; an operator is needed")
        case _:
            _log.error("fault_of_our_own", exc_info=error)
            return ProblemError(Code.INTERNAL)


def place_problem(error: ValueError) -> ProblemError:
    """Return the problem of a command that names no book, or more than one."""
    return invalid([Fault("", FaultCode.RULE, str(error) or "the command names no one book")])


def _of_router(error: web.HTTPException) -> ProblemError:
    code = _BY_STATUS.get(error.status)
    if code is None:
        return ProblemError(Code.UNREADABLE, error.reason, status=error.status)
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return ProblemError(code, headers=headers)
