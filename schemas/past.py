"""Messages of earlier releases: their classes as they were, and how each becomes its successor.

`UPCASTS` maps a tag that was once written to its class and a pure function to the newest version. It is
empty as long as every released message is at its first version; a tag once written stays readable for ever.
"""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.message import Event

UPCASTS: Mapping[str, tuple[type[Any], Callable[[Any], Event]]] = {}
