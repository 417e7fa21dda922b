r"""The types of which every message is made, and the hooks that let msgspec carry a Schedule.

Patterns end in `$(?!\n)`: msgspec searches with Python's `re`, in which `$` alone lets a last newline
through, and JSON Schema does not know `\Z`. This form means the very end in both.
"""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from schemas.kernel.instants import fault_of
from schemas.kernel.money import AMOUNT_PATTERN
from schemas.kernel.names import ID_PATTERN
from schemas.kernel.rates import RATE_PATTERN
from schemas.kernel.schedule import QUANTITY_MAX, Schedule, Step

TEXT_CHARACTERS_MAX: Final = 500

_ONE: Final = "[a-z0-9][a-z0-9-]{0,62}"
_TIME: Final = r"^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([Zz]|[+-][0-9]{2}:[0-9]{2})$"
_NAME: Final = rf"^{_ONE}(/{_ONE})?$(?!\n)"
_RESERVATION: Final = rf"^{_ONE}(/{_ONE}){{0,2}}$(?!\n)"
_TEXT: Final = r"^[^\u0000-\u001f\u007f-\u009f]*$(?!\n)"
_CURRENCY: Final = r"^[A-Z]{3}$(?!\n)"

_ID_WORDS: Final = "a-z, 0-9 and -, at most 63, not beginning with -"

Id = Annotated[str, Meta(pattern=ID_PATTERN, description=f"An id: {_ID_WORDS}.")]
Name = Annotated[str, Meta(pattern=_NAME, description=f"An id, or owner/id: {_ID_WORDS}.")]
ReservationName = Annotated[
    str,
    Meta(
        pattern=_RESERVATION,
        description=f"supplier/contract/line, or an id of the operator's own: {_ID_WORDS}.",
    ),
]
Text = Annotated[
    str,
    Meta(
        max_length=TEXT_CHARACTERS_MAX,
        pattern=_TEXT,
        description="At most 500 characters, no control characters.",
    ),
]
Amount = Annotated[
    str,
    Meta(
        pattern=AMOUNT_PATTERN,
        description="A decimal string with at most the digits of its currency.",
    ),
]
Rate = Annotated[
    str,
    Meta(pattern=RATE_PATTERN, description="An exact decimal string."),
]
Percent = Annotated[
    str,
    Meta(
        pattern=RATE_PATTERN,
        description="Percent as an exact decimal string.",
    ),
]
Currency = Annotated[
    str,
    Meta(pattern=_CURRENCY, description="An ISO 4217 code."),
]
Quantity = Annotated[int, Meta(ge=0, le=QUANTITY_MAX, description="A whole number, 0 or more.")]
Instant = Annotated[
    datetime,
    Meta(
        tz=True,
        extra_json_schema={"pattern": _TIME},
        description="RFC 3339 with offset, whole seconds, years 2000 to 2199.",
    ),
]

_SCHEDULE: Final[dict[str, Any]] = {
    "type": "array",
    "description": "Whole GPUs over half-open time: disjoint steps; end null only on the last, without end.",
    "items": {
        "type": "object",
        "properties": {
            "start": {"type": "string", "format": "date-time", "pattern": _TIME},
            "end": {"anyOf": [{"type": "string", "format": "date-time", "pattern": _TIME}, {"type": "null"}]},
            "quantity": {"type": "integer", "minimum": 0, "maximum": QUANTITY_MAX},
        },
        "required": ["start", "end", "quantity"],
        "additionalProperties": False,
    },
}


def enc_hook(value: object) -> object:
    """What msgspec writes for a value that it does not know: a Schedule as its steps.

    Raises:
        NotImplementedError: the type is none of ours.
    """
    if isinstance(value, Schedule):
        return value.steps
    raise NotImplementedError(f"cannot be written: {type(value).__qualname__}")


def dec_hook(kind: type, value: object) -> object:
    """The value of a type that msgspec does not know, from plain JSON values: a Schedule from its steps.

    Raises:
        ValueError: the steps do not make a Schedule; msgspec adds the path.
        NotImplementedError: the type is none of ours.
    """
    if kind is not Schedule:
        raise NotImplementedError(f"cannot be read: {kind.__qualname__}")
    if isinstance(value, Schedule):
        return value
    try:
        steps = msgspec.convert(value, list[Step])
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    for index, step in enumerate(steps):
        for end, t in (("start", step.start), ("end", step.end)):
            if t is not None and (fault := fault_of(t)) is not None:
                raise ValueError(f"{fault} - at `$[{index}].{end}`")
    return Schedule.of(steps)


def schema_hook(kind: type) -> dict[str, Any]:
    """The JSON Schema of a type that msgspec does not know.

    Raises:
        NotImplementedError: the type is none of ours.
    """
    if kind is Schedule:
        return _SCHEDULE
    raise NotImplementedError(f"has no schema: {kind.__qualname__}")
