"""Bytes to messages and back: the only place where the wire format is touched.

Canonical bytes are msgspec's JSON with struct fields in the order declared, map keys sorted, defaults left
out.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgspec

from schemas.catalog import commands_by_tag, events_by_tag
from schemas.kernel.instants import as_utc, fault_of
from schemas.kernel.schedule import Schedule
from schemas.kernel.wire import dec_hook, enc_hook
from schemas.message import Command, Event, tag
from schemas.past import UPCASTS


class UnknownMessageError(Exception):
    """A message type that this release does not know: parked, never guessed."""


class InvalidMessageError(ValueError):
    """A message that its declaration refuses; `path` as msgspec tells it (`$.terms.term`)."""

    def __init__(self, detail: str, path: str) -> None:
        """Keep the path apart, so that an error can point to the place."""
        super().__init__(f"{detail} - at `{path}`" if path else detail)
        self.detail, self.path = detail, path


_ENCODER = msgspec.json.Encoder(enc_hook=enc_hook, order="deterministic")


def encode(message: Any) -> bytes:
    """Return the canonical bytes of a message or of any JSON-ready value."""
    return _ENCODER.encode(message)


@cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_, dec_hook=dec_hook)


def decode_event(type_: str, payload: bytes) -> Event:
    """Return the event that `payload` holds, brought up to its newest version.

    Raises:
        UnknownMessageError: no such type, now or in the past.
        InvalidMessageError: the bytes are not such an event.
    """
    found = events_by_tag().get(type_)
    if found is not None:
        event = decode_as(found, payload)
    elif type_ in UPCASTS:
        old, upcast = UPCASTS[type_]
        event = upcast(decode_as(old, payload))
    else:
        raise UnknownMessageError(type_)
    assert isinstance(event, Event), "the registry holds events only"
    return event


def decode_as(type_: Any, data: bytes) -> Any:
    """Return `data` decoded as `type_`.

    Raises:
        InvalidMessageError: not JSON, or not of that type.
    """
    try:
        return _decoder(type_).decode(data)
    except msgspec.DecodeError as error:
        raise invalid(error) from error


def convert(type_: Any, value: Any) -> Any:
    """Return builtin JSON values as `type_`, with all instants in UTC, whole seconds, years 2000 to 2199.

    Raises:
        InvalidMessageError: the value is not of that type.
    """
    try:
        found = msgspec.convert(value, type_, dec_hook=dec_hook)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    return _utc(found, "$")


def command_named(type_: str) -> type[Command] | None:
    """Return the command class of a full tag or of its form without the version (`capacity.RegisterPool`)."""
    known = commands_by_tag()
    return known.get(type_) or known.get(f"{type_}.v1")


def digest(command: Command) -> bytes:
    """Return what makes a command the same command: sha256(type ‖ canonical bytes, defaults left out)."""
    return sha256(tag(type(command)).encode() + b"\x00" + encode(command)).digest()


def invalid(error: msgspec.DecodeError) -> InvalidMessageError:
    """Return msgspec's complaint with its path apart."""
    text, mark, path = str(error).rpartition(" - at `")
    return InvalidMessageError(text, path.rstrip("`")) if mark else InvalidMessageError(str(error), "")


def plain(value: Any) -> Any:
    """Return a value as builtin JSON values with no field left out, instants as text: the form of replies."""
    match value:
        case msgspec.Struct():
            return _plain_fields(value) | _named(value)
        case Schedule():
            return [plain(step) for step in value.steps]
        case datetime():
            text = value.astimezone(UTC).isoformat()
            return text.replace("+00:00", "Z")
        case Mapping():
            mapping: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
            return {str(key): plain(item) for key, item in mapping.items()}
        case list() | tuple():
            return [plain(item) for item in cast("Sequence[Any]", value)]
        case _:
            return value


def _plain_fields(struct: msgspec.Struct) -> dict[str, Any]:
    """Return a struct's fields by the names that they have on the wire; what was not set is left out."""
    names = zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True)
    return {
        wire: plain(found) for name, wire in names if (found := getattr(struct, name)) is not msgspec.UNSET
    }


def _named(struct: msgspec.Struct) -> dict[str, Any]:
    """Return a union member's tag field, such as the kind of a charge; a message's own tag is left out."""
    config = struct.__struct_config__
    if config.tag_field is None or config.tag_field == "type":
        return {}
    return {config.tag_field: config.tag}


def _utc(value: Any, path: str) -> Any:
    """Return `value` with every instant moved to UTC; structs are rebuilt only where one was not."""
    match value:
        case datetime():
            return _instant(value, path)
        case msgspec.Struct():
            changed: dict[str, Any] = {}
            for name in _holders(type(value)):
                item = getattr(value, name)
                if item is None:
                    continue
                moved = _instant(item, path, name) if type(item) is datetime else _utc(item, f"{path}.{name}")
                if moved is not item:
                    changed[name] = moved
            return msgspec.structs.replace(value, **changed) if changed else value
        case tuple() | list():
            items: list[Any] | tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
            moved_items = [_utc(item, f"{path}[{index}]") for index, item in enumerate(items)]
            same = all(a is b for a, b in zip(moved_items, items, strict=True))
            return items if same else type(items)(moved_items)
        case _:
            return value


def _instant(value: datetime, path: str, name: str = "") -> datetime:
    fault = fault_of(value)
    if fault is not None:
        raise InvalidMessageError(fault, f"{path}.{name}" if name else path)
    return as_utc(value)


@cache
def _holders(type_: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the fields of a struct under which an instant may lie."""
    hints = get_type_hints(type_)
    return tuple(name for name in type_.__struct_fields__ if _may_hold(hints.get(name, Any)))


def _may_hold(hint: Any) -> bool:
    if hint is datetime or hint is Any:
        return True
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return True
    return get_origin(hint) is not None and any(_may_hold(arg) for arg in get_args(hint))


Upcast = Callable[[Any], Event]
