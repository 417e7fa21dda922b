"""What every message is: a frozen struct with an explicit tag, such as `contracts.ContractSigned.v1`.

The tag is the name of the message everywhere: in the log, on the topic, in HTTP and in scenario files (there
without the version). Values that equal their default are left out of the bytes, so that adding a field with a
default changes neither old bytes nor the digest of a repeated command.
"""

from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A part of messages, such as the terms of a contract. Unknown fields are refused."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """A fact, named in the past tense. It says all that a rule reads; its envelope only addresses it."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Command(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
    forbid_unknown_fields=True,
):
    """A request to make something happen, named in the imperative."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The parameters of one ask; what it is asked as of travels beside it."""


def tag(message: type[Event] | type[Command]) -> str:
    """Return the full name of a message, such as `contracts.ContractSigned.v1`.

    Raises:
        TypeError: the class was declared without a tag.
    """
    found = message.__struct_config__.tag
    if not isinstance(found, str):
        raise TypeError(f"{message.__qualname__} has no tag")
    return found


def short(message: type[Event] | type[Command]) -> str:
    """Return the bare name of a message, such as `ContractSigned`."""
    return tag(message).split(".")[1]
