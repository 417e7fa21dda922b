"""What may change in a released message: nothing is removed, nothing becomes required, no form gets narrower.

Released schemas are kept in `schemas/released/<tag>.json`, copied from `schemas/generated` at a release. A
change that this refuses needs a new version of the message, whose predecessor moves to `schemas/past.py`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from schemas import export
from schemas.catalog import events_by_tag
from schemas.past import UPCASTS

RELEASED = Path(__file__).parent / "released"


def breaks(folder: Path = RELEASED) -> list[str]:
    """Return what of the released events no longer holds, in words; nothing if all does."""
    found: list[str] = []
    for path in sorted(folder.glob("*.json")):
        event = events_by_tag().get(path.stem)
        if event is not None:
            old: Any = msgspec.json.decode(path.read_bytes())
            found += [f"{path.stem}: {line}" for line in differences(old, export.schema(event))]
        elif path.stem not in UPCASTS:
            found.append(f"{path.stem}: can no longer be read")
    return found


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a reader of old bytes, or an old reader of new bytes, would stumble over."""
    before, after = old.get("$defs", {}), new.get("$defs", {})
    for name, definition in before.items():
        if name not in after:
            yield f"{name} is gone"
            continue
        yield from _of_definition(name, definition, after[name])


def _of_definition(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    fields, now = old.get("properties", {}), new.get("properties", {})
    for field, schema in fields.items():
        if field not in now:
            yield f"{name}.{field} is gone"
        elif (narrower := _narrower(schema, now[field])) is not None:
            yield f"{name}.{field}: {narrower}"
    for field in new.get("required", ()):
        if field not in old.get("required", ()):
            yield f"{name}.{field} is newly required"
    missing = [value for value in old.get("enum", ()) if value not in new.get("enum", ())]
    if missing:
        yield f"{name}: {missing} can no longer be read"


def _narrower(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    was, now = _kinds(old), _kinds(new)
    if "any" not in now and not was <= now:
        return f"was {sorted(was)}, is {sorted(now)}"
    missing = [value for value in old.get("enum", ()) if value not in new.get("enum", (value,))]
    if missing:
        return f"{missing} can no longer be read"
    if "pattern" in new and old.get("pattern") != new["pattern"]:
        return "its form has changed"
    return None


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    """Return the kinds of values that a schema takes."""
    if "anyOf" in schema:
        return {kind for branch in schema["anyOf"] for kind in _kinds(branch)}
    if "$ref" in schema:
        return {str(schema["$ref"])}
    if "enum" in schema:
        return {"choice"}
    return {str(schema.get("type", "any"))}
