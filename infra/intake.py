"""From what senders send to commands: plain commands, and facts as CloudEvents 1.0.

A fact that a partner reports stands for the command behind it (`Rule.reported_as`): `data` holds that
command's fields, `time` is when it is true, and `(source, id)` is the idempotency key, for ever. There is no
code for any one type.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn
from uuid import uuid4

import msgspec

from infra.instants import instant_in
from infra.problems import Fault, FaultCode
from infra.service import Rule, Service
from infra.strict_json import is_object, pointer
from infra.validation import FaultyMessageError, take
from schemas.catalog import CONTEXTS
from schemas.kernel.instants import iso
from schemas.message import Command, tag

Path = Sequence[str | int]

ID_CHARACTERS_MAX = 255
IDEMPOTENCY_KEY = "Idempotency-Key"
SPECVERSION = "1.0"
JSON_TYPES = ("application/json", "text/json")
_COMMAND_ID = re.compile(r"[!-~]{1,255}\Z")
_EVENT_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,255}\Z")
_SOURCE = re.compile(r"[^\s\x00-\x1f\x7f-\x9f]{1,255}\Z")
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,20}\Z")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z")
_ENVELOPE = frozenset({"id", "type", "effective_at", "data"})
_STATED = frozenset({"specversion", "id", "source", "type", "time", "data", "datacontenttype"})
_TEXTS = frozenset({"subject", "dataschema"})


class UnknownTypeError(ValueError):
    """No such command or event here; `owner` is the service that takes it, None if there is none.

    `other`: says where it is taken, if it is known to this service in another form.
    """

    def __init__(self, type_: str, owner: str | None, at: Path, other: str | None = None) -> None:
        """Keep what was asked for and where it stood."""
        told = other or (f"belongs to the {owner} service" if owner else "there is no such type")
        super().__init__(f"{type_}: {told}")
        self.fault = Fault(pointer((*at, "type")), FaultCode.CHOICE, told)


class Intended(msgspec.Struct, frozen=True, kw_only=True):
    """One command as its sender means it.

    Attributes:
        rule: how it is decided.
        command: the command.
        id: the sender's id of it, as the reply repeats it.
        key: the idempotency key within book and actor: the id, for CloudEvents with its source.
        effective_at: when it is true, None for the clock.
        source: of a CloudEvent.
        traceparent: W3C trace context, if it brings one.
        at: where it stands in the body.
    """

    rule: Rule
    command: Command
    id: str
    key: str
    effective_at: datetime | None = None
    source: str | None = None
    traceparent: str | None = None
    at: tuple[str | int, ...] = ()


class _Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What an envelope says beside type and data."""

    id: str
    effective_at: datetime | None = None
    source: str | None = None
    traceparent: str | None = None
    at: tuple[str | int, ...] = ()


class Intake:
    """Reads what one service takes."""

    def __init__(self, service: Service) -> None:
        """Derive both tables, commands and reported events, from the service's rules."""
        self.service = service
        open_rules = [rule for rule in service.rules if not rule.internal]
        self.commands: Mapping[str, Rule] = {tag(rule.command): rule for rule in open_rules}
        self.reports: Mapping[str, Rule] = {
            tag(rule.reported_as): rule for rule in open_rules if rule.reported_as is not None
        }

    def command(self, value: Any, at: Path = ()) -> Intended:
        """Return the command that `{id, type, effective_at, data}` is; without an id it gets one.

        Raises:
            FaultyMessageError: with every fault.
            UnknownTypeError: the type is not taken here.
        """
        faults = list(_unknown_fields(value, _ENVELOPE, at))
        id_ = _id(value, at, _COMMAND_ID, faults, required=False)
        effective_at = instant_in(value, "effective_at", faults, at=at)
        rule = _rule(self.commands, value, at, faults, command=True)
        beside = _Beside(id=id_, effective_at=effective_at, at=tuple(at))
        return _intended(rule, value.get("data"), (*at, "data"), beside, faults)

    def of_rule(self, rule: Rule, data: Any, id_: str | None, effective_at: str | None) -> Intended:
        """Return a command of a known type: its fields are the body, id and instant came beside it.

        Raises:
            FaultyMessageError: with every fault.
        """
        faults: list[Fault] = []
        beside: dict[str, Any] = {}
        if id_ is not None:
            beside[IDEMPOTENCY_KEY] = id_
        if effective_at is not None:
            beside["effective_at"] = effective_at
        known = _id(beside, (), _COMMAND_ID, faults, required=False, name=IDEMPOTENCY_KEY)
        instant = instant_in(beside, "effective_at", faults)
        return _intended(rule, data, (), _Beside(id=known, effective_at=instant), faults)

    def cloud_event(self, value: Any, at: Path = ()) -> Intended:
        """Return the command that a CloudEvent in JSON stands for.

        Raises:
            FaultyMessageError: with every fault.
            UnknownTypeError: the type is not taken here.
        """
        faults: list[Fault] = []
        if not is_object(value):
            _refuse(at, FaultCode.TYPE, "a CloudEvent is an object", "object")
        faults += _attributes(value, at)
        id_ = _id(value, at, _EVENT_ID, faults, required=True)
        source = value.get("source")
        if not isinstance(source, str) or not _SOURCE.match(source):
            faults.append(_fault(value, "source", at, "a URI reference of at most 255 characters"))
        time = instant_in(value, "time", faults, at=at)
        rule = _rule(self.reports, value, at, faults, command=False)
        trace = value.get("traceparent")
        beside = _Beside(
            id=id_,
            effective_at=time,
            source=source if isinstance(source, str) else "",
            traceparent=trace if isinstance(trace, str) and _TRACEPARENT.match(trace) else None,
            at=tuple(at),
        )
        return _intended(rule, value.get("data"), (*at, "data"), beside, faults)


def _id(
    value: Mapping[str, Any],
    at: Path,
    form: re.Pattern[str],
    faults: list[Fault],
    *,
    required: bool,
    name: str = "id",
) -> str:
    if name not in value and not required:
        return uuid4().hex
    id_ = value.get(name)
    if isinstance(id_, str) and form.match(id_):
        return id_
    wanted = "1 to 255 visible ASCII characters" if form is _COMMAND_ID else "1 to 255 characters"
    faults.append(_fault(value, name, at, wanted))
    return ""


def _intended(
    rule: Rule | None, data: Any, data_at: Path, beside: "_Beside", faults: list[Fault]
) -> Intended:
    """Return the command that was read so far, or all that is wrong with it."""
    command: Command | None = None
    if rule is not None:
        try:
            command = take(rule.command, _completed(rule, data, beside), data_at)
        except FaultyMessageError as error:
            faults += error.faults
    if faults or rule is None or command is None:
        raise FaultyMessageError(faults)
    return Intended(
        rule=rule,
        command=command,
        id=beside.id,
        key=beside.id if beside.source is None else f"{beside.source} {beside.id}",
        effective_at=beside.effective_at,
        source=beside.source,
        traceparent=beside.traceparent,
        at=beside.at,
    )


def _completed(rule: Rule, data: Any, beside: "_Beside") -> Any:
    """Return the fields with what the envelope says: the instant, and the source of an id referred to."""
    if not is_object(data):
        return data
    found = data
    fields = rule.command.__struct_encode_fields__
    if "effective_at" in fields and "effective_at" not in data and beside.effective_at is not None:
        found = {**found, "effective_at": iso(beside.effective_at)}
    for field in rule.refers:
        named = found.get(field)
        if beside.source is not None and isinstance(named, str) and " " not in named:
            found = {**found, field: f"{beside.source} {named}"}
    return found


def _rule(
    table: Mapping[str, Rule], value: Mapping[str, Any], at: Path, faults: list[Fault], *, command: bool
) -> Rule | None:
    type_ = value.get("type")
    if not isinstance(type_, str) or not type_ or len(type_) > ID_CHARACTERS_MAX:
        wanted = "the full name of a command" if command else "the full name of an event"
        faults.append(_fault(value, "type", at, wanted))
        return None
    found = table.get(type_) or (table.get(f"{type_}.v1") if command else None)
    if found is None:
        raise UnknownTypeError(type_, _owner(type_, set(table)), at, _elsewhere(type_, command=command))
    return found


def _elsewhere(type_: str, *, command: bool) -> str | None:
    """Return where a message goes that was sent as what it is not, None if it is no message of that kind."""
    for context in CONTEXTS:
        if command and any(type_ == tag(event) for event in context.events):
            return f"an event of the {context.name} service; facts are reported with POST /v1/events there"
        if not command and any(type_ == tag(one) for one in context.commands):
            return f"a command of the {context.name} service; commands go to POST /v1/commands there"
    return None


def _owner(type_: str, taken: set[str]) -> str | None:
    """Return the service that a type belongs to, if it is a message at all and is not taken by this one."""
    for context in CONTEXTS:
        names = {tag(command) for command in context.commands} | {tag(event) for event in context.events}
        if type_ in names and not any(name in taken for name in names):
            return context.name
    return None


def owner_of_ask(name: str, here: str) -> str | None:
    """Return the service that an ask belongs to by its name, None if it is this one or there is none."""
    owner = name.partition(".")[0]
    return owner if owner != here and any(context.name == owner for context in CONTEXTS) else None


def _attributes(value: Mapping[str, Any], at: Path) -> list[Fault]:
    """Return what is wrong with the attributes of a CloudEvent that need no table."""
    faults: list[Fault] = []
    if value.get("specversion") != SPECVERSION:
        faults.append(_fault(value, "specversion", at, SPECVERSION))
    media = value.get("datacontenttype", JSON_TYPES[0])
    if not isinstance(media, str) or media.partition(";")[0].strip().lower() not in JSON_TYPES:
        faults.append(_fault(value, "datacontenttype", at, JSON_TYPES[0]))
    if "data_base64" in value:
        faults.append(_fault(value, "data_base64", at, "data as JSON"))
    elif "data" not in value:
        faults.append(Fault(pointer((*at, "data")), FaultCode.REQUIRED, "the field is missing"))
    for name, item in value.items():
        if name in _STATED or name == "data_base64":
            continue
        if not _ATTRIBUTE.match(name):
            detail = "an attribute's name is 1 to 20 of a-z and 0-9"
            faults.append(Fault(pointer((*at, name)), FaultCode.UNKNOWN_FIELD, detail))
        elif not isinstance(item, str | int | bool) or (name in _TEXTS and not isinstance(item, str)):
            faults.append(_fault(value, name, at, "text, a whole number, true or false"))
    return faults


def _unknown_fields(value: Any, known: frozenset[str], at: Path) -> list[Fault]:
    if not is_object(value):
        _refuse(at, FaultCode.TYPE, "a command is an object", "object")
    return [
        Fault(pointer((*at, name)), FaultCode.UNKNOWN_FIELD, "there is no such field")
        for name in value
        if name not in known
    ]


def _fault(value: Mapping[str, Any], name: str, at: Path, expected: str) -> Fault:
    place = pointer((*at, name))
    if name not in value:
        return Fault(place, FaultCode.REQUIRED, "the field is missing", expected)
    if not isinstance(value[name], str):
        return Fault(place, FaultCode.TYPE, "not of the type asked for", expected)
    return Fault(place, FaultCode.PATTERN, "not of the form asked for", expected)


def _refuse(at: Path, code: FaultCode, detail: str, expected: str) -> NoReturn:
    raise FaultyMessageError([Fault(pointer(at), code, detail, expected)])
