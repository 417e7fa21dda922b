"""Instants: time-zone-aware UTC datetimes; business times are whole seconds of the years 2000 to 2199."""

import re
from datetime import UTC, datetime, timedelta

import msgspec

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_PER_DAY = 86_400
_RFC3339 = re.compile(
    r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})\Z"
)


def seconds(t: datetime) -> int:
    """Whole seconds since 1970-01-01T00:00:00Z; a fraction is cut downwards.

    Cutting is right for half-open time: t lies in [a, b) of whole seconds exactly if its cut second does.

    Raises:
        TypeError: `t` has no time zone.
    """
    since = t - _EPOCH
    return since.days * _SECONDS_PER_DAY + since.seconds


def instant(seconds: int) -> datetime:
    """The UTC datetime of epoch seconds."""
    return _EPOCH + timedelta(seconds=seconds)


def parse(text: str) -> datetime:
    """Read an RFC 3339 time with offset, up to microseconds, as UTC.

    Raises:
        ValueError: not such a time, no offset, or outside the years 2000 to 2199.
    """
    if _RFC3339.match(text) is None:
        raise ValueError(f"not an RFC 3339 time with offset: {text!r}")
    try:
        t = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"outside the years 2000 to 2199: {text!r}") from None
    if (fault := fault_of(t, whole=False)) is not None:
        raise ValueError(f"{fault}: {text!r}")
    return t


def iso(t: datetime) -> str:
    """RFC 3339 in UTC with Z; a fraction is shown only when there is one."""
    return t.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def fault_of(t: datetime, *, whole: bool = True) -> str | None:
    """What keeps `t` from being an instant, in words, or None. `whole`: it has to be whole seconds."""
    if t.tzinfo is UTC and EARLIEST.year <= t.year <= LATEST.year and not (whole and t.microsecond):
        return None  # as nearly all are: every instant of every message comes by here
    if t.tzinfo is None or t.utcoffset() is None:
        return "a time needs an offset"
    if whole and t.microsecond:
        return "a time must be whole seconds"
    if not EARLIEST <= t < LATEST + timedelta(seconds=1):
        return "outside the years 2000 to 2199"
    return None


def as_utc(t: datetime) -> datetime:
    """The same instant in UTC, so that equal times are written with equal bytes.

    Raises:
        ValueError: no time zone, a fraction of a second, or beyond the years that there are in UTC.
    """
    if t.microsecond:
        raise ValueError(f"a time must be whole seconds: {t.isoformat()}")
    if t.tzinfo is UTC:
        return t
    if t.utcoffset() is None:
        raise ValueError(f"a time needs an offset: {t.isoformat()}")
    try:
        return t.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"outside the years 2000 to 2199: {t.isoformat()}") from None


def settle(message: msgspec.Struct) -> None:
    """Bring the datetimes among a struct's own fields to UTC; for the `__post_init__` of wire structs.

    Raises:
        ValueError: one is no instant; the text names the field.
    """
    for field in message.__struct_fields__:
        value = getattr(message, field)
        if not isinstance(value, datetime):
            continue
        if (fault := fault_of(value)) is not None:
            raise ValueError(f"{field}: {fault}")
        if value.tzinfo is not UTC:
            msgspec.structs.force_setattr(message, field, value.astimezone(UTC))
