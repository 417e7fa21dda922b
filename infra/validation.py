"""Messages from outside: taken as declared, or refused with every fault named.

Every message is judged by the JSON Schema of its one type, so that all faults of a bad one are told at once,
and what is published is what is taken. What only the declaration itself can tell (two fields that exclude
each other) comes after those.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import jsonschema_rs
import msgspec

from infra.codec import InvalidMessageError, convert
from infra.problems import Fault, FaultCode
from infra.strict_json import FAULTS_MAX, UnreadableError, check, is_list, is_object, pointer, read
from schemas.kernel.wire import schema_hook

M = TypeVar("M", bound=msgspec.Struct)

_CODES: Mapping[str, FaultCode] = {
    "type": FaultCode.TYPE,
    "required": FaultCode.REQUIRED,
    "additionalProperties": FaultCode.UNKNOWN_FIELD,
    "pattern": FaultCode.PATTERN,
    "format": FaultCode.FORMAT,
    "enum": FaultCode.CHOICE,
    "const": FaultCode.CHOICE,
    "anyOf": FaultCode.TYPE,
    "minimum": FaultCode.RANGE,
    "maximum": FaultCode.RANGE,
    "exclusiveMinimum": FaultCode.RANGE,
    "exclusiveMaximum": FaultCode.RANGE,
    "minLength": FaultCode.LENGTH,
    "maxLength": FaultCode.LENGTH,
    "minItems": FaultCode.LENGTH,
    "maxItems": FaultCode.LENGTH,
    "uniqueItems": FaultCode.REPEATED,
}
_SHOWN_MAX = 60


class FaultyMessageError(ValueError):
    """A message that is not as declared; `faults` names everything wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Keep all faults."""
        super().__init__(f"{len(faults)} faults")
        self.faults = tuple(faults)


@cache
def schema(type_: type[msgspec.Struct]) -> Mapping[str, Any]:
    """Return the JSON Schema of the fields of a message, without the tag that its envelope carries."""
    found: dict[str, Any] = msgspec.json.schema(type_, schema_hook=schema_hook)
    name = found["$ref"].removeprefix("#/$defs/")
    own = dict(found["$defs"][name])
    config = type_.__struct_config__
    if config.tag_field is not None:
        own["properties"] = {
            key: value for key, value in own["properties"].items() if key != config.tag_field
        }
        own["required"] = [key for key in own.get("required", ()) if key != config.tag_field]
    return {**found, "$defs": {**found["$defs"], name: own}}


def field_schemas(type_: type[msgspec.Struct]) -> Mapping[str, Mapping[str, Any]]:
    """Return the schema of each field of a message, references followed."""
    root = schema(type_)
    own = root["$defs"][root["$ref"].removeprefix("#/$defs/")]["properties"]
    return {name: _followed(found, root) for name, found in own.items()}


def _followed(found: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in found:
        found = root["$defs"][found["$ref"].removeprefix("#/$defs/")]
    return found


@cache
def _validator(type_: type[msgspec.Struct]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(dict(schema(type_)), validate_formats=True)


def take(type_: type[M], data: Any, at: Sequence[str | int] = ()) -> M:
    """Return plain JSON values as a message, every instant in UTC.

    Args:
        type_: the class of the message.
        data: its fields; a tag among them is an unknown field.
        at: where `data` lies in the body, for the pointers of its faults.

    Raises:
        FaultyMessageError: with every fault.
    """
    if not _fits(type_, data):
        raise FaultyMessageError(faults_of(type_, data, at))
    try:
        found: M = convert(type_, data)
    except InvalidMessageError as error:
        raise FaultyMessageError([_told(error, at)]) from None
    return found


def _fits(type_: type[msgspec.Struct], data: Any) -> bool:
    """Say whether data is as the schema has it; this takes a microsecond, and is stricter than decoding."""
    try:
        return _validator(type_).is_valid(data)
    except ValueError:  # nested too deep to look at
        return False


def value_of_text(schema: Mapping[str, Any], texts: Sequence[str]) -> Any:
    """Return what a query or a command line says as the JSON value that a field's schema asks for.

    What does not fit stays text, so that the schema tells what is wrong with it.

    Raises:
        UnreadableError: a list or an object that is no JSON.
    """
    kinds = {schema.get("type")} | {branch.get("type") for branch in schema.get("anyOf", ())}
    text = texts[-1]
    if "array" in kinds:
        if len(texts) == 1 and text.startswith("["):
            return read(text.encode())
        return [item for one in texts for item in one.split(",") if item]
    if len(texts) > 1:
        return list(texts)
    if text.startswith(("{", "[")) and "string" not in kinds:
        return read(text.encode())
    if "integer" in kinds and re.fullmatch(r"-?\d{1,19}", text, re.ASCII):
        return int(text)
    if "boolean" in kinds and text in {"true", "false"}:
        return text == "true"
    return text


def faults_of(type_: type[msgspec.Struct], data: Any, at: Sequence[str | int] = ()) -> list[Fault]:
    """Return all faults that the schema of a type finds, by place; at most 100."""
    try:
        check(data)
    except UnreadableError as error:
        return [_below(fault, at) for fault in error.faults]
    found: dict[tuple[str, FaultCode, str], Fault] = {}
    for wrong in _validator(type_).iter_errors(data):
        for fault in _faults(wrong, tuple(at), schema(type_)):
            found.setdefault((fault.pointer, fault.code, fault.detail), fault)
        if len(found) >= FAULTS_MAX:
            break
    # an instant has a form of ours and the standard's: what misses both is told once, in the words of ours
    ours = {fault.pointer for fault in found.values() if fault.code is FaultCode.PATTERN}
    told = [one for one in found.values() if one.code is not FaultCode.FORMAT or one.pointer not in ours]
    return sorted(told, key=lambda fault: (fault.pointer, fault.code))


def _faults(
    error: jsonschema_rs.ValidationError, at: tuple[str | int, ...], root: Mapping[str, Any]
) -> Iterator[Fault]:
    kind = error.kind.as_dict()
    here = (*at, *error.instance_path)
    match error.kind.name:
        case "anyOf":
            yield from _any_of(error, kind["context"], at, root)
        case "required":
            detail = "the field is missing"
            yield Fault(pointer((*here, kind["property"])), FaultCode.REQUIRED, detail)
        case "additionalProperties":
            for name in kind["unexpected"]:
                yield Fault(pointer((*here, name)), FaultCode.UNKNOWN_FIELD, "there is no such field")
        case "type":
            yield _wrong_type(error.instance, kind["types"], here)
        case name:
            code = _CODES.get(name, FaultCode.RULE)
            expected = _described(error, root) if name == "pattern" else None
            yield Fault(pointer(here), code, _worded(error.instance, name, kind), expected or _expected(kind))


def _any_of(
    error: jsonschema_rs.ValidationError,
    branches: Sequence[Sequence[jsonschema_rs.ValidationError]],
    at: tuple[str | int, ...],
    root: Mapping[str, Any],
) -> Iterator[Fault]:
    """Yield the faults against the branch that was meant: the one whose tag fits, or else the nearest."""
    depth = len(error.instance_path)
    fitting = [branch for branch in branches if not any(_of_another_tag(e, depth) for e in branch)]
    fitting = [branch for branch in fitting if not any(_of_another_type(e, depth) for e in branch)]
    if fitting:
        for inner in min(fitting, key=len):
            yield from _faults(inner, at, root)
        return
    tags = [e for branch in branches for e in branch if _of_another_tag(e, depth)]
    if tags:
        options = [option for e in tags for option in e.kind.as_dict()["options"]]
        place = pointer((*at, *tags[0].instance_path))
        yield Fault(place, FaultCode.CHOICE, f"{_shown(tags[0].instance)} is none of the kinds", options)
        return
    wrong = [e.kind for branch in branches for e in branch if e.kind.name == "type"]
    types = [name for kind in wrong for name in kind.as_dict()["types"]]
    yield _wrong_type(error.instance, types, (*at, *error.instance_path))


def _of_another_tag(error: jsonschema_rs.ValidationError, depth: int) -> bool:
    return error.kind.name == "enum" and len(error.instance_path) == depth + 1


def _of_another_type(error: jsonschema_rs.ValidationError, depth: int) -> bool:
    return error.kind.name == "type" and len(error.instance_path) == depth


def _wrong_type(value: Any, types: Sequence[str], here: Sequence[str | int]) -> Fault:
    wanted = " or ".join(dict.fromkeys(types))
    expected: Any = wanted
    if isinstance(value, int) and not isinstance(value, bool) and "string" in types:
        return Fault(pointer(here), FaultCode.QUOTE_IT, f'a bare number; quote it: "{value}"', expected)
    return Fault(pointer(here), FaultCode.TYPE, f"{_shown(value)} is not of type {wanted}", expected)


def _worded(value: Any, name: str, kind: Mapping[str, Any]) -> str:
    match name:
        case "enum" | "const":
            return f"{_shown(value)} is none of the choices"
        case "pattern":
            return f"{_shown(value)} is not of the form asked for"
        case "format":
            return f"{_shown(value)} is no {kind['format']}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return f"{_shown(value)} is out of range"
        case "minLength" | "maxLength" | "minItems" | "maxItems":
            return f"a length of {len(value)}"
        case _:
            return name


def _described(error: jsonschema_rs.ValidationError, root: Mapping[str, Any]) -> str | None:
    """Return the words that the declaration has for the form of a value, None if it has none."""
    found: Any = root
    for part in error.schema_path[:-1]:
        found = found[int(part)] if is_list(found) else found.get(str(part), {})
    return found.get("description") if is_object(found) else None


def _expected(kind: Mapping[str, Any]) -> Any:
    rest = {key: value for key, value in kind.items() if key not in {"name", "value"}}
    return next(iter(rest.values())) if len(rest) == 1 else rest


def _shown(value: Any) -> str:
    """Return a value as JSON, cut to what a person reads."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            text = msgspec.json.encode(value).decode() if not isinstance(value, int) else str(value)
            text = {"True": "true", "False": "false"}.get(text, text)
            return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"


def _told(error: InvalidMessageError, at: Sequence[str | int]) -> Fault:
    """Return what only the declaration could tell: a rule over several fields."""
    parts: list[str | int] = []
    for part in error.path.removeprefix("$").replace("[", ".[").split("."):
        if part.startswith("["):
            inside = part[1:-1]
            parts.append(int(inside) if inside.isdigit() else inside)
        elif part:
            parts.append(part)
    return Fault(pointer((*at, *parts)), FaultCode.RULE, error.detail)


def _below(fault: Fault, at: Sequence[str | int]) -> Fault:
    return msgspec.structs.replace(fault, pointer=pointer(at) + fault.pointer)
