"""An example of any message, made from its declaration: every field given, none at its default."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from msgspec import inspect

from schemas.kernel.interval import Interval
from schemas.kernel.schedule import Schedule, Step

START = datetime(2026, 7, 1, tzinfo=UTC)
_TEXTS = (
    "some-id",
    "owner/some-id",
    "owner/some-id/line",
    "12.50",
    "USD",
    "month",
    "a" * 64,
    "2026-07",
    "USD/EUR",
    "S",
    "UTC",
    "x",
    "0.5",
    "spacex/google/000001",
)


class NoExampleError(Exception):
    """No example could be made: the declaration asks for something that these rules do not know."""


def example(message: type[msgspec.Struct], *, full: bool) -> Any:
    """An example: with every field, or only with those that must be given."""
    return _Maker(full=full).struct(message)


class _Maker:
    def __init__(self, *, full: bool) -> None:
        self._full = full
        self._instants = 0

    def struct(self, type_: type[msgspec.Struct]) -> Any:
        info = inspect.type_info(type_)
        assert isinstance(info, inspect.StructType)
        return self._of(info)

    def _of(self, info: inspect.StructType) -> Any:
        if info.cls is Interval:
            return Interval(start=START, end=START + timedelta(days=31))
        values: dict[str, Any] = {}
        optional = [field for field in info.fields if not field.required]
        for field in info.fields:
            if field.required:
                values[field.name] = self.value(field.type)
        if not self._full:
            return self._first_valid(info.cls, values, optional)
        for field in optional:
            given = self.value(field.type)
            try:
                info.cls(**{**values, field.name: given})
            except ValueError:
                continue
            values[field.name] = given
        return self._first_valid(info.cls, values, optional)

    def _first_valid(self, cls: Any, values: dict[str, Any], optional: list[inspect.Field]) -> Any:
        """Fields that exclude or demand each other: as given, or with one or two more."""
        choices: list[dict[str, Any]] = [{}]
        choices += [{field.name: self.value(field.type)} for field in optional]
        choices += [{**a, **b} for a in choices[1:] for b in choices[1:]]
        for more in choices:
            try:
                return cls(**{**values, **more})
            except ValueError:
                continue
        raise NoExampleError(cls.__name__)

    def value(self, type_: inspect.Type) -> Any:
        match type_:
            case inspect.Metadata():
                return self.value(type_.type)
            case inspect.StructType():
                return self._of(type_)
            case inspect.VarTupleType() | inspect.ListType() | inspect.CollectionType():
                return (self.value(type_.item_type),)
            case inspect.TupleType():
                return tuple(self.value(item) for item in type_.item_types)
            case inspect.DictType():
                return {"key": self._free(type_.value_type)}
            case inspect.UnionType():
                kinds = [kind for kind in type_.types if not isinstance(kind, inspect.NoneType)]
                return self.value(kinds[0])
            case _:
                return self._single(type_)

    def _single(self, type_: inspect.Type) -> Any:
        match type_:
            case inspect.StrType():
                return self._text(type_)
            case inspect.IntType():
                return type_.ge if type_.ge and type_.ge > 1 else 7
            case inspect.BoolType():
                return True
            case inspect.DateTimeType():
                self._instants += 1
                return START + timedelta(days=self._instants)
            case inspect.DateType():
                return date(2026, 7, 1)
            case inspect.EnumType():
                return list(type_.cls)[-1]
            case inspect.LiteralType():
                return type_.values[-1]
            case inspect.CustomType() if type_.cls is Schedule:
                return Schedule.of([Step(start=START, end=START + timedelta(days=31), quantity=7)])
            case _:
                raise NoExampleError(type(type_).__name__)

    def _free(self, type_: inspect.Type) -> Any:
        return "value" if isinstance(type_, inspect.AnyType) else self.value(type_)

    def _text(self, type_: inspect.StrType) -> str:
        if type_.pattern is None:
            return "some text"
        pattern = type_.pattern
        for text in _TEXTS:
            if re.search(pattern, text) and len(text) >= (type_.min_length or 0):
                return text
        raise NoExampleError(pattern)
