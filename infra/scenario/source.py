"""Reading a scenario file: YAML (and so JSON) with the place of every value kept, and nothing guessed.

Instants stay text, numbers must be whole, and a key may stand once. What cannot be read is an error with
file, line and column.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

WHOLE = re.compile(r"-?(0|[1-9][0-9]*)\Z")
NULLS = {"null", "~", ""}
BOOLEANS = {"true": True, "false": False}


class ScenarioError(Exception):
    """A scenario file that cannot be read. The message has file, line and column, and what to do."""


class Place:
    """Where in the file each value stands, by path (`$.steps[3].with.terms`)."""

    def __init__(self, path: Path) -> None:
        """Start with no marks."""
        self._path = path
        self._marks: dict[str, yaml.Mark] = {}

    def keep(self, path: str, mark: yaml.Mark) -> None:
        """Note where the value at `path` begins."""
        self._marks[path] = mark

    def error(self, path: str, detail: str) -> ScenarioError:
        """Return an error that points at `path`, or at the nearest value above it."""
        while path not in self._marks and path:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        mark = self._marks.get(path)
        return ScenarioError(f"{self._at(mark)}: {detail}")

    def _at(self, mark: yaml.Mark | None) -> str:
        return str(self._path) if mark is None else f"{self._path}:{mark.line + 1}:{mark.column + 1}"


def read(path: Path) -> tuple[Any, Place]:
    """Return the value that a file holds, and where each part of it stands.

    Raises:
        ScenarioError: no such file, not YAML, a number that is not whole, a key twice.
    """
    place = Place(path)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: is not UTF-8 text") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ScenarioError(f"{path}{at}: {error.problem}") from error
    if node is None:
        raise ScenarioError(f"{path}: is empty")
    return _value(node, "$", place), place


def _value(node: yaml.Node, path: str, place: Place) -> Any:
    place.keep(path, node.start_mark)
    match node:
        case yaml.MappingNode():
            return _mapping(node, path, place)
        case yaml.SequenceNode():
            return [_value(item, f"{path}[{index}]", place) for index, item in enumerate(node.value)]
        case yaml.ScalarNode():
            return _scalar(node, path, place)
        case _:
            raise place.error(path, "this cannot stand in a scenario file")


def _mapping(node: yaml.MappingNode, path: str, place: Place) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        place.keep(f"{path}.{key}", key_node.start_mark)
        if key in found:
            raise place.error(f"{path}.{key}", f"the key `{key}` stands here twice: keep one")
        found[key] = _value(value_node, f"{path}.{key}", place)
    return found


def _scalar(node: yaml.ScalarNode, path: str, place: Place) -> Any:
    text = str(node.value)
    if node.style in {"'", '"', "|", ">"}:
        return text
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if WHOLE.match(text):
        return int(text)
    if node.tag in {"tag:yaml.org,2002:float", "tag:yaml.org,2002:int"}:
        raise place.error(
            path, f'`{text}` is not a whole number: write amounts and rates as text, quote it: "{text}"'
        )
    return text
