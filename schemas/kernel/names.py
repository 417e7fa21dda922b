"""Names: ids, and ids qualified by their owner (`spacex/google-colossus`)."""

import re
from typing import Final

ID_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)"

_ID: Final = re.compile(ID_PATTERN)


def is_id(text: str) -> bool:
    """Whether `text` is one plain id."""
    return _ID.match(text) is not None


def qualify(name: str, owner: str) -> str:
    """The qualified name: a short one is the owner's own, a qualified one stays as it is."""
    return name if "/" in name else f"{owner}/{name}"


def owner(qualified: str) -> str:
    """The first part: whose object it is.

    Raises:
        ValueError: the name is not qualified.
    """
    first, slash, _ = qualified.partition("/")
    if not slash:
        raise ValueError(f"not a qualified name: {qualified!r}")
    return first


def local(qualified: str) -> str:
    """What follows the owner; a short name is its own local part."""
    first, slash, rest = qualified.partition("/")
    return rest if slash else first
