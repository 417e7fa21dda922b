"""Instants that a sender gives beside a message: when it is true, as of when a question is asked."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from infra.problems import Fault, FaultCode
from infra.strict_json import pointer
from schemas.kernel.instants import fault_of, parse

WHOLE = "RFC 3339 with offset, whole seconds, years 2000 to 2199"
FRACTIONS = "RFC 3339 with offset, years 2000 to 2199"
DAY = "a day such as 2026-05-01 (midnight UTC)"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def instant_in(
    given: Mapping[str, Any],
    name: str,
    faults: list[Fault],
    *,
    at: Sequence[str | int] = (),
    whole: bool = True,
    days: bool = False,
    otherwise: str = "",
) -> datetime | None:
    """Return an instant in UTC; None if it is not given, or adds to `faults` what is wrong with it.

    Args:
        given: the fields beside the message.
        name: which of them.
        faults: gains one if it is no instant.
        at: where the fields lie in the body.
        whole: only whole seconds.
        days: a plain day counts as its midnight in UTC.
        otherwise: what else may stand there, for the fault's words.
    """
    text = given.get(name)
    if text is None:
        return None
    expected = (WHOLE if whole else FRACTIONS) + (f"; {DAY}" if days else "") + otherwise
    if not isinstance(text, str):
        faults.append(Fault(pointer((*at, name)), FaultCode.TYPE, "not of the type asked for", expected))
        return None
    try:
        found = parse(f"{text}T00:00:00Z" if days and _DAY.match(text) else text)
    except ValueError:
        found = None
    if found is None or fault_of(found, whole=whole) is not None:
        faults.append(Fault(pointer((*at, name)), FaultCode.PATTERN, "not of the form asked for", expected))
        return None
    return found
